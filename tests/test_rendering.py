"""The renderers against each other, and gradients against the reference's."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the reference renderer needs torch")

from talking_gaussian.rendering import Camera, Splats, render  # noqa: E402
from talking_gaussian.rendering.differentiable import rasterize  # noqa: E402
from talking_gaussian.rendering.numba_backend import NumbaRenderer  # noqa: E402
from talking_gaussian.rendering.reference import composite, full_covariances, project  # noqa: E402

SIZE = (40, 32)


def camera(focal: float = 45.0) -> Camera:
    viewmat = np.eye(4, dtype=np.float32)
    viewmat[:3, 3] = (0.01, -0.02, 1.0)
    K = np.array([[focal, 0, 20], [0, focal, 16], [0, 0, 1]], np.float32)
    return Camera(viewmat, K)


def cloud(count: int = 150, seed: int = 0, size: float = 0.05) -> Splats:
    """Random anisotropic splats, some off screen, some behind the camera, some almost transparent."""
    rng = np.random.default_rng(seed)
    means = rng.normal(0, 0.3, (count, 3)).astype(np.float32)
    means[:3, 2] = -2
    spread = rng.normal(0, size, (count, 3, 3))
    cov = spread @ spread.transpose(0, 2, 1) + 1e-7 * np.eye(3)
    packed = cov[:, [0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]].astype(np.float32)
    opacities = rng.uniform(0.001, 1.0, count).astype(np.float32)
    return Splats(means, packed, opacities, rng.random((count, 3)).astype(np.float32))


@pytest.mark.parametrize(("seed", "size"), [(0, 0.05), (1, 0.005), (2, 0.3)])
def test_numba_draws_what_the_reference_draws(seed: int, size: float) -> None:
    splats = cloud(seed=seed, size=size)
    fast, slow = render(splats, camera(), SIZE, "numba"), render(splats, camera(), SIZE, "reference")
    plate = np.random.default_rng(9).random((SIZE[1], SIZE[0], 3)).astype(np.float32)
    assert slow.alpha.max() > 0.2
    assert np.abs(fast.over(plate) - slow.over(plate)).max() < 1 / 255
    assert np.abs(fast.alpha - slow.alpha).max() < 1 / 255


def test_byte_frames_equal_the_float_rendering_over_the_plate() -> None:
    splats = cloud()
    renderer = NumbaRenderer(SIZE)
    plate = np.random.default_rng(9).integers(0, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    frame = np.empty_like(plate)
    for _ in range(2):  # the second frame shows that the first left nothing behind
        renderer.render_over(splats, camera(), plate, frame)
    expected = renderer.render(splats, camera()).over(plate / 255) * 255
    assert np.abs(frame - expected).max() <= 0.51


def test_an_empty_view_leaves_the_plate() -> None:
    splats = cloud()
    behind = Splats(splats.means - np.float32([0, 0, 9]), splats.covariances, splats.opacities, splats.colors)
    assert render(behind, camera(), SIZE).alpha.max() == 0


def test_unknown_backend_is_named() -> None:
    with pytest.raises(ValueError, match="vulkan"):
        render(cloud(), camera(), SIZE, "vulkan")


def test_gradients_equal_the_reference_gradients() -> None:
    splats, view = cloud(60), camera()
    weights = torch.as_tensor(np.random.default_rng(3).normal(size=(SIZE[1], SIZE[0], 4)))

    def gradients(dtype: torch.dtype) -> list[np.ndarray]:
        leaves = [
            torch.tensor(a, dtype=dtype, requires_grad=True)
            for a in (splats.means, splats.covariances, splats.opacities, splats.colors)
        ]
        projection = project(
            leaves[0],
            full_covariances(leaves[1]),
            torch.tensor(view.viewmat, dtype=dtype),
            torch.tensor(view.K, dtype=dtype),
        )
        if dtype == torch.float64:
            rgb, transmittance = composite(projection, leaves[2], leaves[3], SIZE)
            picture = torch.cat([rgb, transmittance[..., None]], -1)
        else:
            picture = rasterize(projection, leaves[2], leaves[3], SIZE)
        (picture * weights.to(dtype)).sum().backward()
        return [leaf.grad.numpy() for leaf in leaves]

    for fast, slow in zip(gradients(torch.float32), gradients(torch.float64), strict=True):
        assert np.abs(fast - slow).max() < 2e-3 * np.abs(slow).max()
