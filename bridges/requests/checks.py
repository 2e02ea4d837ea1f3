"""Checks that requests share: each raises RequestError with one sentence for a person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bridges import paths
from bridges.errors import RequestError

MAX_INPUT_BYTES = 2_000_000_000


def avatar_path(avatar: str) -> Path:
    """The folder or zip of an avatar given by id or by path."""
    if avatar and Path(avatar).name == avatar and avatar not in (".", ".."):
        for root in (paths.avatars(), paths.BUNDLED_AVATARS):
            if (root / avatar / "avatar.json").is_file():
                return root / avatar
    return Path(avatar).expanduser().absolute()


def check_file(text: str, what: str, zh: str) -> None:
    """Raise RequestError where `text` names no readable, non-empty file of at most 2 GB."""
    path = Path(text).expanduser()
    if not text or "\0" in text:
        raise RequestError("no_file", f"No {what} file was given.", f"没有提供{zh}文件。")
    if not path.exists():
        raise RequestError("no_file", f"There is no {what} file {path.name!r}.", f"没有{zh}文件 {path.name!r}。")
    if not path.is_file():
        raise RequestError("no_file", f"{path.name!r} is not a file.", f"{path.name!r} 不是文件。")
    size = path.stat().st_size
    if size == 0:
        raise RequestError("empty_file", f"The {what} file {path.name!r} is empty.", f"{zh}文件 {path.name!r} 是空的。")
    if size > MAX_INPUT_BYTES:
        raise RequestError(
            "file_too_large",
            f"The {what} file {path.name!r} is larger than 2 GB.",
            f"{zh}文件 {path.name!r} 超过 2 GB。",
        )


def check_number(value: Any, name: str, zh: str, low: int, high: int, even: bool = False) -> None:
    """Raise RequestError unless `value` is None or a whole number from `low` to `high`."""
    good = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    if value is None or (good and not (even and value % 2)):
        return
    kind, kind_zh = ("an even number", "偶数") if even else ("a whole number", "整数")
    raise RequestError(
        f"bad_{name}",
        f"{name} must be {kind} from {low} to {high}, not {value!r}.",
        f"{zh}必须是 {low} 到 {high} 的{kind_zh},而不是 {value!r}。",
    )


def check_choice(value: Any, name: str, zh: str, choices: tuple[str, ...]) -> None:
    """Raise RequestError unless `value` is None or one of `choices`."""
    if value is not None and value not in choices:
        listed = ", ".join(choices)
        raise RequestError(
            f"bad_{name}",
            f"{name} must be one of {listed}, not {value!r}.",
            f"{zh}必须是 {listed} 之一,而不是 {value!r}。",
        )
