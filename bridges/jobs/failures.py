"""From an exit code and the end of a log to one sentence a person understands."""

from __future__ import annotations

import re
import signal
from typing import Any

from bridges.errors import Failure

BAD_INPUT, ENVIRONMENT_MISSING = 2, 3
_DISK = re.compile(r"No space left on device|ENOSPC|\[Errno 28\]|Disk quota exceeded")
_MEMORY = re.compile(r"MemoryError|Cannot allocate memory|std::bad_alloc|out of memory|ENOMEM|\[Errno 12\]")
# `conda run` repeats the whole command after one that failed
_CONDA_SAYS = re.compile(r"^ERROR conda\.cli\.main_run\b.*\n?", re.MULTILINE)
_ENVIRONMENT = re.compile(r"environment ([a-z_]+) ")

DISK_FULL = Failure(
    "disk_full",
    "The disk is full. Delete old results or move TFG_HOME to a larger disk, then run it again.",
    "磁盘已满。请删除旧结果,或把 TFG_HOME 移到更大的磁盘,然后重新运行。",
)
OUT_OF_MEMORY = Failure(
    "out_of_memory",
    "The computer ran out of memory. Close other programs or choose a smaller picture size, then run it again.",
    "内存不足。请关闭其他程序或选择更小的画面尺寸,然后重新运行。",
)
KILLED_HARD = Failure(
    "out_of_memory",
    "The engine was killed, most likely because memory ran out. Close other programs or choose a smaller picture size.",
    "引擎被系统强制结束,很可能是内存不足。请关闭其他程序或选择更小的画面尺寸。",
)
KILLED = Failure(
    "killed",
    "The engine was stopped from outside before it had finished. Run it again.",
    "引擎在完成之前被外部停止。请重新运行。",
)
INTERRUPTED = Failure(
    "interrupted",
    "The job was interrupted: the computer or its job runner stopped. Run it again.",
    "任务被中断:计算机或任务进程已停止。请重新运行。",
)
CANCELLED = Failure("cancelled", "Cancelled.", "已取消。")
NO_OUTPUT = Failure(
    "no_output",
    "The engine ended without an error but wrote no result; see the log.",
    "引擎正常结束但没有生成结果,请查看日志。",
)


def explain(code: int, said: dict[str, Any] | None, tail: str) -> Failure:
    """Why an engine ended with exit code `code` (negative: by that signal).

    said: its last `@error` line; tail: the end of its log.
    """
    if said and isinstance(said.get("en"), str):
        fix = said.get("fix")
        return Failure(
            str(said.get("code", "bad_input")),
            said["en"],
            str(said.get("zh") or said["en"]),
            fix if isinstance(fix, dict) else None,
        )
    if code == ENVIRONMENT_MISSING:
        return environment_missing(tail)
    if _DISK.search(tail):
        return DISK_FULL
    if _MEMORY.search(tail):
        return OUT_OF_MEMORY
    if code in (-signal.SIGKILL, 128 + signal.SIGKILL):
        return KILLED_HARD
    if code in (-signal.SIGTERM, 128 + signal.SIGTERM, -signal.SIGINT, 128 + signal.SIGINT, -signal.SIGHUP):
        return KILLED
    line = last_line(tail)
    if code == BAD_INPUT and line:
        sentence = line.removeprefix("error: ")
        return Failure("bad_input", sentence, sentence)
    return Failure(
        "crashed",
        f"The engine stopped unexpectedly (exit code {code}): {line or 'it said nothing'}",
        f"引擎意外停止(退出码 {code}):{line or '没有输出'}",
    )


def environment_missing(tail: str) -> Failure:
    """The environment named in the resolver's line is not there."""
    found = _ENVIRONMENT.search(tail)
    name = found[1] if found else "talking_gaussian"
    command = f"python environments/manage.py create {name}"
    return Failure(
        "environment_missing",
        f"The environment {name} is not ready; create it with: {command}",
        f"环境 {name} 尚未准备好;请运行:{command}",
        {"action": "create_environment", "name": name, "part": "inference"},
    )


def last_line(tail: str) -> str:
    """The last line of a log that means something (no bare rules or brackets), at most 300 characters."""
    lines = (line.strip() for line in reversed(without_conda(tail).splitlines()))
    return next((line[:300] for line in lines if any(c.isalnum() for c in line)), "")


def without_conda(log: str) -> str:
    """A log without what conda adds to a failed command's own words."""
    return _CONDA_SAYS.sub("", log)
