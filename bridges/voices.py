"""The voice library: a voice is a folder with `voice.json` and `prompt.wav`, which can be zipped and sent.

`python -m bridges.voices PROMPT.wav FACTS.json` puts a prepared recording into the library (a step of AddVoiceRequest).
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
import stat
import sys
import tempfile
import time
import unicodedata
import wave
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bridges import environments, paths
from bridges.errors import RequestError
from bridges.jobs.folder import read_json, write_json
from bridges.jobs.job import Job, submit
from bridges.requests import AddVoiceRequest, TranscribeRequest
from bridges.requests.speak import LANGUAGES, PRESETS
from bridges.requests.voices import check_consent, check_words

FILES = ("voice.json", "prompt.wav")
FORMAT_VERSION = 1
LENGTHS_S = (2.9, 30.5)
RATES = (16_000, 48_000)
MAX_PROMPT_BYTES = 6_000_000
MAX_JSON_BYTES = 100_000
MAX_VOICES = 500


@dataclass(frozen=True)
class VoiceInfo:
    """One voice. id: its folder's name; name: as shown; transcript: what its recording says ("": not known); language:
    of the recording or auto; consent: {"statement", "by", "date"}; prompt: the recording; seconds: of it; problem:
    None, or the sentence {"en", "zh"} why it cannot be used.
    """

    id: str
    name: str
    transcript: str = ""
    language: str = "auto"
    consent: dict[str, str] = field(default_factory=dict)
    prompt: Path | None = None
    seconds: float = 0.0
    created: str = ""
    problem: dict[str, str] | None = None


def list_voices(with_problems: bool = False) -> list[VoiceInfo]:
    """The user's voices by name; broken folders only `with_problems`."""
    root = paths.voices()
    folders = sorted(root.iterdir()) if root.is_dir() else []
    infos = [read_voice(path) for path in folders if path.is_dir() and not path.name.startswith(".")]
    return sorted((info for info in infos if with_problems or not info.problem), key=lambda info: info.name.lower())


def get_voice(voice_id: str) -> VoiceInfo:
    """The voice of this id, broken ones too. Raises RequestError."""
    for info in list_voices(with_problems=True):
        if info.id == voice_id:
            return info
    raise RequestError("no_voice", f"There is no voice {voice_id!r}.", f"没有声音 {voice_id!r}。")


def spoken_by(voice_id: str) -> dict[str, str]:
    """The fields of a request that let a voice of the library, or a preset (man, woman), speak. Raises RequestError."""
    if voice_id in PRESETS:
        return {"voice": voice_id, "speaker": voice_id}
    info = get_voice(voice_id)
    if info.problem or info.prompt is None:
        problem = info.problem or {"en": "it has no recording", "zh": "没有录音"}
        raise RequestError("bad_voice", problem["en"], problem["zh"])
    return {"voice": info.name, "prompt": str(info.prompt), "prompt_text": info.transcript}


def add_voice(recording: str | Path, name: str, **facts: str) -> Job:
    """Start making a recording a voice; the job's `result` is its id. facts: transcript, language, consent, consent_by.

    Raises RequestError.
    """
    request = AddVoiceRequest(str(Path(recording).expanduser().absolute()), name.strip(), **facts)
    request.check()
    environments.prepare_if_missing("cosyvoice")
    return submit(request)


def transcribe(recording: str | Path, language: str = "auto") -> Job:
    """Start writing down what a recording says; `transcript_of` the ended job has it. Raises RequestError."""
    request = TranscribeRequest(str(Path(recording).expanduser().absolute()), language)
    request.check()
    environments.prepare_if_missing("cosyvoice")
    return submit(request)


def transcript_of(job: Job) -> str:
    """What was heard, of an ended job of `transcribe`; "" where it failed."""
    status = job.status()
    return str(json.loads(status.result)["text"]) if status.state == "done" else ""


def rename_voice(voice_id: str, name: str, transcript: str | None = None) -> None:
    """Give a voice another name, or correct its transcript. Raises RequestError."""
    info = get_voice(voice_id)
    wanted = transcript if transcript is not None else info.transcript
    check_words(name, wanted)
    path = paths.voices() / info.id / "voice.json"
    write_json(path, {**read_json(path), "name": name.strip(), "transcript": wanted.strip()})


def delete_voice(voice_id: str) -> None:
    """Remove a voice for good (results that were made with it stay). Raises RequestError."""
    shutil.rmtree(paths.voices() / get_voice(voice_id).id)


def export_voice(voice_id: str, folder: Path | None = None) -> Path:
    """Write `<id>.zip` into a folder, by default a new temporary one; returns it. Raises RequestError."""
    info = get_voice(voice_id)
    if info.problem:
        raise RequestError("bad_voice", info.problem["en"], info.problem["zh"])
    target = (folder or Path(tempfile.mkdtemp(prefix="tfg-voice-"))) / f"{info.id}.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name in FILES:
            bundle.write(paths.voices() / info.id / name, f"{info.id}/{name}")
    return target


def import_voice(archive: str | Path) -> VoiceInfo:
    """Check a zipped voice and put it into the library; a refused one leaves nothing there. Raises RequestError."""
    archive = Path(archive)
    try:
        with zipfile.ZipFile(archive) as bundle:
            data = {name: bundle.read(member) for name, member in _known_members(bundle).items()}
    except (OSError, ValueError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise _bad("it is not a readable zip of a voice", "它不是可读取的声音 zip 文件") from error
    with tempfile.TemporaryDirectory(prefix="tfg-voice-") as scratch:
        for name, content in data.items():
            (Path(scratch) / name).write_bytes(content)
        facts = checked_facts(Path(scratch) / "voice.json")
        return install(Path(scratch) / "prompt.wav", facts)


def install(prompt: Path, facts: dict[str, Any]) -> VoiceInfo:
    """Put a prepared recording into the library under a free id. Raises RequestError."""
    seconds = checked_prompt(prompt)
    root = paths.voices()
    root.mkdir(parents=True, exist_ok=True)
    if sum(1 for _ in root.iterdir()) >= MAX_VOICES:
        raise RequestError("too_many_voices", "The library is full; delete a voice.", "声音库已满,请先删除一个声音。")
    consent = {"date": time.strftime("%Y-%m-%d"), **facts["consent"]}
    kept = {
        "format_version": FORMAT_VERSION,
        "name": facts["name"].strip(),
        "transcript": facts.get("transcript", "").strip(),
        "language": facts.get("language", "auto"),
        "consent": {key: str(consent[key]) for key in ("statement", "by", "date")},
        "seconds": round(seconds, 2),
        "created": facts.get("created") or time.strftime("%Y-%m-%dT%H:%M:%S"),
    }
    scratch = root / f".new-{secrets.token_hex(6)}"
    scratch.mkdir()
    try:
        shutil.copyfile(prompt, scratch / "prompt.wav")
        write_json(scratch / "voice.json", kept)
        target = _free_folder(root, kept["name"])
        scratch.rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return read_voice(target)


def read_voice(folder: Path) -> VoiceInfo:
    """One voice's facts; a broken one carries its `problem`."""
    try:
        facts = checked_facts(folder / "voice.json")
        seconds = checked_prompt(folder / "prompt.wav")
    except RequestError as error:
        problem = {"en": error.sentence("en"), "zh": error.sentence("zh")}
        return VoiceInfo(folder.name, folder.name, problem=problem)
    return VoiceInfo(
        id=folder.name,
        name=facts["name"],
        transcript=facts["transcript"],
        language=facts["language"],
        consent=facts["consent"],
        prompt=folder / "prompt.wav",
        seconds=seconds,
        created=str(facts.get("created", "")),
    )


def checked_facts(path: Path) -> dict[str, Any]:
    """What voice.json says. Raises RequestError where it is none of this version or lacks consent."""
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise _bad("voice.json is too large", "voice.json 过大")
        facts = read_json(path)
    except (OSError, ValueError, RecursionError) as error:
        raise _bad("voice.json cannot be read", "无法读取 voice.json") from error
    if facts.get("format_version") != FORMAT_VERSION:
        raise _bad("its format is unknown here", "格式版本未知")
    if not all(isinstance(facts.get(key), str) for key in ("name", "transcript", "language")):
        raise _bad("voice.json lacks name, transcript or language", "voice.json 缺少名称、文本或语言")
    if facts["language"] not in LANGUAGES:
        raise _bad("its language is unknown here", "语言未知")
    check_words(facts["name"], facts["transcript"])
    check_consent(facts.get("consent"))
    return facts


def checked_prompt(path: Path) -> float:
    """Seconds of a prompt.wav. Raises RequestError unless it is mono PCM16 of 3 to 30 s."""
    try:
        if path.stat().st_size > MAX_PROMPT_BYTES:
            raise _bad("prompt.wav is too large", "prompt.wav 过大")
        with wave.open(str(path)) as file:
            form = (file.getnchannels(), file.getsampwidth())
            rate, seconds = file.getframerate(), file.getnframes() / max(1, file.getframerate())
            whole = len(file.readframes(file.getnframes())) == 2 * file.getnframes()
    except (OSError, wave.Error, EOFError) as error:
        raise _bad("prompt.wav cannot be read", "无法读取 prompt.wav") from error
    if form != (1, 2) or not RATES[0] <= rate <= RATES[1] or not whole:
        raise _bad("prompt.wav must be mono, 16 bit, 16 to 48 kHz", "prompt.wav 必须为单声道、16 位、16 到 48 kHz")
    if not LENGTHS_S[0] <= seconds <= LENGTHS_S[1]:
        raise _bad("prompt.wav must last 3 to 30 seconds", "prompt.wav 必须为 3 到 30 秒")
    return seconds


def _known_members(bundle: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Plain file name -> zip entry; exactly FILES, at the top or all in one folder, and of a sensible size."""
    members: dict[str, zipfile.ZipInfo] = {}
    parents = set()
    for info in bundle.infolist():
        if info.is_dir() or info.filename.startswith("__MACOSX/"):
            continue
        *parent, name = info.filename.split("/")
        kind = stat.S_IFMT(info.external_attr >> 16)
        plain = len(parent) <= 1 and ".." not in parent and kind in (0, stat.S_IFREG)
        if not plain or name not in FILES or name in members:
            raise _bad(f"it holds an entry that no voice has: {info.filename[:80]!r}", "其中有不属于声音的条目")
        if info.file_size > (MAX_PROMPT_BYTES if name == "prompt.wav" else MAX_JSON_BYTES):
            raise _bad(f"{name} is too large", f"{name} 过大")
        parents.add("/".join(parent))
        members[name] = info
    if set(members) != set(FILES) or len(parents) != 1:
        raise _bad("it must hold voice.json and prompt.wav", "其中必须有 voice.json 和 prompt.wav")
    return members


def _free_folder(root: Path, name: str) -> Path:
    """A folder name made of the voice's, in plain letters."""
    plain = unicodedata.normalize("NFKC", name).lower()
    base = re.sub(r"[^\w-]+", "-", plain).strip("-_")[:40] or "voice"
    for suffix in ("", *(f"-{n}" for n in range(2, MAX_VOICES + 2))):
        taken = base + suffix in PRESETS or (root / f"{base}{suffix}").exists()
        if not taken:
            return root / f"{base}{suffix}"
    raise RequestError("too_many_voices", "There are too many voices of this name.", "同名声音过多。")


def _bad(en: str, zh: str) -> RequestError:
    return RequestError("bad_voice", f"The voice cannot be used: {en}.", f"无法使用该声音:{zh}。")


def main(arguments: list[str]) -> int:
    """Put a prepared recording into the library and print its id."""
    try:
        facts = json.loads(Path(arguments[1]).read_text(encoding="utf-8"))
        print(install(Path(arguments[0]), facts).id)
    except RequestError as error:
        report = error.failure.as_json()
        print("@error", json.dumps(report, ensure_ascii=False), file=sys.stderr)
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
