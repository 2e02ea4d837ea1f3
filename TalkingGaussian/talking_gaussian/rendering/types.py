"""What the renderer takes and gives: posed Gaussians, a pinhole camera, an image with its coverage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Camera:
    """A pinhole camera with OpenCV axes (x right, y down, z forward).

    viewmat: [4, 4] world to camera, metres. K: [3, 3] intrinsics in pixels; pixel (i, j) has its centre at
    (j + 0.5, i + 0.5).
    """

    viewmat: np.ndarray
    K: np.ndarray

    def resized(self, factor: float) -> Camera:
        """The same view with the image scaled by `factor`."""
        K = self.K.astype(np.float32).copy()
        K[:2] *= factor
        return Camera(self.viewmat, K)

    def cropped(self, top: int, left: int) -> Camera:
        """The same view of the part of the picture that begins at (top, left)."""
        K = self.K.astype(np.float32).copy()
        K[:2, 2] -= (left, top)
        return Camera(self.viewmat, K)

    def project(self, points: np.ndarray) -> np.ndarray:
        """World points [n, 3] -> places in the picture [n, 2], px."""
        seen = points @ self.viewmat[:3, :3].T + self.viewmat[:3, 3]
        return seen[:, :2] / seen[:, 2:] * self.K[[0, 1], [0, 1]] + self.K[:2, 2]

    @property
    def centre(self) -> np.ndarray:
        """[3] the camera's position in the world."""
        return -self.viewmat[:3, :3].T @ self.viewmat[:3, 3]


@dataclass(frozen=True)
class Splats:
    """Gaussians placed in the world, ready to be drawn (all float32, C order).

    means: [N, 3] metres. covariances: [N, 6] upper triangle xx xy xz yy yz zz. opacities: [N] 0..1.
    colors: [N, 3] RGB about 0..1 (sRGB values as in the training frames).
    """

    means: np.ndarray
    covariances: np.ndarray
    opacities: np.ndarray
    colors: np.ndarray


@dataclass(frozen=True)
class Rendering:
    """rgb: [H, W, 3] premultiplied by coverage; alpha: [H, W] coverage 0..1; both float32."""

    rgb: np.ndarray
    alpha: np.ndarray

    def over(self, plate: np.ndarray) -> np.ndarray:
        """Composite over `plate` [H, W, 3] (0..1) -> [H, W, 3] float32."""
        return self.rgb + (1 - self.alpha[..., None]) * plate
