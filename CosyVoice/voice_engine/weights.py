"""Fetching CosyVoice's model folders: from Hugging Face or ModelScope, resumed and checked; or from a folder.

Only the files that are needed are fetched (the hubs' folders hold about twice as much). A file is written beside its
name, compared with the hub's checksum, and only then given its name; a second run goes on where the first one stopped.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from talking_gaussian.errors import UserError
from talking_gaussian.progress import Progress

from voice_engine.models import NEEDED, ModelFolder, models_root, open_folder

HUBS = {
    "huggingface": ("HF_ENDPOINT", "https://huggingface.co"),
    "modelscope": ("MODELSCOPE_ENDPOINT", "https://www.modelscope.cn"),
}
STAGES = ("list", "download", "check")
OPTIONAL = ("spk2info.pt",)
BLOCK = 1 << 20
NETWORK_FAULTS = (urllib.error.URLError, TimeoutError, ConnectionError)
TRIES = 5
TIMEOUT_S = 30
AGENT = {"User-Agent": "tfg-studio"}


@dataclass(frozen=True)
class Model:
    """One that can be fetched. about_gb: of the files that are needed, roughly (None: not known before asking);
    repositories: hub -> name there.
    """

    name: str
    version: int
    about_gb: float | None
    repositories: dict[str, str]
    en: str
    zh: str


def _model(name: str, version: int, about_gb: float | None, group: str, en: str, zh: str) -> Model:
    return Model(
        name, version, about_gb, {"huggingface": f"FunAudioLLM/{name}", "modelscope": f"{group}/{name}"}, en, zh
    )


CATALOGUE = {
    model.name: model
    for model in (
        _model(
            "Fun-CosyVoice3-0.5B-2512", 3, 5.3, "FunAudioLLM", "9 languages, dialects, best", "9 种语言与方言,效果最好"
        ),
        _model("CosyVoice2-0.5B", 2, 4.1, "iic", "4 languages, dialects, streaming", "4 种语言与方言,流式"),
        _model("CosyVoice-300M", 1, None, "iic", "first version, cloning", "第一版,声音克隆"),
        _model("CosyVoice-300M-SFT", 1, None, "iic", "first version, preset voices", "第一版,预设音色"),
        _model("CosyVoice-300M-Instruct", 1, None, "iic", "first version, instructions", "第一版,指令控制"),
    )
}


@dataclass(frozen=True)
class RemoteFile:
    """path in the folder; size in bytes; sha256, or git_sha1 of a small file kept in git itself ("": not told)."""

    path: str
    size: int
    url: str
    sha256: str = ""
    git_sha1: str = ""


def fetch(name: str, hub: str, progress: Progress, confirm: Callable[[int, int, Path], bool]) -> ModelFolder:
    """Bring a model of the catalogue here. confirm(bytes to fetch, bytes free, folder): whether to go on, asked first.

    Raises UserError for an unknown name, no network, too little disk, or a checksum that differs.
    """
    model = known(name)
    folder = models_root() / name
    progress.stage("list")
    files = needed_files(model, hub)
    missing = [file for file in files if not is_there(folder, file)]
    size = sum(file.size - part_size(folder, file) for file in missing)
    free = free_bytes(folder)
    if size > free - 100_000_000:
        raise UserError(
            "disk_full",
            f"{name} needs {size / 1e9:.1f} GB and {free / 1e9:.1f} GB are free. Make room, or move TFG_HOME.",
            f"{name} 需要 {size / 1e9:.1f} GB,剩余空间为 {free / 1e9:.1f} GB。请清理空间或移动 TFG_HOME。",
        )
    if missing and not confirm(size, free, folder):
        raise UserError("declined", "Nothing was fetched.", "未下载任何内容。")
    progress.stage("download")
    total, done = max(1, round(size / 1e6)), 0
    for file in missing:
        for count in download(file, folder / file.path):
            done += count
            progress.step(min(total, round(done / 1e6)), total, file=file.path)
    progress.stage("check")
    return open_folder(folder)


def import_folder(source: Path, progress: Progress) -> ModelFolder:
    """Take over a model folder from a disk (for a machine without network); the original stays. Raises UserError."""
    progress.stage("check")
    model = open_folder(source)
    target = models_root() / source.resolve().name
    if target.resolve() == source.resolve():
        return model
    if target.exists():
        raise UserError(
            "already_there",
            f"There is a model {target.name!r} already. Remove it first, or rename the folder.",
            f"已有模型 {target.name!r}。请先删除,或重命名该文件夹。",
        )
    names = [*NEEDED[model.version], *(name for name in OPTIONAL if (source / name).is_file())]
    scratch = target.with_name(f".{target.name}.part")
    shutil.rmtree(scratch, ignore_errors=True)
    progress.stage("download")
    try:
        for index, name in enumerate(names):
            (scratch / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, scratch / name)
            progress.step(index + 1, len(names), file=name)
        scratch.rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return open_folder(target)


def known(name: str) -> Model:
    """A model of the catalogue. Raises UserError."""
    if name not in CATALOGUE:
        listed = ", ".join(CATALOGUE)
        raise UserError(
            "no_model", f"There is no model {name!r}; there are: {listed}.", f"没有模型 {name!r},可选:{listed}。"
        )
    return CATALOGUE[name]


def listing() -> list[dict[str, Any]]:
    """Every model of the catalogue and every other folder that is there, a row each: name, version, state, …"""
    names = list(CATALOGUE)
    root = models_root()
    names += sorted(
        path.name
        for path in (root.iterdir() if root.is_dir() else ())
        if path.is_dir() and path.name not in (*CATALOGUE, "source", "whisper") and not path.name.startswith(".")
    )
    return [_row(name, root / name) for name in names]


def _row(name: str, folder: Path) -> dict[str, Any]:
    model = CATALOGUE.get(name)
    row: dict[str, Any] = {
        "name": name,
        "version": model.version if model else None,
        "state": "missing",
        "problem": None,
    }
    row["about_gb"] = model.about_gb if model else None
    row["about"] = {"en": model.en, "zh": model.zh} if model else {"en": "", "zh": ""}
    if folder.is_dir():
        try:
            row.update(state="ready", version=open_folder(folder).version)
        except UserError as error:
            row.update(state="incomplete", problem={"en": error.en, "zh": error.zh})
    return row


# --- what a hub has ---------------------------------------------------------------------------------------------------


def needed_files(model: Model, hub: str) -> list[RemoteFile]:
    """The files to fetch, with sizes and checksums as the hub tells them. Raises UserError."""
    listed = {file.path: file for file in LISTERS[hub](model.repositories[hub], endpoint(hub))}
    missing = [name for name in NEEDED[model.version] if name not in listed]
    if missing:
        raise UserError(
            "hub_lacks",
            f"{model.name} on {hub} lacks {', '.join(missing[:3])}. Try the other hub.",
            f"{hub} 上的 {model.name} 缺少 {', '.join(missing[:3])}。请换一个来源。",
        )
    return [listed[name] for name in (*NEEDED[model.version], *OPTIONAL) if name in listed]


def endpoint(hub: str) -> str:
    """The hub's address; HF_ENDPOINT or MODELSCOPE_ENDPOINT names a mirror."""
    variable, usual = HUBS[hub]
    return (os.environ.get(variable) or usual).rstrip("/")


def _huggingface(repository: str, base: str) -> list[RemoteFile]:
    answer = read_json(f"{base}/api/models/{repository}?blobs=true")
    revision = str(answer.get("sha") or "main")
    files = []
    for row in answer["siblings"]:
        lfs = row.get("lfs") or {}
        url = f"{base}/{repository}/resolve/{revision}/{urllib.parse.quote(row['rfilename'])}"
        sha256 = str(lfs.get("sha256") or "")
        git_sha1 = "" if sha256 else str(row.get("blobId") or "")
        files.append(RemoteFile(str(row["rfilename"]), int(row["size"]), url, sha256, git_sha1))
    return files


def _modelscope(repository: str, base: str) -> list[RemoteFile]:
    repo = f"{base}/api/v1/models/{repository}/repo"
    answer = read_json(f"{repo}/files?Revision=master&Recursive=True")
    files = []
    for row in answer["Data"]["Files"]:
        if row.get("Type") != "tree":
            url = f"{repo}?Revision=master&FilePath={urllib.parse.quote_plus(row['Path'])}"
            files.append(RemoteFile(str(row["Path"]), int(row["Size"]), url, str(row.get("Sha256") or "")))
    return files


LISTERS: dict[str, Callable[[str, str], list[RemoteFile]]] = {"huggingface": _huggingface, "modelscope": _modelscope}


def read_json(url: str) -> dict[str, Any]:
    """A hub's answer. Raises UserError where it cannot be reached or says something else."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=AGENT), timeout=TIMEOUT_S) as answer:  # noqa: S310
            what = json.load(answer)
    except (OSError, http.client.HTTPException) as error:
        raise _unreachable(url, error) from error
    except ValueError as error:
        raise _unreachable(url, error) from error
    if not isinstance(what, dict) or not ("siblings" in what or "Data" in what):
        raise _unreachable(url, ValueError("it answers in another form"))
    return what


# --- one file ---------------------------------------------------------------------------------------------------------


def download(file: RemoteFile, target: Path) -> Iterator[int]:
    """Fetch a file to `target`, from where an earlier attempt stopped; yields the bytes of each block.

    Raises UserError where the network fails five times in a row or the checksum differs.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    failed = 0
    while not part.exists() or part.stat().st_size < file.size:
        before = part.stat().st_size if part.exists() else 0
        try:
            yield from _more(file, part)
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, OSError) and not isinstance(error, NETWORK_FAULTS):
                raise  # the disk, not the network
            failed = 1 if part.exists() and part.stat().st_size > before else failed + 1
            if failed >= TRIES or _is_final(error):
                raise _unreachable(file.url, error) from error
            time.sleep(0.2 * 2**failed)
    if not is_right(part, file):
        part.unlink()
        raise UserError(
            "checksum",
            f"{file.path} arrived damaged and was thrown away. Run it again.",
            f"{file.path} 下载后校验失败,已删除。请重新运行。",
        )
    part.replace(target)


def _more(file: RemoteFile, part: Path) -> Iterator[int]:
    have = part.stat().st_size if part.exists() else 0
    if have > file.size:
        part.unlink()
        have = 0
    headers = {**AGENT, **({"Range": f"bytes={have}-"} if have else {})}
    request = urllib.request.Request(file.url, headers=headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
        goes_on = answer.status == 206
        with part.open("ab" if goes_on else "wb") as sink:
            left = file.size - (have if goes_on else 0)
            while left > 0 and (block := answer.read(min(BLOCK, left))):
                sink.write(block)
                left -= len(block)
                yield len(block)
    if left > 0:
        raise ConnectionError("the connection ended early")


def is_right(path: Path, file: RemoteFile) -> bool:
    """Whether a file has the size and the checksum that the hub told."""
    if path.stat().st_size != file.size:
        return False
    if not file.sha256 and not file.git_sha1:
        return True
    digest = hashlib.sha256() if file.sha256 else hashlib.sha1(f"blob {file.size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as source:
        while block := source.read(BLOCK):
            digest.update(block)
    return digest.hexdigest() == (file.sha256 or file.git_sha1).lower()


def is_there(folder: Path, file: RemoteFile) -> bool:
    """Whether a file has been fetched (it has its name only once its checksum was right)."""
    path = folder / file.path
    return path.is_file() and path.stat().st_size == file.size


def part_size(folder: Path, file: RemoteFile) -> int:
    """What an interrupted attempt left of a file."""
    part = folder / f"{file.path}.part"
    return part.stat().st_size if part.is_file() else 0


def free_bytes(folder: Path) -> int:
    """Free space where a folder is to be."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _is_final(error: Exception) -> bool:
    """Whether trying again is of no use."""
    return isinstance(error, urllib.error.HTTPError) and error.code in (400, 401, 403, 404, 410, 416)


def _unreachable(url: str, error: Exception) -> UserError:
    host = urllib.parse.urlsplit(url).hostname or url
    reason = f"HTTP {error.code}" if isinstance(error, urllib.error.HTTPError) else str(getattr(error, "reason", error))
    return UserError(
        "no_network",
        f"{host} cannot be used ({reason}). Check the network or proxy, name a mirror by HF_ENDPOINT or "
        "MODELSCOPE_ENDPOINT, or use the other hub; what has arrived is kept.",
        f"无法访问 {host}({reason})。请检查网络或代理,用 HF_ENDPOINT 或 MODELSCOPE_ENDPOINT 指定镜像,"
        "或换一个来源;已下载的部分会保留。",
    )
