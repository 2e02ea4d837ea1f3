"""CosyVoice 1, 2 and 3 through one class; upstream's own code (at the commit of get_upstream.sh), unchanged."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from talking_gaussian.errors import UserError

from voice_engine.models import SPOKEN, ModelFolder
from voice_engine.prompt import Prompt
from voice_engine.settings import SpeakSettings
from voice_engine.text.languages import NAMES, language_of
from voice_engine.text.normalise import spoken_form

PREFIX = "You are a helpful assistant."  # CosyVoice 3 was trained with it
END = "<|endofprompt|>"
CANTONESE = "广东话"
FIRST_HOP = 25  # speech tokens of a stream's first chunk: one second
KEPT_PROMPTS = 16
BROKEN_TRANSFORMERS = (4, 53)


class CosyVoice:
    """A loaded model that speaks pieces of text in one voice at a time.

    rate: Hz of what it gives. Loading takes 10 to 30 s on a CPU; keep it (see worker.py).
    """

    limit = 80.0

    def __init__(self, model: ModelFolder, source: Path, fp16: bool = False) -> None:
        self.version = model.version
        self._model = load_model(model, source, fp16)
        self.rate = int(self._model.sample_rate)
        self.reads_numbers = bool(self._model.frontend.text_frontend)  # without wetext it reads figures wrongly
        self._folder = tempfile.TemporaryDirectory(prefix="tfg-prompt-")
        self._prompt_file: Path | None = None
        self._known: dict[tuple[int, str], str] = {}
        self._counted = 0
        self._settings = SpeakSettings(text="")
        self._mode = "zero_shot"

    def __enter__(self) -> CosyVoice:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the prompt's copy."""
        self._folder.cleanup()

    @property
    def speakers(self) -> list[str]:
        """The preset voices in the model folder."""
        return [name for name in self._model.list_available_spks() if not name.startswith("tfg:")]

    def prepare(self, settings: SpeakSettings, prompt: Prompt | None) -> str:
        """Take over a request's voice and manner; returns the mode that was chosen. Raises UserError."""
        mode = chosen_mode(settings, self.version, prompt is not None, self.speakers)
        check_language(settings, self.version)
        self._settings, self._mode = settings, mode
        if prompt is not None:
            digest = hash(prompt.samples.tobytes())
            self._prompt_file = Path(self._folder.name) / f"{digest & 0xFFFFFFFFFFFF:x}.wav"
            if not self._prompt_file.exists():
                prompt.save(self._prompt_file)
        if settings.seed is not None:
            set_seed(settings.seed)
        if hasattr(self._model.model, "token_hop_len"):
            self._model.model.token_hop_len = FIRST_HOP  # upstream never sets it back: later streams would start late
        return mode

    def speak(self, text: str) -> Iterator[np.ndarray]:
        """Chunks of float32 mono at `rate`. Raises RuntimeError with upstream's own reason where it fails."""
        if not self.reads_numbers:
            text = spoken_form(text, language_of(text))
        with thread_faults() as faults:
            try:
                for chunk in self._calls(text):
                    yield chunk["tts_speech"].squeeze(0).cpu().numpy().astype(np.float32)
            except Exception as error:
                cause = faults[0] if faults else error
                raise RuntimeError(f"CosyVoice failed: {type(cause).__name__}: {cause}") from cause

    def _calls(self, text: str) -> Iterator[dict[str, Any]]:
        """Upstream's call for the mode."""
        s, model = self._settings, self._model
        common = {"stream": s.stream, "speed": s.speed}
        if self._mode == "preset":
            text = self._with_prefix(text) if self.version == 3 else text
            return model.inference_sft(text, s.speaker or self.speakers[0], **common)
        if self._mode == "instruct" and self.version == 1:
            return model.inference_instruct(text, s.speaker or self.speakers[0], s.instruct + END, **common)
        prompt = str(self._prompt_file)
        if self._mode == "instruct":
            return model.inference_instruct2(text, instruction(s, self.version), prompt, **common)
        if self._mode == "cross_lingual":
            known = self._remembered("", prompt)
            return model.inference_cross_lingual(self._cross_lingual_text(text), prompt, known, **common)
        transcript = f"{PREFIX}{END}{s.prompt_text}" if self.version == 3 else s.prompt_text
        return model.inference_zero_shot(text, transcript, prompt, self._remembered(transcript, prompt), **common)

    def _remembered(self, transcript: str, prompt: str) -> str:
        """The name under which the model keeps this prompt's features, so that each piece need not make them anew."""
        key = (hash(prompt), transcript)
        if key not in self._known:
            if len(self._known) >= KEPT_PROMPTS:
                del self._model.frontend.spk2info[self._known.pop(next(iter(self._known)))]
            self._counted += 1
            name = f"tfg:{self._counted}"
            normal = self._model.frontend.text_normalize(transcript, split=False) if transcript else ""
            self._model.add_zero_shot_spk(normal, prompt, name)
            self._known[key] = name
        return self._known[key]

    def _cross_lingual_text(self, text: str) -> str:
        """With what the version wants before it. A text with a tag is not normalised by upstream, so here first."""
        if self.version == 2:
            return text
        if self.version == 3:
            return self._with_prefix(text)
        language = language_of(text) if self._settings.language == "auto" else self._settings.language
        return f"<|{language}|>{self._model.frontend.text_normalize(text, split=False)}"

    def _with_prefix(self, text: str) -> str:
        """A text with no prompt's words before it, as CosyVoice 3 demands it."""
        return PREFIX + END + self._model.frontend.text_normalize(text, split=False)


def chosen_mode(settings: SpeakSettings, version: int, has_prompt: bool, speakers: list[str]) -> str:
    """The mode for a request; what cannot be done is refused by UserError in words that say what to do."""
    mode = settings.mode
    if mode == "auto":
        wants_manner = settings.instruct or settings.dialect or (settings.language == "yue" and version > 1)
        if settings.speaker and not wants_manner:
            mode = "preset"
        elif wants_manner:
            mode = "instruct"
        elif has_prompt:
            mode = "zero_shot" if settings.prompt_text else "cross_lingual"
        else:
            mode = "preset"
    _check_mode(mode, settings, version, has_prompt, speakers)
    return mode


def _check_mode(mode: str, settings: SpeakSettings, version: int, has_prompt: bool, speakers: list[str]) -> None:
    if settings.stream and settings.speed != 1.0:
        raise UserError(
            "speed_with_stream",
            "CosyVoice changes the speed only of whole sentences: leave --stream or --speed away.",
            "CosyVoice 只能对整句调整语速:请去掉 --stream 或 --speed。",
        )
    preset_wanted = mode == "preset" or (mode == "instruct" and version == 1)
    if preset_wanted:
        _check_speaker(mode, settings, speakers)
    elif not has_prompt:
        raise UserError(
            "no_prompt",
            f"The mode {mode} needs a recording of the voice (--prompt_wav).",
            f"{mode} 模式需要一段声音录音(--prompt_wav)。",
        )
    if mode == "zero_shot" and not settings.prompt_text:
        raise UserError(
            "no_transcript",
            "zero_shot needs the exact words of the recording (--prompt_text). Without them use cross_lingual.",
            "zero_shot 模式需要录音的准确文本(--prompt_text)。没有文本时请使用 cross_lingual。",
        )
    if mode == "instruct" and not (settings.instruct or settings.dialect or settings.language == "yue"):
        raise UserError(
            "no_instruction",
            "The mode instruct needs words that say how to speak (--instruct), or a dialect (--dialect).",
            "instruct 模式需要说话方式的描述(--instruct)或方言(--dialect)。",
        )


def _check_speaker(mode: str, settings: SpeakSettings, speakers: list[str]) -> None:
    if not speakers:
        raise UserError(
            "no_presets",
            f"This model has no preset voices, which the mode {mode} needs. Give a recording (--prompt_wav).",
            f"该模型没有 {mode} 模式所需的预设音色。请提供录音(--prompt_wav)。",
        )
    if settings.speaker and settings.speaker not in speakers:
        listed = ", ".join(speakers[:12])
        raise UserError(
            "no_speaker",
            f"This model has no preset voice {settings.speaker!r}; it has: {listed}.",
            f"该模型没有预设音色 {settings.speaker!r},可选:{listed}。",
        )


def check_language(settings: SpeakSettings, version: int) -> None:
    """Raise UserError for a language that the version does not speak, and for what it would read wrongly."""
    language = language_of(settings.text) if settings.language == "auto" else settings.language
    if language not in SPOKEN[version]:
        en, zh = NAMES[language]
        raise UserError(
            "language_not_spoken",
            f"CosyVoice {version} does not speak {en}.",
            f"CosyVoice {version} 不支持{zh}。",
        )
    has_kanji = any("\u4e00" <= character <= "\u9fff" for character in settings.text)
    if version == 3 and language == "ja" and has_kanji:
        raise UserError(
            "japanese_in_kanji",
            "CosyVoice 3 reads Japanese only in katakana. Write the text in katakana.",
            "CosyVoice 3 只能朗读片假名日语。请把文本改写为片假名。",
        )


def instruction(settings: SpeakSettings, version: int) -> str:
    """The sentence that tells CosyVoice 2 or 3 how to speak, as it was trained."""
    dialect = settings.dialect or (CANTONESE if settings.language == "yue" and not settings.instruct else "")
    words = (f"请用{dialect}表达。" if version == 3 else f"用{dialect}说这句话") if dialect else settings.instruct
    return f"{PREFIX} {words}{END}" if version == 3 else words + END


def set_seed(seed: int) -> None:
    """Make the next result repeatable."""
    from cosyvoice.utils.common import set_all_random_seed

    set_all_random_seed(seed)


def load_model(model: ModelFolder, source: Path, fp16: bool) -> Any:
    """Upstream's model object. Raises UserError for files that cannot be loaded and packages that garble speech."""
    # before anything that draws a bar is imported, and before upstream asks for the log of everything
    os.environ.setdefault("TQDM_DISABLE", "1")
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    warnings.simplefilter("ignore")
    check_transformers()
    for folder in (source / "third_party" / "Matcha-TTS", source):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
    read_with_soundfile()
    from cosyvoice.cli.cosyvoice import AutoModel

    try:
        return AutoModel(model_dir=str(model.path), fp16=fp16)
    except Exception as error:
        raise UserError(
            "model_broken",
            f"The model in {model.path.name!r} cannot be loaded ({type(error).__name__}: {str(error)[:200]}). "
            "Fetch it again: bash CosyVoice/get_weights.sh",
            f"无法载入模型 {model.path.name!r}({type(error).__name__})。请重新下载:bash CosyVoice/get_weights.sh",
        ) from error


def check_transformers() -> None:
    """Raise UserError for a release with which CosyVoice speaks garbled without any error.

    Its language model decodes with a mask of length one beside its cache; from 4.53 on that hides the cache.
    """
    import transformers

    version = tuple(int(part) for part in transformers.__version__.split(".")[:2])
    if version >= BROKEN_TRANSFORMERS:
        raise UserError(
            "transformers_too_new",
            f"transformers {transformers.__version__} makes CosyVoice speak garbled; 4.51.3 is right. "
            "Create the environment: python environments/manage.py create cosyvoice --part cloning",
            f"transformers {transformers.__version__} 会让 CosyVoice 发音混乱,应使用 4.51.3。"
            "请运行:python environments/manage.py create cosyvoice --part cloning",
        )


def read_with_soundfile() -> None:
    """torchaudio from 2.9 on reads files only with another package: upstream's loader then reads through soundfile."""
    import torch
    import torchaudio

    if tuple(int(part) for part in torchaudio.__version__.split(".")[:2]) < (2, 9):
        return
    import soundfile

    def load(path: str, **_options: Any) -> tuple[torch.Tensor, int]:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
        return torch.from_numpy(samples.T.copy()), rate

    torchaudio.load = load


@contextmanager
def thread_faults() -> Iterator[list[BaseException]]:
    """What is raised in other threads meanwhile: upstream's language model runs in one, its reason would be lost."""
    faults: list[BaseException] = []
    before = threading.excepthook

    def note(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            faults.append(args.exc_value)

    threading.excepthook = note
    try:
        yield faults
    finally:
        threading.excepthook = before
