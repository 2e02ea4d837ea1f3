"""Which processor does the work: `--gpu auto|cpu|ID` becomes one NVIDIA GPU or the CPU, and a sentence says why.

GPUs are found by nvidia-smi, which comes with the driver: no CUDA package has to be imported to know there is none.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass

from talking_gaussian.errors import UserError

QUERY = "index,name,memory.total,memory.free,driver_version,compute_cap"
ASK_S = 20.0  # a driver that sleeps takes seconds to wake up
SEATS = "TFG_GPU"  # the GPUs whose seats a job holds (numbers with commas between): `auto` takes those
DRAWS_WITH = "warp"  # the package of the environment's gpu part
PREPARE = "python environments/manage.py create talking_gaussian --part gpu"

BATCH = 16  # frames drawn by one launch
MIB = 2**20
# estimates, to be replaced by measured ones: the driver's context and the kernels; the bytes a frame holds for each
# Gaussian (posed, projected) and for each pixel (what is drawn, 16; two finished pictures and two plates, 3 each); the
# (tile, depth) pairs that a Gaussian makes at 512 px, of 24 bytes (key and number, and room to sort); the bytes of a
# Gaussian's own motion (52 units) and colour
CONTEXT_MIB, GAUSSIAN_BYTES, PIXEL_BYTES, PAIRS_AT_512, PAIR_BYTES = 600, 100, 28, 8, 24
AVATAR_BYTES = 1500
PLATES_MIB = 2048  # the most that an avatar's plates may keep of the card


@dataclass(frozen=True)
class Gpu:
    """An NVIDIA card as nvidia-smi tells. index: its number there; memory_mib, free_mib: MiB; capability: (9, 0)."""

    index: int
    name: str
    memory_mib: int
    free_mib: int
    driver: str
    capability: tuple[int, int]


@dataclass(frozen=True)
class Choice:
    """The GPU to use, or None for the CPU; en, zh: why the CPU was taken where a GPU might have been expected; named:
    the card was asked for by its number; others: further cards, for what can use several."""

    gpu: Gpu | None
    en: str = ""
    zh: str = ""
    named: bool = False
    others: tuple[Gpu, ...] = ()

    def sentence(self, lang: str = "en") -> str:
        """Why, in `lang` (en or zh; English for any other)."""
        return self.zh if lang.startswith("zh") else self.en


CPU = Choice(None)


def list_gpus() -> list[Gpu]:
    """NVIDIA GPUs that this process may use (CUDA_VISIBLE_DEVICES is obeyed where it lists numbers)."""
    program = shutil.which("nvidia-smi")
    if not program:
        return []
    query = [program, f"--query-gpu={QUERY}", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=ASK_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    told = [_read_row(line) for line in answer.stdout.splitlines()] if answer.returncode == 0 else []
    return [gpu for gpu in told if gpu is not None and _visible(gpu.index)]


def _read_row(line: str) -> Gpu | None:
    """One line of nvidia-smi; None where it is not about a card that can be used (`[N/A]`, an error's text)."""
    parts = [part.strip() for part in line.split(",")]
    if len(parts) != len(QUERY.split(",")):
        return None
    index, name, total, free, driver, capability = parts
    major, _, minor = capability.partition(".")
    if not all(number.isdecimal() for number in (index, total, free, major, minor)):
        return None
    return Gpu(int(index), name, int(total), int(free), driver, (int(major), int(minor)))


def _visible(index: int) -> bool:
    told = os.environ.get("CUDA_VISIBLE_DEVICES")
    if told is None:
        return True
    numbers = [word.strip() for word in told.split(",")]
    return str(index) in numbers if all(word.lstrip("-").isdecimal() for word in numbers if word) else True


def choose(wanted: str | None, several: bool = False) -> Choice:
    """`auto`, `cpu` or a GPU's number -> the device; None is `auto` that says nothing where there is no card. several:
    also `all` and numbers with commas between. Raises UserError for another word, and for a number that no card of this
    machine has."""
    _check_word("auto" if wanted is None else wanted, several)
    gpus = [] if wanted == "cpu" else list_gpus()
    if not gpus and wanted in (None, "cpu"):
        return CPU
    if not gpus:
        return Choice(
            None,
            "the CPU does the work, since no NVIDIA GPU was found (nvidia-smi is missing or lists none)",
            "未找到 NVIDIA 显卡(没有 nvidia-smi,或其列表为空),因此由 CPU 完成",
        )
    gpu, *others = _chosen(gpus, wanted, several)
    if importlib.util.find_spec(DRAWS_WITH) is None:
        return Choice(
            None,
            f"the CPU does the work, since the GPU part is not installed; for {gpu.name} run: {PREPARE}",
            f"尚未安装 GPU 组件,因此由 CPU 完成;要使用 {gpu.name},请运行:{PREPARE}",
        )
    return Choice(gpu, named=wanted not in (None, "auto"), others=tuple(others))


def _check_word(wanted: str, several: bool) -> None:
    if wanted in ("auto", "cpu") or re.fullmatch("[0-9]+", wanted):
        return
    if several and re.fullmatch("all|[0-9]+(,[0-9]+)*", wanted):
        return
    en, zh = ("auto, cpu or the number of a GPU", "auto、cpu 或 GPU 编号")
    if several:
        en, zh = ("auto, cpu, all or the numbers of GPUs", "auto、cpu、all 或 GPU 编号")
    raise UserError("bad_setting", f"--gpu must be {en}, not {wanted!r}.", f"--gpu 必须是 {zh},而不是 {wanted!r}。")


def _chosen(gpus: list[Gpu], wanted: str | None, several: bool) -> list[Gpu]:
    """The cards to use, the first before its helpers: those that were named; for auto those whose seats the job holds,
    or else the one with the most free memory."""
    if wanted == "all":
        return gpus
    if wanted not in (None, "auto"):
        return [_of_number(gpus, int(number)) for number in dict.fromkeys(wanted.split(","))]
    seats = os.environ.get(SEATS, "").split(",")
    held = [gpu for gpu in gpus if str(gpu.index) in seats]
    return held[: None if several else 1] or [max(gpus, key=lambda gpu: (gpu.free_mib, -gpu.index))]


def _of_number(gpus: list[Gpu], number: int) -> Gpu:
    for gpu in gpus:
        if gpu.index == number:
            return gpu
    en = ", ".join(f"{gpu.index} ({gpu.name})" for gpu in gpus)
    raise UserError(
        "no_gpu",
        f"There is no GPU {number}; --gpu can be auto, cpu or one of: {en}.",
        f"没有编号为 {number} 的显卡;--gpu 可以是 auto、cpu 或以下之一:{en}。",
    )


def cores() -> int:
    """CPU cores that this process may use."""
    return max(1, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def take(gpu: Gpu) -> None:
    """Make `gpu` the only card that CUDA shows this process, as its device 0. Call before CUDA is started: CUDA counts
    cards by speed where it is not told to count as nvidia-smi does."""
    os.environ["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
    os.environ["CUDA_VISIBLE_DEVICES"] = str(gpu.index)


def memory_needed_mib(gaussians: int, size: int, batch: int) -> int:
    """About how much memory of the card drawing `batch` pictures of `size` px at once takes, MiB."""
    pairs = PAIRS_AT_512 * max(1.0, (size / 512) ** 2) * PAIR_BYTES
    frame = gaussians * (GAUSSIAN_BYTES + pairs) + size * size * PIXEL_BYTES
    return CONTEXT_MIB + int((gaussians * AVATAR_BYTES + batch * frame) / MIB)


def plates_mib(gpu: Gpu, gaussians: int, size: int, batch: int) -> int:
    """How much of the card's free memory may keep plates, MiB: a quarter of it, where drawing leaves that."""
    return max(0, min(PLATES_MIB, gpu.free_mib // 4, gpu.free_mib - memory_needed_mib(gaussians, size, batch)))


def batch_that_fits(gpu: Gpu, gaussians: int, size: int) -> int:
    """How many frames to draw at once, 1 to BATCH. Raises UserError, with the settings that fit, where not even one
    has room in the card's free memory."""
    for batch in (BATCH, 8, 4, 2, 1):
        if memory_needed_mib(gaussians, size, batch) <= gpu.free_mib:
            return batch
    needed = memory_needed_mib(gaussians, size, 1)
    smaller, fewer = _size_that_fits(gpu, gaussians, size), _gaussians_that_fit(gpu, size)
    en, zh = ["--gpu cpu"], ["--gpu cpu"]
    if fewer:
        en.insert(0, f"an avatar trained with --max_gaussians {fewer}")
        zh.insert(0, f"以 --max_gaussians {fewer} 训练的头像")
    if smaller:
        en.insert(0, f"--size {smaller}")
        zh.insert(0, f"--size {smaller}")
    raise UserError(
        "gpu_memory_short",
        f"{gpu.name} has {gpu.free_mib} MiB free and this needs {needed}: close other programs on it, or use "
        f"{', or '.join(en)}.",
        f"{gpu.name} 剩余显存 {gpu.free_mib} MiB,需要 {needed} MiB:请关闭占用显存的程序,或使用 {'、'.join(zh)}。",
    )


def _size_that_fits(gpu: Gpu, gaussians: int, size: int) -> int:
    """The largest smaller side, in steps of 64 px; 0 where none does."""
    sides = range(128, size, 64)
    return max((side for side in sides if memory_needed_mib(gaussians, side, 1) <= gpu.free_mib), default=0)


def _gaussians_that_fit(gpu: Gpu, size: int) -> int:
    """In whole thousands; 0 where no number worth training does."""
    return max((n for n in range(5000, 200_000, 1000) if memory_needed_mib(n, size, 1) <= gpu.free_mib), default=0)
