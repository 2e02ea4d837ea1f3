"""What one request to speak is made of, and what can be refused before anything is loaded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from talking_gaussian.errors import UserError

from voice_engine.text.languages import LANGUAGES, is_speakable

ENGINES = ("auto", "cosyvoice", "embedded")
MODES = ("auto", "zero_shot", "cross_lingual", "instruct", "preset")
SPEEDS = (0.5, 2.0)
MAX_TEXT = 20_000
MAX_SEED = 2**31 - 1
DIALECTS = (
    "广东话", "东北话", "甘肃话", "贵州话", "河南话", "湖北话", "湖南话", "江西话", "闽南话", "宁夏话", "山西话",
    "陕西话", "山东话", "上海话", "四川话", "天津话", "云南话",
)  # fmt: skip
_TAG = re.compile(r"<\|(/?[A-Za-z_0-9]+)\|>")
_INSTRUCTION = re.compile(r"\s*(you are a helpful|请?用.{1,12}(话|语气|风格|语速)?(说|表达))", re.IGNORECASE)


@dataclass(frozen=True)
class SpeakSettings:
    """One text to be spoken.

    text: 1 to 20,000 characters. prompt_wav: a recording of the voice, 3 to 30 s; prompt_text: exactly what is said in
    it ("": not known). language: of the text, or auto. speed: 0.5 to 2. mode: see MODES. instruct: how to say it, in
    words; dialect: one of DIALECTS; speaker: a preset voice's name. seed: repeats the result. stream: hand on sound as
    it is made. engine: auto takes CosyVoice where it is ready. model_dir, source_dir: CosyVoice's weights and code.
    """

    text: str
    prompt_wav: Path | None = None
    prompt_text: str = ""
    language: str = "auto"
    speed: float = 1.0
    mode: str = "auto"
    instruct: str = ""
    dialect: str = ""
    speaker: str = ""
    seed: int | None = None
    stream: bool = False
    engine: str = "auto"
    model_dir: Path | None = None
    source_dir: Path | None = None
    fp16: bool = False

    def check(self) -> None:
        """Raise UserError for what can be seen at once."""
        self._check_text()
        _check_choice("engine", self.engine, ENGINES)
        _check_choice("mode", self.mode, MODES)
        _check_choice("language", self.language, ("auto", *LANGUAGES))
        if self.dialect:
            _check_choice("dialect", self.dialect, DIALECTS)
        if not SPEEDS[0] <= self.speed <= SPEEDS[1]:  # also refuses nan
            raise UserError(
                "bad_speed",
                f"speed must be {SPEEDS[0]} to {SPEEDS[1]}, not {self.speed:g}.",
                f"语速必须在 {SPEEDS[0]} 到 {SPEEDS[1]} 之间,而不是 {self.speed:g}。",
            )
        if self.seed is not None and not 0 <= self.seed <= MAX_SEED:
            raise UserError("bad_seed", f"seed must be 0 to {MAX_SEED}.", f"随机种子必须在 0 到 {MAX_SEED} 之间。")
        self._check_prompt()

    def _check_text(self) -> None:
        if not is_speakable(_TAG.sub("", self.text)):
            raise UserError(
                "no_text",
                "There is nothing to say: the text holds no letter and no figure. Type a sentence.",
                "没有可朗读的内容:文本中没有文字或数字。请输入一句话。",
            )
        if len(self.text) > MAX_TEXT:
            raise UserError(
                "text_too_long",
                f"The text has {len(self.text)} characters; the limit is {MAX_TEXT}. Split it into parts.",
                f"文本有 {len(self.text)} 个字符,上限为 {MAX_TEXT}。请分段处理。",
            )
        tag = _TAG.search(self.text) or _TAG.search(self.prompt_text)
        if tag:
            raise UserError(
                "tag_in_text",
                f"Take {tag[0]} out of the text: language and mode are chosen by options; tags would be read aloud.",
                f"请从文本中删除 {tag[0]}:语言和模式由选项决定,标签会被直接读出来。",
            )

    def _check_prompt(self) -> None:
        if self.prompt_text and not is_speakable(self.prompt_text):
            raise UserError(
                "bad_transcript",
                "The prompt's transcript holds no words. Write exactly what is said, or leave it empty.",
                "提示音频的文本中没有文字。请写下实际说的内容,或留空。",
            )
        if self.prompt_text and not self.prompt_wav:
            raise UserError(
                "transcript_alone",
                "A transcript was given without a recording. Add the recording, or leave the transcript away.",
                "只提供了提示文本,没有录音。请添加录音,或去掉提示文本。",
            )
        if _INSTRUCTION.match(self.prompt_text):
            raise UserError(
                "instruction_as_transcript",
                "The transcript looks like an instruction. Give that as --instruct; a transcript is what is said.",
                "提示文本看起来是一条指令。请用 --instruct 提供指令;提示文本应是录音中所说的内容。",
            )


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        listed = ", ".join(choices)
        raise UserError(
            f"bad_{name}", f"{name} must be one of {listed}, not {value!r}.", f"{name} 必须是 {listed} 之一。"
        )
