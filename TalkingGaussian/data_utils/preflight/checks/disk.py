"""Room on the disk that the training will write to."""

import os
import shutil
from pathlib import Path

from data_utils.preflight.look import Look
from data_utils.preflight.report import Row, both
from data_utils.preflight.stretch import KEEP_S, MAX_S

MB_BASE, MB_PER_S = 300, 12


def check(look: Look) -> list[Row]:
    """What the training needs against what is free under TFG_HOME."""
    length = look.length_s if look.length_s <= MAX_S else KEEP_S
    need = (MB_BASE + MB_PER_S * length) / 1000
    home = Path(os.environ.get("TFG_HOME") or Path(__file__).parents[4]).expanduser()
    while not home.exists():
        home = home.parent
    free = shutil.disk_usage(home).free / 1e9
    title, facts = both("Disk", "磁盘"), {"need_gb": round(need, 2), "free_gb": round(free, 1)}
    value = both(f"{need:.1f} GB needed, {free:.0f} GB free", f"需要 {need:.1f} GB,剩余 {free:.0f} GB")
    if free < need + 0.5:
        fix = both(
            "Make room, or set TFG_HOME to a folder on a larger disk.", "请清理磁盘,或把 TFG_HOME 设到更大的磁盘。"
        )
        return [Row("disk", "bad", title, value, fix, facts=facts)]
    return [Row("disk", "ok", title, value, facts=facts)]
