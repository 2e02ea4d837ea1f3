"""The avatar engine: make a talking video, list avatars, import one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridges import paths
from bridges.jobs.job import Job, submit
from bridges.requests import GenerateRequest, ImportAvatarRequest
from bridges.requests.checks import avatar_path

_MAX_JSON_BYTES = 1_000_000


@dataclass(frozen=True)
class AvatarInfo:
    """What a picker shows of an avatar, from avatar.json alone.

    name: {"en", "zh"}; folder: where it lies; poster, preview: files or None; fps; size: pixels; bundled: whether it
    came with the project; problem: None, or the sentence {"en", "zh"} why it cannot be used.
    """

    id: str
    name: dict[str, str]
    folder: Path
    poster: Path | None = None
    preview: Path | None = None
    fps: float = 0.0
    size: int = 0
    licence: str = ""
    bundled: bool = False
    problem: dict[str, str] | None = None


def generate(avatar: str | Path, audio: str | Path = "", **options: Any) -> Job:
    """Start a talking video; returns the job at once.

    avatar: an id of `list_avatars`, a folder or a zip; audio: any sound file; options: the other fields of
    `GenerateRequest` (size, fps, sh_degree, device, audio_features, seed; instead of audio: text, and who says it:
    `**bridges.voices.spoken_by(voice)`). Raises RequestError.
    """
    path = avatar_path(str(avatar))
    is_id = path.parent in (paths.avatars(), paths.BUNDLED_AVATARS)
    audio = Path(audio).expanduser().absolute() if str(audio) else ""
    options.setdefault("name", Path(audio).name if audio else " ".join(str(options.get("text", "")).split())[:40])
    # what does not exist stays as it was typed, for the sentence that refuses it
    wanted = path.name if is_id else str(path if path.exists() else avatar)
    return submit(GenerateRequest(wanted, str(audio), **options))


def import_avatar(archive: str | Path) -> Job:
    """Check a zipped avatar and install it among the user's avatars; the job's `result` is its folder's name."""
    archive = Path(archive).expanduser().absolute()
    return submit(ImportAvatarRequest(str(archive), name=archive.name))


def list_avatars(with_problems: bool = False) -> list[AvatarInfo]:
    """The bundled avatars, then the user's, by name; broken folders only `with_problems` (their reason is told)."""
    found: dict[str, AvatarInfo] = {}
    for root in (paths.avatars(), paths.BUNDLED_AVATARS):
        for folder in sorted(root.iterdir()) if root.is_dir() else ():
            if folder.is_dir() and not folder.name.startswith(".") and folder.name not in found:
                found[folder.name] = read_avatar(folder, bundled=root == paths.BUNDLED_AVATARS)
    shown = (info for info in found.values() if with_problems or info.problem is None)
    return sorted(shown, key=lambda info: (not info.bundled, info.name["en"].lower()))


def read_avatar(folder: Path, bundled: bool = False) -> AvatarInfo:
    """One avatar's facts; a broken one carries its `problem`. Only avatar.json is read: the engine checks the rest."""
    try:
        facts = _read_facts(folder / "avatar.json")
        name = {lang: str(facts["name"][lang]) for lang in ("en", "zh")}
        fps, size = float(facts["fps"]), int(facts["size"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
        problem = {"en": f"avatar.json cannot be used ({reason}).", "zh": f"avatar.json 无法使用({reason})。"}
        return AvatarInfo(folder.name, dict.fromkeys(("en", "zh"), folder.name), folder, problem=problem)
    return AvatarInfo(
        id=folder.name,
        name=name,
        folder=folder,
        poster=_file(folder / "poster.jpg"),
        preview=_file(folder / "preview.mp4"),
        fps=fps,
        size=size,
        licence=str(facts.get("licence", "")),
        bundled=bundled,
    )


def _read_facts(path: Path) -> dict[str, Any]:
    if path.stat().st_size > _MAX_JSON_BYTES:
        raise ValueError("it is larger than 1 MB")
    facts = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(facts, dict) or not isinstance(facts.get("name"), dict):
        raise ValueError("it has no name")
    if facts.get("format_version") != 1:
        raise ValueError(f"format_version {facts.get('format_version')!r} is unknown here")
    return facts


def _file(path: Path) -> Path | None:
    return path if path.is_file() else None
