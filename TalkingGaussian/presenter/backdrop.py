"""A blurred office-like backdrop, painted by numpy."""

from __future__ import annotations

from pathlib import Path

import bpy
import numpy as np


def blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur of [H,W,3] with mirrored edges."""
    reach = int(3 * sigma)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    kernel /= kernel.sum()
    for axis in (0, 1):
        pad = [(0, 0)] * 3
        pad[axis] = (reach, reach)
        padded = np.pad(image, pad, mode="reflect")
        image = np.apply_along_axis(lambda v: np.convolve(v, kernel, "valid"), axis, padded)
    return image


def backdrop(size: int, seed: int = 5) -> np.ndarray:
    """[size,size,3] sRGB 0..1: a grey-blue wall, a window's glow, a shelf and a plant, far out of focus."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:size, 0:size] / size
    wall = np.array([0.60, 0.645, 0.68]) - 0.10 * y[..., None] - 0.05 * np.abs(x - 0.4)[..., None]
    image = wall.copy()
    for left, right, tone in ((0.03, 0.13, 0.20), (0.15, 0.25, 0.24)):
        pane = (x > left) & (x < right) & (y < 0.62)
        image[pane] += tone * np.array([1.0, 0.97, 0.90])
    shelf = (x > 0.78) & (x < 0.99)
    for level in (0.22, 0.44, 0.66):
        image[shelf & (np.abs(y - level) < 0.008)] = (0.42, 0.36, 0.31)
        for book in np.arange(0.79, 0.97, 0.022):
            height = rng.uniform(0.06, 0.14)
            tone = np.array([0.52, 0.50, 0.48]) + rng.normal(0, 0.07) + rng.normal(0, 0.025, 3)
            image[(x > book) & (x < book + 0.018) & (y < level) & (y > level - height)] = tone
    for _ in range(60):
        cx, cy, r = rng.normal(0.10, 0.05), rng.normal(0.80, 0.08), rng.uniform(0.01, 0.035)
        image[(x - cx) ** 2 / r**2 + (y - cy) ** 2 / (1.8 * r) ** 2 < 1] = (0.40, 0.47, 0.40)
    image = blur(image, size * 0.022)
    glow = np.exp(-(((x - 0.45) / 0.5) ** 2 + ((y - 0.4) / 0.5) ** 2))[..., None]
    dither = rng.uniform(-0.5, 0.5, (size, size, 1)) / 255  # no bands in the smooth wall
    return np.clip(image + 0.05 * glow + dither, 0, 1)


def save_backdrop(path: Path, size: int) -> None:
    """Write the backdrop as an opaque PNG."""
    rgba = np.ones((size, size, 4), np.float32)
    rgba[..., :3] = backdrop(size)
    image = bpy.data.images.new("backdrop", size, size)
    image.colorspace_settings.name = "Non-Color"
    image.pixels.foreach_set(rgba[::-1].ravel())
    image.filepath_raw, image.file_format = str(path), "PNG"
    image.save()
    bpy.data.images.remove(image)
