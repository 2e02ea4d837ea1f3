"""Text to speech in a given voice.

run_cosyvoice.sh --tts_text TEXT --prompt_wav WAV --prompt_text TEXT --output_file out.wav     speak (the default)
run_cosyvoice.sh prepare --prompt_wav ANY --output_file prompt.wav                             make a recording a prompt
run_cosyvoice.sh transcribe --prompt_wav WAV                                                   write down what it says
run_cosyvoice.sh serve                                                                         stay loaded (worker.py)

Exit codes: 0 done, 2 the input cannot be used (one sentence on stderr), 3 the environment is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from talking_gaussian import stopping
from talking_gaussian.errors import UserError, file_fault
from talking_gaussian.progress import Progress
from voice_engine.settings import DIALECTS, ENGINES, MODES, SpeakSettings
from voice_engine.text.languages import LANGUAGES

COMMANDS = ("speak", "prepare", "transcribe", "serve")
MAX_TEXT_BYTES = 200_000


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError("bad_arguments", f"{message}. See --help.", f"参数有误:{message}。请参阅 --help。")


def build_parser() -> argparse.ArgumentParser:
    """The command line; the names that users of CosyVoice know are kept."""
    parser = _Parser(prog="run_cosyvoice.sh", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("command", nargs="?", choices=COMMANDS, default="speak")
    add("--tts_text", help="what to say")
    add("--tts_text_file", type=Path, help="the same from a UTF-8 file (for long text and line breaks)")
    add(
        "--output_file", help="the .wav to write: 24 kHz, mono, 16 bit; - sends bare samples to stdout as they are made"
    )
    add("--prompt_wav", type=Path, help="a recording of the voice, 3 to 30 s, any sound file of 16 kHz or more")
    add("--prompt_text", default="", help="exactly what is said in it")
    add("--prompt_text_file", type=Path, help="the same from a file")
    add("--language", default="auto", help="of the text: auto, " + ", ".join(LANGUAGES))
    add("--speed", type=float, default=1.0, help="0.5 to 2")
    add("--mode", default="auto", help=", ".join(MODES))
    add("--instruct", default="", help="how to say it, in words (CosyVoice)")
    add("--dialect", default="", help="a Chinese dialect (CosyVoice 2, 3): " + " ".join(DIALECTS))
    add("--speaker", default="", help="a preset voice: of the model, or man / woman of the embedded voice")
    add("--seed", type=int, help="repeats the result")
    add("--stream", action="store_true", help="hand on sound as it is made")
    add("--engine", default="auto", help=", ".join(ENGINES) + " (auto: CosyVoice where it is ready)")
    add("--model_dir", type=Path, help="CosyVoice's model folder (default: the newest under models/cosyvoice)")
    add("--source_dir", type=Path, help="CosyVoice's code (default: where get_upstream.sh puts it)")
    add("--fp16", action="store_true", help="half precision on a GPU")
    add("--idle_s", type=float, default=600.0, help="serve: end after so many seconds without a request")
    return parser


def settings_of(options: argparse.Namespace, text: str) -> SpeakSettings:
    """The request that the options make."""
    transcript = read_text(options.prompt_text_file) if options.prompt_text_file else options.prompt_text
    names = ("prompt_wav", "language", "speed", "mode", "instruct", "dialect", "speaker", "seed", "stream", "engine")
    names += ("model_dir", "source_dir", "fp16")
    return SpeakSettings(text=text, prompt_text=transcript, **{name: getattr(options, name) for name in names})


def speak(options: argparse.Namespace) -> None:
    """Text to a file or to stdout; the last line on stdout says how it was done (with a file)."""
    from voice_engine.sound import RawSink, opened_wav
    from voice_engine.speaking import STAGES, Studio

    if (options.tts_text is None) == (options.tts_text_file is None):
        raise UserError(
            "no_text",
            "Give the text as --tts_text or --tts_text_file.",
            "请用 --tts_text 或 --tts_text_file 提供文本。",
        )
    text = read_text(options.tts_text_file) if options.tts_text_file else options.tts_text
    settings = settings_of(options, text)
    settings.check()
    output = checked_output(options.output_file)
    progress = Progress(STAGES)
    with Studio() as studio:
        if output is None:
            stdout = os.fdopen(os.dup(1), "wb")
            os.dup2(2, 1)  # samples only: nothing that a library prints
            studio.speak(settings, RawSink(stdout), progress)
            return
        with opened_wav(output) as sink:
            done = studio.speak(settings, sink, progress)
    facts = {"seconds": round(done.seconds, 3), "took_s": round(done.took_s, 3), "engine": done.engine}
    print(json.dumps({**facts, "mode": done.mode, "en": done.en, "zh": done.zh}, ensure_ascii=False))


def prepare(options: argparse.Namespace) -> None:
    """A recording to a prompt: 24 kHz mono, trimmed, even; prints its length, pitch and remarks as JSON."""
    from voice_engine.prompt import prepare_prompt

    output = checked_output(options.output_file)
    if output is None:
        raise UserError("bad_output", "prepare writes a .wav file.", "prepare 需要输出 .wav 文件。")
    prompt = prepare_prompt(checked_prompt(options), whole=bool(options.prompt_text or options.prompt_text_file))
    output.parent.mkdir(parents=True, exist_ok=True)
    scratch = output.with_name(f".{output.name}.part")
    prompt.save(scratch).replace(output)
    notes = {"en": [en for en, _ in prompt.notes], "zh": [zh for _, zh in prompt.notes]}
    facts = {"seconds": round(prompt.seconds, 2), "pitch": round(prompt.pitch, 1), "notes": notes}
    print(json.dumps(facts, ensure_ascii=False))


def transcribe(options: argparse.Namespace) -> None:
    """Print what a recording says as JSON: {"text", "language", "reliable"}."""
    from voice_engine import transcribe as hearing
    from voice_engine.prompt import prepare_prompt
    from voice_engine.sound import OUTPUT_RATE, resample

    prompt = prepare_prompt(checked_prompt(options))
    heard = hearing.transcribe(resample(prompt.samples, OUTPUT_RATE, hearing.RATE), options.language)
    facts = {"text": heard.text, "language": heard.language, "reliable": heard.reliable}
    print(json.dumps(facts, ensure_ascii=False))


def serve(options: argparse.Namespace) -> None:
    """Stay loaded and answer requests."""
    from voice_engine.worker import serve as answer_requests

    answer_requests(settings_of(options, ""), options.idle_s)


def read_text(path: Path) -> str:
    """A UTF-8 text file. Raises UserError where it is none."""
    if path.is_file() and path.stat().st_size > MAX_TEXT_BYTES:
        raise UserError("text_too_long", f"{path.name!r} is too long.", f"{path.name!r} 过长。")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            "text_not_utf8",
            f"{path.name!r} is not UTF-8 text. Save it as UTF-8.",
            f"{path.name!r} 不是 UTF-8 文本。请另存为 UTF-8。",
        ) from error


def checked_prompt(options: argparse.Namespace) -> Path:
    """The recording that was named. Raises UserError where none was."""
    if options.prompt_wav is None:
        raise UserError("no_prompt", "Give the recording as --prompt_wav.", "请用 --prompt_wav 提供录音。")
    return options.prompt_wav


def checked_output(name: str | None) -> Path | None:
    """The file to write; None for stdout. Raises UserError for what is neither."""
    if name == "-":
        return None
    path = Path(name or "")
    if path.suffix.lower() != ".wav" or path.is_dir():
        raise UserError(
            "bad_output",
            f"--output_file must be a .wav file (or - for stdout), not {path.name!r}.",
            f"--output_file 必须是 .wav 文件(或 - 表示标准输出),而不是 {path.name!r}。",
        )
    return path


RUN: dict[str, Callable[[argparse.Namespace], None]] = {
    "speak": speak,
    "prepare": prepare,
    "transcribe": transcribe,
    "serve": serve,
}


def joined(arguments: Sequence[str], flags: frozenset[str]) -> list[str]:
    """`--tts_text -x` -> `--tts_text=-x`, so that a text may begin with a dash."""
    result: list[str] = []
    for argument in arguments:
        takes_value = result and result[-1].startswith("--") and "=" not in result[-1] and result[-1] not in flags
        if takes_value:
            result[-1] += f"={argument}"
        else:
            result.append(argument)
    return result


def main(arguments: Sequence[str]) -> int:
    """Run a command; a fault of the input becomes one sentence and exit code 2."""
    try:
        options = build_parser().parse_args(joined(arguments, frozenset({"--stream", "--fp16", "--help"})))
        RUN[options.command](options)
    except UserError as error:
        return refused(error)
    except BrokenPipeError:
        return 1  # whoever listened has left
    except OSError as error:
        return refused(file_fault(error))
    except stopping.Stopped as stopped:
        return 128 + stopped.number
    return 0


def refused(error: UserError) -> int:
    """Say what cannot be used, for a person and in a job for the page; the exit code."""
    if os.environ.get("TFG_JOB_DIR"):
        report = {"code": error.code, "en": error.en, "zh": error.zh}
        print("@error", json.dumps(report, ensure_ascii=False), file=sys.stderr)
    print(f"error: {error.sentence(os.environ.get('TFG_LANG', 'en'))}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    stopping.listen()
    sys.exit(main(sys.argv[1:]))
