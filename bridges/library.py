"""What can be done with avatars that are there: facts, another name, a zip, removal. Import: `talking_gaussian`."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from bridges import paths
from bridges.errors import RequestError
from bridges.jobs.folder import read_json, write_json
from bridges.jobs.job import adopt, folder_bytes
from bridges.talking_gaussian import AvatarInfo, list_avatars

FILES = ("avatar.json", "gaussians.safetensors", "motion.safetensors", "plates.mp4", "poses.safetensors")
EXTRAS = ("preview.mp4", "poster.jpg")
MAX_NAME = 60


def get_avatar(avatar_id: str) -> AvatarInfo:
    """A listed avatar, broken ones too. Raises RequestError."""
    for info in list_avatars(with_problems=True):
        if info.id == avatar_id:
            return info
    raise RequestError("no_avatar", f"There is no avatar {avatar_id!r}.", f"没有数字人 {avatar_id!r}。")


def facts(avatar_id: str) -> dict[str, Any]:
    """avatar.json, and "bytes" of its folder."""
    info = get_avatar(avatar_id)
    told = read_json(info.folder / "avatar.json") if info.problem is None else {}
    return {**told, "bytes": folder_bytes(info.folder)}


def rename(avatar_id: str, name_en: str, name_zh: str) -> None:
    """Give a user's avatar other names; its folder keeps its own. Raises RequestError."""
    info = own_avatar(avatar_id)
    english, chinese = name_en.strip(), name_zh.strip()
    if not (english or chinese) or max(len(english), len(chinese)) > MAX_NAME:
        raise RequestError(
            "bad_name", f"A name must have 1 to {MAX_NAME} letters.", f"名字应为 1 到 {MAX_NAME} 个字符。"
        )
    path = info.folder / "avatar.json"
    write_json(path, {**read_json(path), "name": {"en": english or chinese, "zh": chinese or english}})


def export(avatar_id: str, folder: Path | None = None) -> Path:
    """Write `<id>.zip` (what `import` takes) into a folder, by default a new temporary one. Raises RequestError."""
    info = get_avatar(avatar_id)
    missing = [name for name in FILES if not (info.folder / name).is_file()]
    if missing:
        raise RequestError(
            "bad_avatar",
            f"{avatar_id} cannot be exported: {missing[0]} is missing.",
            f"无法导出 {avatar_id}:缺少 {missing[0]}。",
        )
    target = (folder or Path(tempfile.mkdtemp(prefix="tfg-export-"))) / f"{avatar_id}.zip"
    scratch = target.with_suffix(".zip.part")
    try:
        with zipfile.ZipFile(scratch, "w", zipfile.ZIP_STORED) as bundle:  # its files are packed already
            for name in (*FILES, *EXTRAS):
                if (info.folder / name).is_file():
                    bundle.write(info.folder / name, f"{avatar_id}/{name}")
        scratch.replace(target)
    except OSError as error:
        scratch.unlink(missing_ok=True)
        raise RequestError(
            "no_space", f"The zip could not be written: {error.strerror}.", f"无法写入 zip:{error.strerror}。"
        ) from error
    return target


def delete(avatar_id: str) -> None:
    """Remove a user's avatar for good. Raises RequestError for a bundled one and while a video is made with it."""
    info = own_avatar(avatar_id)
    for job in adopt():
        if job.request().fields().get("avatar") == avatar_id:
            raise RequestError(
                "avatar_in_use",
                "A video is being made with this avatar; wait for its end.",
                "正在使用该数字人生成视频,请等待结束。",
            )
    # out of the list at once, whatever the removal meets
    doomed = info.folder.with_name(f".removed-{secrets.token_hex(4)}")
    info.folder.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


def own_avatar(avatar_id: str) -> AvatarInfo:
    """An avatar of the user's own folder. Raises RequestError for any other."""
    info = get_avatar(avatar_id)
    if info.bundled or info.folder.parent != paths.avatars() or info.folder.is_symlink():
        raise RequestError(
            "bundled_avatar",
            "This avatar came with the app and cannot be changed.",
            "这是应用自带的数字人,不能修改。",
        )
    return info
