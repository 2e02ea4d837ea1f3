"""What this machine has, for the System tab and `python -m bridges system`; each row says what to do if it is short."""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path

from bridges import environments, paths
from bridges.gpus import list_gpus
from bridges.jobs.seats import seat_count
from bridges.system_gpus import gpu_rows
from bridges.system_row import Row, both

LOW_DISK_GB = 2.0
LOW_MEMORY_GB = 2.0


def report() -> list[Row]:
    """All rows. Takes some tenths of a second (it asks for GPUs and environments)."""
    rows = [disk_row(), cores_row(), memory_row(), *gpu_rows(), ffmpeg_row(), python_row()]
    return [*rows, *environment_rows()]


def disk_row() -> Row:
    """Free space where the user's data lies."""
    home = paths.home()
    free = shutil.disk_usage(existing(home)).free / 1e9
    short = free < LOW_DISK_GB
    return Row(
        "disk",
        "bad" if short else "ok",
        both("Disk", "磁盘"),
        both(f"{free:.1f} GB free", f"剩余 {free:.1f} GB"),
        both(
            "Delete old results, or set TFG_HOME to a folder on a larger disk.",
            "请删除旧结果,或把 TFG_HOME 设到更大的磁盘。",
        )
        if short
        else None,
    )


def cores_row() -> Row:
    """Processor cores and the seats that follow from them."""
    cores, seats = os.cpu_count() or 1, seat_count("cpu")
    value = both(f"{cores} cores, {seats} job(s) at once", f"{cores} 核,同时运行 {seats} 个任务")
    return Row("cores", "ok", both("Processor", "处理器"), value)


def memory_row() -> Row:
    """Memory in all, and free where the system tells."""
    total, free = memory_gb()
    short = free is not None and free < LOW_MEMORY_GB
    told = both(f"{total:.1f} GB", f"{total:.1f} GB")
    if free is not None:
        told = both(f"{free:.1f} of {total:.1f} GB free", f"共 {total:.1f} GB,可用 {free:.1f} GB")
    fix = both("Close other programs before a job.", "运行任务前请关闭其他程序。") if short else None
    return Row("memory", "warn" if short else "ok", both("Memory", "内存"), told, fix)


def ffmpeg_row() -> Row:
    """ffmpeg is not needed: the engines carry their own codecs."""
    found = shutil.which("ffmpeg")
    value = both("found, not needed", "已安装(并不需要)") if found else both("not needed", "不需要")
    return Row("ffmpeg", "info", both("ffmpeg", "ffmpeg"), value)


def python_row() -> Row:
    """The app's own Python."""
    version = f"{platform.python_version()} ({platform.system()} {platform.machine()})"
    return Row("python", "ok", both("Python", "Python"), both(version, version))


def environment_rows() -> list[Row]:
    """One row an environment, with the button that makes it."""
    rows = []
    for env in environments.check_all():
        if env.name == "app":  # whoever asks runs in it
            continue
        needed = env.name == "talking_gaussian"
        state = "ok" if env.ready else ("bad" if needed or env.state != "missing" else "info")
        action = None if env.ready else {"action": "create_environment", "name": env.name, "part": "inference"}
        fix = None if env.ready else both(f"Create it here, or run: {env.command}", f"在此创建,或运行:{env.command}")
        title = both(f"Environment {env.name}", f"环境 {env.name}")
        rows.append(Row(f"environment:{env.name}", state, title, both(env.en, env.zh), fix, action))
    return rows


def memory_gb() -> tuple[float, float | None]:
    """(all, available or None where the system does not tell) memory in GB."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    table = Path("/proc/meminfo")
    if not table.exists():
        return total, None
    rows = dict(line.split(":", 1) for line in table.read_text().splitlines() if ":" in line)
    return total, int(rows["MemAvailable"].split()[0]) * 1024 / 1e9


def existing(path: Path) -> Path:
    """The nearest folder above `path` (or itself) that exists."""
    return path if path.exists() or path == path.parent else existing(path.parent)


__all__ = ["Row", "both", "list_gpus", "report"]
