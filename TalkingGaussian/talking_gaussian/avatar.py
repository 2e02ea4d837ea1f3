"""The avatar folder: its format, its strict loader, and its import from a zip.

An avatar is data from strangers as often as one's own: everything is checked (names, sizes, shapes, types, finite
numbers) before anything is used, and no file in it can carry code.
"""

from __future__ import annotations

import json
import lzma
import re
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from talking_gaussian.errors import UserError
from talking_gaussian.motion.personal_map import FILE as SPEECH_FILE
from talking_gaussian.motion.personal_map import PersonalMap, load_maps

FORMAT_VERSION = 1
FILES = ("avatar.json", "gaussians.safetensors", "motion.safetensors", "plates.mp4", "poses.safetensors")
OPTIONAL_FILES = ("preview.mp4", "poster.jpg", SPEECH_FILE)
MAX_GAUSSIANS = 500_000
MAX_UNITS = 128
MAX_SH_DEGREE = 3
MAX_PLATES = 20_000
MAX_AVATAR_BYTES = 1_000_000_000
MAX_JSON_BYTES = 1_000_000
UNREADABLE_ZIP = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)
KINDS = {"part": np.uint8, "shade_rows": np.int64}


@dataclass(frozen=True)
class Avatar:
    """A loaded avatar; arrays float32 unless said.

    means [N, 3] metres, quats [N, 4] wxyz unit, scales [N, 3] log metres, opacities [N] logits,
    sh [N, (degree + 1)^2, 3], head_weight [N] 0 (torso) to 1 (head), part [N] uint8, basis [K, N, 3] displacement per
    unit weight, shade [K, N, 3] colour change per unit weight (or None), head [P, 4, 4] head motion per plate,
    viewmat [4, 4], K [3, 3] pixels at `size`, expression [P, K] what the face does besides speaking at each pose:
    blinks, brows, and how the mouth is held (or None).
    """

    folder: Path
    id: str
    names: dict[str, str]
    fps: float
    size: int
    units: tuple[str, ...]
    plate_loop: str
    means: np.ndarray
    quats: np.ndarray
    scales: np.ndarray
    opacities: np.ndarray
    sh: np.ndarray
    head_weight: np.ndarray
    part: np.ndarray
    basis: np.ndarray
    head: np.ndarray
    viewmat: np.ndarray
    K: np.ndarray
    shade: np.ndarray | None = None
    expression: np.ndarray | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def sh_degree(self) -> int:
        """The highest degree of the colour's spherical harmonics."""
        return round(self.sh.shape[1] ** 0.5) - 1


def load_avatar(folder: Path) -> Avatar:
    """Read and check an avatar folder. Raises UserError with a sentence that names the file and its fault."""
    facts = _read_facts(folder)
    gaussians = _read_tensors(
        folder,
        "gaussians.safetensors",
        ("means", "quats", "scales", "opacities", "sh", "head_weight", "part"),
    )
    motion = _read_tensors(folder, "motion.safetensors", ("basis",), optional=("shade", "shade_rows"))
    poses = _read_tensors(folder, "poses.safetensors", ("head", "viewmat", "K"), optional=("expression",))
    _check_shapes(facts, gaussians, motion, poses)
    _check_ranges(gaussians, motion, poses)
    quats = gaussians.pop("quats")
    shade = _spread_shade(motion, len(quats))
    return Avatar(
        folder=folder,
        id=facts["id"],
        names=facts["name"],
        fps=float(facts["fps"]),
        size=facts["size"],
        units=tuple(facts["units"]),
        plate_loop=facts["plate_loop"],
        quats=quats / np.linalg.norm(quats, axis=1, keepdims=True),
        shade=shade,
        facts=facts,
        **gaussians,
        **motion,
        **poses,
    )


def load_persons_speech(avatar: Avatar) -> dict[str, PersonalMap]:
    """How the avatar's person moves to sounds, by kind of sound features; empty where it was not learnt.

    Raises UserError for a damaged file.
    """
    path = avatar.folder / SPEECH_FILE
    if not path.is_file():
        return {}
    try:
        return load_maps(path, avatar.units)
    except ValueError as error:
        raise _bad(avatar.id, f"{SPEECH_FILE}: {error}", f"{SPEECH_FILE} 无效") from error


@contextmanager
def opened_avatar(path: Path) -> Iterator[Avatar]:
    """An avatar from a folder, or from a zip that is unpacked for as long as the avatar is in use."""
    if path.is_dir():
        yield load_avatar(path)
        return
    with tempfile.TemporaryDirectory(prefix="tfg-avatar-") as scratch:
        yield load_avatar(unpack_avatar(path, Path(scratch) / "avatar"))


def import_avatar(archive: Path, avatars: Path) -> Path:
    """Check a zipped avatar and install it as a new folder of `avatars`; nothing is left there when it is refused."""
    avatars.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".import-", dir=avatars) as scratch:
        staged = unpack_avatar(archive, Path(scratch) / "avatar")
        avatar = load_avatar(staged)
        load_persons_speech(avatar)
        target = _free_folder(avatars, avatar.id)
        staged.rename(target)
    return target


def install_avatar(folder: Path, avatars: Path) -> Path:
    """Copy a trained avatar's folder into `avatars` under its own id, in the place of what the same training left
    there before; another avatar of that name is kept, and this one numbered."""
    avatar = load_avatar(folder)
    avatars.mkdir(parents=True, exist_ok=True)
    target = avatars / avatar.id
    if target.exists() and _made_by(target) != avatar.facts.get("made_by"):
        target = _free_folder(avatars, avatar.id)
    with tempfile.TemporaryDirectory(prefix=".install-", dir=avatars) as scratch:
        staged, old = Path(scratch) / "avatar", Path(scratch) / "old"
        staged.mkdir()
        for name in (*FILES, *OPTIONAL_FILES):
            if (folder / name).is_file():
                shutil.copyfile(folder / name, staged / name)
        if target.exists():
            target.rename(old)
        staged.rename(target)
    return target


def _made_by(folder: Path) -> Any:
    """Which training an installed avatar came from, if any."""
    try:
        return json.loads((folder / "avatar.json").read_text(encoding="utf-8")).get("made_by")
    except (OSError, ValueError, AttributeError):
        return None


def unpack_avatar(archive: Path, target: Path) -> Path:
    """Unpack the known files of a zipped avatar into the new folder `target`, refusing anything else."""
    if not archive.is_file():
        raise _bad(archive.name, "there is no such file", "没有这个文件")
    target.mkdir()
    try:
        with zipfile.ZipFile(archive) as bundle:
            for name, member in _known_members(archive.name, bundle).items():
                with bundle.open(member) as source, (target / name).open("wb") as sink:
                    shutil.copyfileobj(source, sink)
    except UNREADABLE_ZIP as error:
        raise _bad(archive.name, f"it is not a readable zip file ({error})", "它不是可读取的 zip 文件") from error
    return target


def _known_members(archive: str, bundle: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Plain file name -> zip entry; entries lie at the top or all in one folder."""
    members: dict[str, zipfile.ZipInfo] = {}
    parents = set()
    for info in bundle.infolist():
        if info.is_dir() or info.filename.startswith("__MACOSX/"):
            continue
        *parent, name = info.filename.split("/")
        kind = stat.S_IFMT(info.external_attr >> 16)
        plain = len(parent) <= 1 and ".." not in parent and kind in (0, stat.S_IFREG)
        if not plain or name not in FILES + OPTIONAL_FILES or name in members:
            raise _bad(archive, f"it holds an entry that no avatar has: {info.filename!r}", "其中有不属于头像的条目")
        parents.add("/".join(parent))
        members[name] = info
    if len(parents) > 1:
        raise _bad(archive, "its files lie in several folders", "其中的文件分散在多个文件夹里")
    if sum(info.file_size for info in members.values()) > MAX_AVATAR_BYTES:
        raise _bad(archive, "it unpacks to more than 1 GB", "解压后超过 1 GB")
    return members


def _free_folder(avatars: Path, name: str) -> Path:
    for suffix in ("", *(f"-{n}" for n in range(2, 1000))):
        if not (avatars / f"{name}{suffix}").exists():
            return avatars / f"{name}{suffix}"
    raise _bad(name, "there are a thousand avatars of this name already", "同名头像过多")


def _read_facts(folder: Path) -> dict[str, Any]:
    for name in FILES:
        path = folder / name
        if not path.is_file():
            raise _bad(folder.name, f"{name} is missing, so this is no avatar folder", f"缺少 {name},这不是头像文件夹")
        if path.stat().st_size > MAX_AVATAR_BYTES:
            raise _bad(folder.name, f"{name} is larger than 1 GB", f"{name} 超过 1 GB")
    if (folder / "avatar.json").stat().st_size > MAX_JSON_BYTES:
        raise _bad(folder.name, "avatar.json is too large", "avatar.json 过大")
    try:
        facts = json.loads((folder / "avatar.json").read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise _bad(folder.name, "avatar.json is not valid JSON", "avatar.json 不是有效的 JSON") from error
    fault = _fault_of_facts(facts)
    if fault:
        raise _bad(folder.name, f"avatar.json: {fault}", f"avatar.json 无效({fault})")
    return facts


def _fault_of_facts(facts: Any) -> str | None:
    """What is wrong with avatar.json, or None."""
    if not isinstance(facts, dict):
        return "it is not an object"
    if facts.get("format_version") != FORMAT_VERSION:
        return f"format_version is {facts.get('format_version')!r}, this program reads {FORMAT_VERSION}"
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,63}", str(facts.get("id", ""))):
        return "id must be 1 to 64 of a-z 0-9 _ -"
    names = facts.get("name")
    if not isinstance(names, dict) or not all(isinstance(names.get(lang), str) for lang in ("en", "zh")):
        return "name must hold the texts en and zh"
    if not _is_number(facts.get("fps")) or not 5 <= facts["fps"] <= 120:
        return "fps must be 5 to 120"
    if not isinstance(facts.get("size"), int) or not 64 <= facts["size"] <= 2048 or facts["size"] % 2:
        return "size must be an even number of pixels, 64 to 2048"
    units = facts.get("units")
    if not isinstance(units, list) or not all(isinstance(u, str) and u for u in units) or len(set(units)) != len(units):
        return "units must be a list of different names"
    if facts.get("plate_loop") not in ("closed", "pingpong"):
        return "plate_loop must be closed or pingpong"
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _read_tensors(
    folder: Path, file: str, names: tuple[str, ...], optional: tuple[str, ...] = ()
) -> dict[str, np.ndarray]:
    """The named arrays of a safetensors file, as float32 but for those in KINDS."""
    arrays = {}
    try:
        with safe_open(str(folder / file), framework="numpy") as tensors:
            missing = set(names) - set(tensors.keys())
            if missing:
                raise _bad(folder.name, f"{file} lacks {', '.join(sorted(missing))}", f"{file} 缺少数组")
            present = [name for name in optional if name in tensors.keys()]  # noqa: SIM118 (no mapping)
            for name in (*names, *present):
                array = tensors.get_tensor(name)
                if not np.issubdtype(array.dtype, np.number) or np.iscomplexobj(array):
                    raise _bad(folder.name, f"{file}: {name} holds no real numbers", f"{file} 中的 {name} 不是数字")
                arrays[name] = np.ascontiguousarray(array, dtype=KINDS.get(name, np.float32))
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise _bad(folder.name, f"{file} is damaged ({error})", f"{file} 已损坏") from error
    return arrays


def _check_shapes(facts: dict, gaussians: dict, motion: dict, poses: dict) -> None:
    name = facts["id"]
    count = len(gaussians["means"]) if gaussians["means"].ndim == 2 else 0
    if not 0 < count <= MAX_GAUSSIANS:
        raise _bad(name, f"it must hold 1 to {MAX_GAUSSIANS} Gaussians", "高斯数量无效")
    if not 0 < len(facts["units"]) <= MAX_UNITS:
        raise _bad(name, f"it must have 1 to {MAX_UNITS} face units", "面部单元数量无效")
    coefficients = gaussians["sh"].shape[1] if gaussians["sh"].ndim == 3 else 0
    if coefficients not in [(degree + 1) ** 2 for degree in range(MAX_SH_DEGREE + 1)]:
        raise _bad(name, "sh has a shape of no spherical harmonics degree 0 to 3", "sh 的形状无效")
    plates = len(poses["head"]) if poses["head"].ndim == 3 else 0
    if not 0 < plates <= MAX_PLATES:
        raise _bad(name, f"it must have 1 to {MAX_PLATES} plate poses", "背景帧姿态数量无效")
    expected = {
        "means": (count, 3),
        "quats": (count, 4),
        "scales": (count, 3),
        "opacities": (count,),
        "sh": (count, coefficients, 3),
        "head_weight": (count,),
        "part": (count,),
        "basis": (len(facts["units"]), count, 3),
        "shade": (len(facts["units"]), len(motion.get("shade_rows", ())), 3),
        "shade_rows": (motion["shade_rows"].size,) if "shade_rows" in motion else (),
        "head": (plates, 4, 4),
        "expression": (plates, len(facts["units"])),
        "viewmat": (4, 4),
        "K": (3, 3),
    }
    for key, array in {**gaussians, **motion, **poses}.items():
        if array.shape != expected[key]:
            raise _bad(
                name, f"{key} has shape {list(array.shape)}, expected {list(expected[key])}", f"{key} 的形状无效"
            )


def _check_ranges(gaussians: dict, motion: dict, poses: dict) -> None:
    arrays = {**gaussians, **motion, **poses}
    for key, array in arrays.items():
        if not np.isfinite(array).all():
            raise _bad(key, "it holds NaN or infinite numbers", "其中有 NaN 或无穷大")
    limits = {"means": 100, "scales": 20, "opacities": 100, "sh": 1e3, "basis": 10}
    limits |= {name: 10 for name in ("shade", "expression") if name in arrays}
    for key, limit in limits.items():
        if np.abs(arrays[key]).max(initial=0) > limit:
            raise _bad(key, f"it holds numbers beyond ±{limit:g}", "其中的数值超出范围")
    if np.linalg.norm(arrays["quats"], axis=1).min() < 1e-6:
        raise _bad("quats", "it holds a rotation of length zero", "其中有零长度的旋转")
    if arrays["head_weight"].min() < 0 or arrays["head_weight"].max() > 1:
        raise _bad("head_weight", "it must lie between 0 and 1", "必须在 0 到 1 之间")
    for pose in (poses["viewmat"][None], poses["head"]):
        rotation = pose[:, :3, :3]
        if np.abs(rotation @ rotation.transpose(0, 2, 1) - np.eye(3)).max() > 1e-2:
            raise _bad("poses.safetensors", "a pose is no rigid motion", "其中的姿态不是刚体运动")
    rows = motion.get("shade_rows", np.zeros(0, np.int64))
    if len(rows) and not 0 <= rows.min() <= rows.max() < len(arrays["means"]):
        raise _bad("shade_rows", "it names Gaussians that are not there", "其中引用了不存在的高斯")
    K = poses["K"]
    if not (1 <= K[0, 0] <= 1e5 and 1 <= K[1, 1] <= 1e5):
        raise _bad("K", "the focal length is out of range", "焦距超出范围")


def _spread_shade(motion: dict[str, np.ndarray], count: int) -> np.ndarray | None:
    """The file keeps `shade` only for the Gaussians in `shade_rows`; -> [K, N, 3], or None where there is none."""
    rows, kept = motion.pop("shade_rows", None), motion.pop("shade", None)
    if rows is None or kept is None:
        return None
    shade = np.zeros((kept.shape[0], count, 3), np.float32)
    shade[:, rows] = kept
    return shade


def _bad(what: str, en: str, zh: str) -> UserError:
    return UserError(
        "bad_avatar",
        f"The avatar cannot be used: {what}: {en}. Choose another avatar or export this one again.",
        f"无法使用该头像:{what}:{zh}。请选择其他头像,或重新导出该头像。",
    )
