"""The kernels for NVIDIA cards, on a card or (where there is none) by Warp on the CPU: the reference's pictures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

wp = pytest.importorskip("warp", reason="warp-lang (the gpu part) is not installed")
pytest.importorskip("torch", reason="the reference renderer needs torch")

from talking_gaussian import warm_up  # noqa: E402
from talking_gaussian.errors import UserError  # noqa: E402
from talking_gaussian.rendering import (  # noqa: E402
    Splats,
    render,
    warp_head,
    warp_kernels,
    warp_output,
    warp_raster,
    warp_tiles,
)
from talking_gaussian.rendering.numba_backend import NumbaRenderer  # noqa: E402
from talking_gaussian.rendering.warp_backend import WarpRenderer  # noqa: E402
from talking_gaussian.training.card import loss_kernels, place_kernels  # noqa: E402
from test_rendering import SIZE, camera, cloud  # noqa: E402

KERNELS = [warp_kernels, warp_raster, warp_head, loss_kernels, place_kernels]
DEVICE = "cuda:0" if wp.is_cuda_available() else "cpu"


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    kept = wp.config.kernel_cache_dir
    wp.config.kernel_cache_dir = str(tmp_path_factory.mktemp("warp"))
    wp.init()
    yield
    wp.config.kernel_cache_dir = kept


def plates(count: int, seed: int = 9) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, SIZE[1], SIZE[0], 3), dtype=np.uint8)


@pytest.mark.parametrize(("seed", "size"), [(0, 0.05), (1, 0.005), (2, 0.3)])
def test_warp_draws_what_the_reference_draws(seed: int, size: float) -> None:
    splats, plate = cloud(seed=seed, size=size), plates(1)[0] / np.float32(255)
    slow = render(splats, camera(), SIZE, "reference")
    fast = WarpRenderer(SIZE, len(splats.means), device=DEVICE).render(splats, camera())
    assert slow.alpha.max() > 0.2
    assert np.abs(fast.over(plate) - slow.over(plate)).max() < 1 / 255
    assert np.abs(fast.alpha - slow.alpha).max() < 1 / 255


def test_a_batch_of_frames_is_each_of_them_drawn_alone() -> None:
    clouds, behind = [cloud(seed=seed) for seed in range(3)], plates(3)
    renderer = WarpRenderer(SIZE, 150, batch=3, device=DEVICE)
    for slot, splats in enumerate(clouds):
        renderer.put(slot, splats, behind[slot])
    frames = renderer.draw(camera(), 3)
    for splats, plate, frame in zip(clouds, behind, frames, strict=True):
        expected = render(splats, camera(), SIZE, "reference").over(plate / np.float32(255)) * 255
        assert np.abs(frame - expected).max() <= 1.5


def test_a_batch_that_is_not_full_and_one_after_another_leave_nothing_behind() -> None:
    renderer, plate = WarpRenderer(SIZE, 150, batch=2, device=DEVICE), plates(1)[0]
    for slot in range(2):
        renderer.put(slot, cloud(seed=5, size=0.3), plate)
    renderer.draw(camera(), 2)
    alone, numbas = np.empty_like(plate), np.empty_like(plate)
    renderer.render_over(cloud(seed=1), camera(), plate, alone)
    NumbaRenderer(SIZE).render_over(cloud(seed=1), camera(), plate, numbas)
    assert np.abs(alone.astype(int) - numbas).max() <= 1


def test_more_overlap_than_there_is_room_for_makes_room() -> None:
    """Every splat covers the whole picture, 6 tiles and more than FIRST_PAIRS_A_GAUSSIAN in a larger one."""
    size = (96, 96)
    splats = cloud(40, size=3.0)
    fast = WarpRenderer(size, 40, device=DEVICE).render(splats, camera())
    slow = render(splats, camera(), size, "reference")
    assert np.abs(fast.rgb - slow.rgb).max() < 1 / 255


def test_an_empty_view_leaves_the_plate() -> None:
    splats, plate = cloud(), plates(1)[0]
    behind = Splats(splats.means - np.float32([0, 0, 9]), splats.covariances, splats.opacities, splats.colors)
    frame = np.empty_like(plate)
    WarpRenderer(SIZE, 150, device=DEVICE).render_over(behind, camera(), plate, frame)
    assert np.array_equal(frame, plate)


def test_numbers_that_are_none_draw_nothing() -> None:
    splats, plate = cloud(10), plates(1)[0]
    broken = Splats(np.full_like(splats.means, np.nan), splats.covariances, splats.opacities, splats.colors)
    frame = np.empty_like(plate)
    WarpRenderer(SIZE, 10, device=DEVICE).render_over(broken, camera(), plate, frame)
    assert np.array_equal(frame, plate)


def test_a_card_that_fills_up_while_drawing_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    renderer, plate = WarpRenderer(SIZE, 150, device=DEVICE), plates(1)[0]

    def full(*_: object) -> None:
        raise RuntimeError("Failed to allocate 9 bytes on device 'cuda:0'")

    monkeypatch.setattr(warp_tiles.TileLists, "sort", full)
    with pytest.raises(UserError, match=r"Failed to allocate 9 bytes.*--gpu cpu"):
        renderer.render_over(cloud(), camera(), plate, plate.copy())


@pytest.mark.parametrize("arch", [90, 120])
@pytest.mark.parametrize("module", KERNELS)
def test_the_kernels_compile_for_cards(module: ModuleType, arch: int, tmp_path: Path) -> None:
    """Only that they compile: Warp's own compiler needs no card. Nothing is run."""
    made = wp.compile_aot_module(module, arch=arch, module_dir=tmp_path, use_ptx=True)
    assert f"sm{arch}" in str(made[0]) or f".target sm_{arch}" in made[0].read_text()


def test_the_first_video_and_the_first_training_wait_for_no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every module of kernels is compiled when the environment is made: by the trial picture, or by name."""
    by_trial = {warp_kernels, warp_raster, warp_output}
    assert by_trial | set(warm_up.modules_beside_the_trial()) == {*KERNELS, warp_output}
    monkeypatch.setattr(warm_up, "find_spec", lambda name: None if name == "torch" else object())
    assert warm_up.modules_beside_the_trial() == [warp_head]  # without torch nothing of training is loaded
