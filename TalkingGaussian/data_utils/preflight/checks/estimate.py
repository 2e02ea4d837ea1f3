"""How long the training takes on this machine."""

import os
import shutil

from data_utils.preflight.look import Look
from data_utils.preflight.report import Row, both
from data_utils.preflight.stretch import KEEP_S, MAX_S

# seconds on two cores: of preparing one second of video, and of the training itself
PREPARE_S = 2.3
TRAIN_S = {"draft": 400.0, "standard": 1300.0, "high": 2300.0}


def check(look: Look) -> list[Row]:
    """One row with the three presets."""
    length = look.length_s if look.length_s <= MAX_S else KEEP_S
    seconds = {preset: training_seconds(preset, length) for preset in TRAIN_S}
    spoken = {preset: minutes(value) for preset, value in seconds.items()}
    value = both(
        f"draft about {spoken['draft']} min, standard {spoken['standard']} min, high {spoken['high']} min",
        f"草稿约 {spoken['draft']} 分钟,标准 {spoken['standard']} 分钟,精细 {spoken['high']} 分钟",
    )
    title = both("Training time", "训练时间")
    if shutil.which("nvidia-smi"):
        title = both("Training time on the CPU", "用 CPU 训练的时间")
    return [Row("estimate", "info", title, value, facts={"seconds": seconds})]


def training_seconds(preset: str, length_s: float) -> int:
    """A rough figure for this machine's cores."""
    cores = max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    faster = (cores / 2) ** 0.7
    return round((PREPARE_S * length_s + TRAIN_S[preset]) / faster)


def minutes(seconds: float) -> int:
    """Rounded as a person would."""
    whole = max(1, round(seconds / 60))
    return whole if whole < 20 else 5 * round(whole / 5)
