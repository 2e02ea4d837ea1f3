"""Opening an NVIDIA card for drawing, and trying it before a video depends on it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from talking_gaussian import devices
from talking_gaussian.devices import Choice, Gpu
from talking_gaussian.errors import UserError
from talking_gaussian.profiling import Profile
from talking_gaussian.rendering.numba_backend import NumbaRenderer
from talking_gaussian.rendering.types import Camera, Splats

if TYPE_CHECKING:
    from talking_gaussian.rendering.warp_backend import WarpRenderer

TRIAL_SIDE, TRIAL_GAUSSIANS = 32, 64
TRIAL_LEVELS = 2  # grey levels that two renderers may differ by


def open_card(choice: Choice, gaussians: int, size: int, profile: Profile) -> WarpRenderer | None:
    """The chosen card's renderer for square pictures of `size` px; None: the CPU is to draw, and a line says why.

    A card that was named and cannot be used raises UserError; one that `auto` found is left alone instead.
    """
    if choice.gpu is None:
        note(choice.en, choice.zh)
        return None
    try:
        batch = devices.batch_that_fits(choice.gpu, gaussians, size)
        return opened(choice.gpu, gaussians, size, batch, profile)
    except UserError as error:
        if choice.named:
            raise
        note(f"the CPU does the work: {error.en}", f"由 CPU 完成:{error.zh}")
        return None


def opened(gpu: Gpu, gaussians: int, size: int, batch: int, profile: Profile) -> WarpRenderer:
    """The card's renderer, after it has drawn a small picture as the CPU does. Raises UserError where it cannot."""
    with started(gpu):
        from talking_gaussian.rendering.warp_backend import WarpRenderer

        refuse_if_off(gpu, trial(WarpRenderer((TRIAL_SIDE, TRIAL_SIDE), TRIAL_GAUSSIANS)))
        room = devices.plates_mib(gpu, gaussians, size, batch) * devices.MIB
        return WarpRenderer((size, size), gaussians, batch, profile=profile, plate_bytes=room)


@contextmanager
def started(gpu: Gpu) -> Iterator[None]:
    """CUDA shows this process `gpu` alone; what Warp cannot do with it inside becomes a UserError."""
    devices.take(gpu)
    import warp as wp

    from talking_gaussian.rendering import warp_kernels  # noqa: F401 (it quiets Warp, which speaks as it starts)

    if not wp.get_cuda_devices():
        raise refused(gpu, f"Warp {wp.__version__} cannot start CUDA with driver {gpu.driver}")
    try:
        yield
    except RuntimeError as error:  # what Warp raises for a card that fails or is full
        raise refused(gpu, str(error).splitlines()[0][:200]) from error


def refuse_if_off(gpu: Gpu, off: int) -> None:
    """Raises UserError where the trial picture is off by more grey levels than two renderers may differ."""
    if off > TRIAL_LEVELS:
        raise refused(gpu, f"a test picture differs from the CPU's by {off} grey levels")


def trial(renderer: WarpRenderer) -> int:
    """How much a small picture by `renderer` (TRIAL_SIDE px, TRIAL_GAUSSIANS) differs from the CPU renderer's, in grey
    levels."""
    rng = np.random.default_rng(0)
    side, count = TRIAL_SIDE, TRIAL_GAUSSIANS
    means = rng.normal(0, 0.2, (count, 3)) + np.array([0, 0, 1])
    covariances = np.tile(np.array([2e-3, 5e-4, 0, 1e-3, 0, 1e-3]), (count, 1))
    arrays = (means, covariances, rng.uniform(0.05, 1, count), rng.random((count, 3)))
    splats = Splats(*(np.ascontiguousarray(array, np.float32) for array in arrays))
    camera = Camera(np.eye(4, dtype=np.float32), np.array([[side, 0, 16], [0, side, 16], [0, 0, 1]], np.float32))
    plate = rng.integers(0, 256, (side, side, 3), np.uint8)
    ours, theirs = np.empty_like(plate), np.empty_like(plate)
    renderer.render_over(splats, camera, plate, ours)
    NumbaRenderer((side, side)).render_over(splats, camera, plate, theirs)
    return int(np.abs(ours.astype(int) - theirs).max())


def refused(gpu: Gpu, why: str) -> UserError:
    """What the card could not do, as a sentence."""
    return UserError(
        "gpu_refused",
        f"GPU {gpu.index} ({gpu.name}) cannot be used: {why}. Update NVIDIA's driver, or use --gpu cpu.",
        f"无法使用显卡 {gpu.index}({gpu.name}):{why}。请更新 NVIDIA 驱动,或使用 --gpu cpu。",
    )


def note(en: str, zh: str) -> None:
    """A line for the person on stderr (nothing for "")."""
    if en:
        chinese = os.environ.get("TFG_LANG", "en").startswith("zh")
        print(f"note: {zh if chinese else en}", file=sys.stderr, flush=True)
