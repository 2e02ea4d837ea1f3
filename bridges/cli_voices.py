"""The command line's part for voices: `speak`, `generate --text`, and `voices`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bridges import voices
from bridges.errors import RequestError
from bridges.jobs.job import Job
from bridges.requests.speak import ENGINES, LANGUAGES, PRESETS

Run = Callable[[argparse.Namespace], int]


def add_speech(parser: argparse.ArgumentParser) -> None:
    """The options of a text and of who says it how."""
    parser.add_argument("--text", help="what is to be said")
    parser.add_argument("--text_file", metavar="FILE", help="the same from a UTF-8 file; - for stdin")
    parser.add_argument("--voice", default="woman", help=f"an id of `voices list`, or {' or '.join(PRESETS)}")
    parser.add_argument("--engine", choices=ENGINES, default="auto", help="auto: CosyVoice where it is ready")
    parser.add_argument("--model", default="", help="CosyVoice's model (default: the newest that is there)")
    parser.add_argument("--language", choices=LANGUAGES, default="auto", help="of the text")
    parser.add_argument("--speed", type=float, default=1.0, help="0.5 to 2")
    parser.add_argument("--instruct", default="", help="how to say it, in words (CosyVoice)")
    parser.add_argument("--dialect", default="", help="a Chinese dialect (CosyVoice 2, 3)")
    parser.add_argument("--speech_seed", type=int, help="repeats the sound (CosyVoice)")


def speech_fields(options: argparse.Namespace) -> dict[str, Any]:
    """The fields of a request from these options. Raises RequestError."""
    names = ("engine", "model", "language", "speed", "instruct", "dialect", "speech_seed")
    return {
        "text": text_of(options),
        **voices.spoken_by(options.voice),
        **{name: getattr(options, name) for name in names},
    }


def text_of(options: argparse.Namespace) -> str:
    """--text, or what --text_file holds. Raises RequestError."""
    if not options.text_file:
        return options.text or ""
    if options.text:
        raise RequestError(
            "two_texts", "Give --text or --text_file, not both.", "请只使用 --text 或 --text_file 之一。"
        )
    try:
        path = Path(options.text_file)
        return sys.stdin.read() if options.text_file == "-" else path.expanduser().read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(
            "no_text_file",
            f"{options.text_file!r} cannot be read as UTF-8 text.",
            f"无法将 {options.text_file!r} 作为 UTF-8 文本读取。",
        ) from error


def manage(options: argparse.Namespace) -> Job | None:
    """Do what `voices ACTION` says; the job, where it is one. Raises RequestError."""
    if options.action == "list":
        for info in voices.list_voices(with_problems=True):
            words = (
                info.problem["en"] if info.problem else f"{info.seconds:4.1f} s  {info.language:5} {info.transcript}"
            )
            print(f"{info.id:24} {info.name:24} {words}")
    elif options.action == "add":
        statement = "The speaker has agreed to this use of the voice." if options.consent_by else ""
        facts = {"transcript": options.transcript, "language": options.language}
        name = options.name or Path(options.target).stem
        return voices.add_voice(options.target, name, **facts, consent=statement, consent_by=options.consent_by or "")
    elif options.action == "import":
        print(voices.import_voice(options.target).id)
    elif options.action == "export":
        print(voices.export_voice(options.target, Path.cwd()).name)
    else:
        voices.delete_voice(options.target)
    return None


def add_verbs(verbs: argparse._SubParsersAction[argparse.ArgumentParser], speak: Run, voice: Run) -> None:
    """speak and voices with their options; `speak` and `voice` carry them out."""
    new = verbs.add_parser("speak", help="make sound from text")
    add_speech(new)
    new.add_argument("--out", metavar="WAV", help="copy the sound here (it also stays with the job)")
    new.add_argument("--detach", action="store_true", help="print the job's id and return at once")
    new.set_defaults(run=speak)
    group = verbs.add_parser("voices", help="list, add, import, export and delete voices")
    actions = group.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="the voices").set_defaults(run=voice)
    add = actions.add_parser("add", help="make a recording a voice")
    add.add_argument("target", metavar="FILE", help="any sound file with 3 to 30 s of one person")
    add.add_argument("--name", help="default: the file's name")
    add.add_argument("--transcript", default="", help="exactly what is said in it")
    add.add_argument("--language", choices=LANGUAGES, default="auto", help="of the recording")
    add.add_argument("--consent_by", metavar="NAME", help="who agrees to this use of the voice: its owner")
    add.set_defaults(run=voice)
    for name, target, about in (
        ("import", "ZIP", "take in a zipped voice"),
        ("export", "ID", "write a voice as a zip here"),
        ("delete", "ID", "remove it for good"),
    ):
        action = actions.add_parser(name, help=about)
        action.add_argument("target", metavar=target)
        action.set_defaults(run=voice)
