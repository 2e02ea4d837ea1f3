"""An avatar's Gaussians posed on the card: all frames of a batch by one launch, as `talking_gaussian.head` on the CPU.

What goes to the card for a frame is its coefficients and the head's pose, some hundred bytes, and not the Gaussians.
"""

# mypy: ignore-errors
# (the annotations of kernels are values, arrays of a type and so on, which mypy takes for mistakes; Warp reads them as
# they are, so no `from __future__ import annotations` here)

import numpy as np
import warp as wp

from talking_gaussian.avatar import Avatar
from talking_gaussian.head import covariances_of
from talking_gaussian.rendering.types import Camera
from talking_gaussian.rendering.warp_backend import WarpRenderer
from talking_gaussian.rendering.warp_kernels import covariance_along
from talking_gaussian.rendering.warp_parcel import Parcel

LEAST = wp.constant(1.0e-4)  # a unit weaker than this moves nothing, as on the CPU

wp.set_module_options({"enable_backward": False})


@wp.func
def harmonic(k: int, x: float, y: float, z: float):
    """Real spherical harmonic k (0 to 15) in the direction x y z (Ramamoorthi & Hanrahan 2001), as head.sh_basis."""
    value = float(0.28209479177387814)  # noqa: UP018 (Warp: a literal cannot change)
    if k == 1:
        value = -0.4886025119029199 * y
    elif k == 2:
        value = 0.4886025119029199 * z
    elif k == 3:
        value = -0.4886025119029199 * x
    elif k == 4:
        value = 1.0925484 * x * y
    elif k == 5:
        value = -1.0925484 * y * z
    elif k == 6:
        value = 0.31539157 * (3.0 * z * z - 1.0)
    elif k == 7:
        value = -1.0925484 * x * z
    elif k == 8:
        value = 0.5462742 * (x * x - y * y)
    elif k == 9:
        value = -0.5900436 * y * (3.0 * x * x - y * y)
    elif k == 10:
        value = 2.8906114 * x * y * z
    elif k == 11:
        value = -0.4570458 * y * (5.0 * z * z - 1.0)
    elif k == 12:
        value = 0.3731763 * z * (5.0 * z * z - 3.0)
    elif k == 13:
        value = -0.4570458 * x * (5.0 * z * z - 1.0)
    elif k == 14:
        value = 1.4453057 * z * (x * x - y * y)
    elif k == 15:
        value = -0.5900436 * x * (x * x - 3.0 * y * y)
    return value


@wp.kernel
def pose(
    rest: wp.array(dtype=wp.vec3),
    still: wp.array2d(dtype=float),
    opaque: wp.array(dtype=float),
    weights: wp.array(dtype=float),
    harmonics: wp.array2d(dtype=wp.vec3),
    basis: wp.array2d(dtype=wp.vec3),
    shade: wp.array2d(dtype=wp.vec3),
    coefficients: wp.array2d(dtype=float),
    heads: wp.array(dtype=wp.mat44),
    eyes: wp.array(dtype=wp.vec3),
    means: wp.array(dtype=wp.vec3),
    covariances: wp.array2d(dtype=float),
    opacities: wp.array(dtype=float),
    colors: wp.array(dtype=wp.vec3),
):
    """Frame f, Gaussian n: x' = A (x + sum of c_k basis_k) + w t with A = (1 - w) I + w R, covariance' = A S A^T, and
    the colour seen from the camera's place in the head's frame (eyes)."""
    f, n = wp.tid()
    i = f * rest.shape[0] + n
    moved = wp.vec3(rest[n])
    tint = wp.vec3(0.5, 0.5, 0.5)
    for k in range(coefficients.shape[1]):
        c = coefficients[f, k]
        if wp.abs(c) > LEAST:
            moved += c * basis[k, n]
            if shade.shape[0] > 0:
                tint += c * shade[k, n]
    w, head = weights[n], heads[f]
    row0 = w * wp.vec3(head[0, 0], head[0, 1], head[0, 2]) + wp.vec3(1.0 - w, 0.0, 0.0)
    row1 = w * wp.vec3(head[1, 0], head[1, 1], head[1, 2]) + wp.vec3(0.0, 1.0 - w, 0.0)
    row2 = w * wp.vec3(head[2, 0], head[2, 1], head[2, 2]) + wp.vec3(0.0, 0.0, 1.0 - w)
    means[i] = wp.vec3(
        wp.dot(row0, moved) + w * head[0, 3], wp.dot(row1, moved) + w * head[1, 3], wp.dot(row2, moved) + w * head[2, 3]
    )
    along0, along1 = covariance_along(still, n, row0), covariance_along(still, n, row1)
    along2 = covariance_along(still, n, row2)
    covariances[i, 0] = wp.dot(row0, along0)
    covariances[i, 1] = wp.dot(row0, along1)
    covariances[i, 2] = wp.dot(row0, along2)
    covariances[i, 3] = wp.dot(row1, along1)
    covariances[i, 4] = wp.dot(row1, along2)
    covariances[i, 5] = wp.dot(row2, along2)
    seen = wp.normalize(rest[n] - eyes[f])
    for k in range(harmonics.shape[1]):
        tint += harmonic(k, seen[0], seen[1], seen[2]) * harmonics[n, k]
    colors[i] = tint
    opacities[i] = opaque[n]


class CardHead:
    """An avatar's Gaussians and motion in the card's memory; poses them into a renderer's arrays."""

    def __init__(self, avatar: Avatar, renderer: WarpRenderer, sh_degree: int | None = None) -> None:
        """sh_degree: use the colour's spherical harmonics only up to this degree."""
        self._renderer, device = renderer, renderer.device
        degree = min(avatar.sh_degree, avatar.sh_degree if sh_degree is None else sh_degree)
        count, units = len(avatar.means), len(avatar.units)
        shade = np.zeros((0, count, 3)) if avatar.shade is None else avatar.shade
        arrays = (
            *((avatar.means, wp.vec3), (covariances_of(avatar.quats, avatar.scales), float)),
            *((1 / (1 + np.exp(-avatar.opacities)), float), (avatar.head_weight, float)),
            *((avatar.sh[:, : (degree + 1) ** 2], wp.vec3), (avatar.basis, wp.vec3), (shade, wp.vec3)),
        )
        self._avatar = [
            wp.array(np.ascontiguousarray(array, np.float32), dtype=dtype, device=device) for array, dtype in arrays
        ]
        self.frames = Frames(renderer, units)

    def put(self, slot: int, coefficients: np.ndarray, head: np.ndarray, camera: Camera) -> None:
        """Lay frame `slot` ready: coefficients [K] in the avatar's unit order, head [4, 4]."""
        self.put_all(coefficients[None], head[None], camera, first=slot)

    def put_all(
        self,
        coefficients: np.ndarray,
        heads: np.ndarray,
        camera: Camera,
        plates: np.ndarray | None = None,
        first: int = 0,
    ) -> None:
        """Lay n frames ready: coefficients [n, K], heads [n, 4, 4], and which plate in the card's memory stands behind
        each [n]; they take the slots from `first` on."""
        slots = slice(first, first + len(coefficients))
        here = self.frames
        here.coefficients[slots], here.heads[slots] = coefficients, heads
        here.eyes[slots] = np.einsum("nji,nj->ni", heads[:, :3, :3], camera.centre - heads[:, :3, 3])
        if plates is not None:
            here.plates[slots] = plates

    def pose(self, count: int) -> None:
        """Pose the first `count` frames into the renderer's arrays."""
        self.frames.send()
        size = (count, self._renderer.gaussians)
        there = [self.frames.coefficients_there, self.frames.heads_there, self.frames.eyes_there]
        self._renderer.launch(pose, size, [*self._avatar, *there, *self._renderer.splats()])


class Frames:
    """What a batch of frames is, some hundred bytes a frame, laid down here and sent to the card by one copy."""

    def __init__(self, renderer: WarpRenderer, units: int) -> None:
        batch = renderer.batch
        self._parcel = Parcel(batch * (16 + 3 + units + 1), renderer.device)
        ends = np.cumsum([16 * batch, 3 * batch, units * batch, batch])
        heads, eyes, coefficients, plates = np.split(self._parcel.laid, ends[:-1])
        self.heads, self.eyes = heads.reshape(batch, 4, 4), eyes.reshape(batch, 3)
        self.coefficients, self.plates = coefficients.reshape(batch, units), plates.view(np.int32)
        self.heads_there = self._parcel.there(0, batch, wp.mat44)
        self.eyes_there = self._parcel.there(ends[0], batch, wp.vec3)
        self.coefficients_there = self._parcel.there(ends[1], (batch, units), wp.float32)
        self.plates_there = self._parcel.there(ends[2], batch, wp.int32)
        self.send = self._parcel.send
