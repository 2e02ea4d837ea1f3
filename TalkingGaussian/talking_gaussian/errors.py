"""What went wrong, said to a person in their language."""

from __future__ import annotations

import errno
from pathlib import Path


class UserError(Exception):
    """Input that cannot be used: one sentence that says what is wrong and what to do.

    code: a stable word for scripts; en, zh: the sentence in English and in Chinese.
    """

    def __init__(self, code: str, en: str, zh: str) -> None:
        super().__init__(en)
        self.code = code
        self.en = en
        self.zh = zh

    def sentence(self, lang: str = "en") -> str:
        """The sentence in `lang` (en or zh; English for any other)."""
        return self.zh if lang.startswith("zh") else self.en


def file_fault(error: OSError, path: Path | None = None) -> UserError:
    """What the disk refused, as a sentence. path: the file that was asked for (default: the one the error names)."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return UserError(
            "disk_full",
            "The disk is full. Delete old results or choose another disk, then run it again.",
            "磁盘已满。请删除旧结果或换一个磁盘,然后重新运行。",
        )
    name = str(path or error.filename or "file")
    reason = error.strerror or type(error).__name__
    return UserError(
        "file_refused",
        f"{name!r} cannot be used: {reason}. Choose another place or change its permissions.",
        f"无法使用 {name!r}:{reason}。请换一个位置,或修改其权限。",
    )
