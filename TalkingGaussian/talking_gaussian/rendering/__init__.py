"""`render(splats, camera, size)`: one door, several backends behind it.

`numba` (CPU, compiled, the default), `warp` (NVIDIA cards; needs the environment's gpu part) and `reference` (plain
torch, slow, differentiable: what the others are tested against).
"""

from __future__ import annotations

from importlib import import_module

from talking_gaussian.rendering.types import Camera, Rendering, Splats

BACKENDS = {
    "numba": "talking_gaussian.rendering.numba_backend",
    "warp": "talking_gaussian.rendering.warp_backend",
    "reference": "talking_gaussian.rendering.reference",
}

__all__ = ["BACKENDS", "Camera", "Rendering", "Splats", "render"]


def render(splats: Splats, camera: Camera, size: tuple[int, int], backend: str = "numba") -> Rendering:
    """Draw Gaussians.

    size: (width, height) in pixels, matching camera.K. Returns premultiplied colour [H, W, 3] and coverage [H, W].
    Raises ValueError for an unknown backend.
    """
    if backend not in BACKENDS:
        raise ValueError(f"no renderer called {backend!r}; there are {', '.join(BACKENDS)}")
    return import_module(BACKENDS[backend]).render(splats, camera, size)
