"""A head that moves: face units bend it, a rigid pose turns it; what comes out can be drawn.

Linear blendshapes on Gaussians: as in "3D Gaussian Blendshapes" (Ma et al., SIGGRAPH 2024) the motion is a linear
basis, and as in "TalkingGaussian" (Li et al., ECCV 2024) the Gaussians persist and only move.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from talking_gaussian.avatar import Avatar
from talking_gaussian.rendering import Camera, Splats

SH_C0 = np.float32(0.28209479177387814)
SH_C1 = np.float32(0.4886025119029199)


def covariances_of(quats: np.ndarray, log_scales: np.ndarray) -> np.ndarray:
    """quats [N, 4] wxyz, log_scales [N, 3] -> packed covariances R S S^T R^T [N, 6] (xx xy xz yy yz zz)."""
    w, x, y, z = quats.T
    rotation = np.stack(
        [
            *(1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
            *(2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
            *(2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
        ],
        -1,
    ).reshape(-1, 3, 3)
    half = rotation * np.exp(log_scales)[:, None, :]
    full = half @ half.transpose(0, 2, 1)
    return np.ascontiguousarray(full[:, [0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]], dtype=np.float32)


@njit(cache=True, parallel=True, fastmath=True, nogil=True)
def place(means, covariances, head_weight, head, placed_means, placed_covariances):
    """x' = A x + w t with A = (1 - w) I + w R (linear blend skinning), covariance' = A covariance A^T."""
    for i in prange(means.shape[0]):
        w = head_weight[i]
        v = np.float32(1) - w
        a00, a01, a02 = v + w * head[0, 0], w * head[0, 1], w * head[0, 2]
        a10, a11, a12 = w * head[1, 0], v + w * head[1, 1], w * head[1, 2]
        a20, a21, a22 = w * head[2, 0], w * head[2, 1], v + w * head[2, 2]
        x, y, z = means[i, 0], means[i, 1], means[i, 2]
        placed_means[i, 0] = a00 * x + a01 * y + a02 * z + w * head[0, 3]
        placed_means[i, 1] = a10 * x + a11 * y + a12 * z + w * head[1, 3]
        placed_means[i, 2] = a20 * x + a21 * y + a22 * z + w * head[2, 3]
        sxx, sxy, sxz = covariances[i, 0], covariances[i, 1], covariances[i, 2]
        syy, syz, szz = covariances[i, 3], covariances[i, 4], covariances[i, 5]
        u0, u1, u2 = (
            sxx * a00 + sxy * a01 + sxz * a02,
            sxy * a00 + syy * a01 + syz * a02,
            sxz * a00 + syz * a01 + szz * a02,
        )
        v0, v1, v2 = (
            sxx * a10 + sxy * a11 + sxz * a12,
            sxy * a10 + syy * a11 + syz * a12,
            sxz * a10 + syz * a11 + szz * a12,
        )
        w0, w1, w2 = (
            sxx * a20 + sxy * a21 + sxz * a22,
            sxy * a20 + syy * a21 + syz * a22,
            sxz * a20 + syz * a21 + szz * a22,
        )
        placed_covariances[i, 0] = a00 * u0 + a01 * u1 + a02 * u2
        placed_covariances[i, 1] = a10 * u0 + a11 * u1 + a12 * u2
        placed_covariances[i, 2] = a20 * u0 + a21 * u1 + a22 * u2
        placed_covariances[i, 3] = a10 * v0 + a11 * v1 + a12 * v2
        placed_covariances[i, 4] = a20 * v0 + a21 * v1 + a22 * v2
        placed_covariances[i, 5] = a20 * w0 + a21 * w1 + a22 * w2


def sh_basis(directions: np.ndarray, degree: int) -> np.ndarray:
    """Real spherical harmonics at unit directions [N, 3] -> [N, (degree + 1)^2] (Ramamoorthi & Hanrahan 2001)."""
    x, y, z = directions.T
    bands = [np.full_like(x, SH_C0)]
    if degree >= 1:
        bands += [-SH_C1 * y, SH_C1 * z, -SH_C1 * x]
    if degree >= 2:
        bands += [1.0925484 * x * y, -1.0925484 * y * z, 0.31539157 * (3 * z * z - 1)]
        bands += [-1.0925484 * x * z, 0.5462742 * (x * x - y * y)]
    if degree >= 3:
        bands += [-0.5900436 * y * (3 * x * x - y * y), 2.8906114 * x * y * z, -0.4570458 * y * (5 * z * z - 1)]
        bands += [0.3731763 * z * (5 * z * z - 3), -0.4570458 * x * (5 * z * z - 1)]
        bands += [1.4453057 * z * (x * x - y * y), -0.5900436 * x * (x * x - 3 * y * y)]
    return np.stack(bands, -1).astype(np.float32)


CHUNK = 4096  # columns a thread mixes at a time: they stay in its cache


@njit(cache=True, parallel=True, fastmath=True, nogil=True)
def mix_rows(weights, used, rows, mixed):
    """mixed [C] = sum over k in `used` of weights[k] rows[k, C]."""
    columns = mixed.shape[0]
    for chunk in prange((columns + CHUNK - 1) // CHUNK):
        first, last = chunk * CHUNK, min((chunk + 1) * CHUNK, columns)
        mixed[first:last] = np.float32(0)
        for k in used:
            weight = weights[k]
            for column in range(first, last):
                mixed[column] += weight * rows[k, column]


@njit(cache=True, parallel=True, fastmath=True, nogil=True)
def colors_of_degree_1(means, centre, sh, colors):
    """Colours [N, 3] seen from `centre` [3] for harmonics [N, 4, 3]: `sh_basis` of degree 1, written out."""
    for i in prange(means.shape[0]):
        x, y, z = means[i, 0] - centre[0], means[i, 1] - centre[1], means[i, 2] - centre[2]
        scale = SH_C1 / np.sqrt(x * x + y * y + z * z)
        x, y, z = x * scale, y * scale, z * scale
        for c in range(3):
            directed = -y * sh[i, 1, c] + z * sh[i, 2, c] - x * sh[i, 3, c]
            colors[i, c] = np.float32(0.5) + SH_C0 * sh[i, 0, c] + directed


class LinearMotion:
    """What the units do to an attribute of every Gaussian; most Gaussians are moved by none, and are left out."""

    def __init__(self, basis: np.ndarray) -> None:
        """basis: [K, N, 3] change per unit weight."""
        self._rows = np.flatnonzero(np.abs(basis).max(axis=(0, 2)) > 1e-6)
        self._basis = np.ascontiguousarray(basis[:, self._rows]).reshape(len(basis), -1)
        self._mixed = np.empty(self._basis.shape[1], np.float32)

    def add_to(self, values: np.ndarray, coefficients: np.ndarray) -> None:
        """values [N, 3] += sum over k of coefficients[k] basis[k], in place."""
        used = np.flatnonzero(np.abs(coefficients) > 1e-4)
        mix_rows(coefficients, used, self._basis, self._mixed)
        values[self._rows] += self._mixed.reshape(-1, 3)


class Head:
    """An avatar's Gaussians ready to be posed frame after frame without allocating."""

    def __init__(self, avatar: Avatar, sh_degree: int | None = None) -> None:
        """sh_degree: use the colour's spherical harmonics only up to this degree."""
        self.units = avatar.units
        self._degree = min(avatar.sh_degree, sh_degree if sh_degree is not None else avatar.sh_degree)
        self._rest = avatar.means
        self._means = np.empty_like(avatar.means)
        self._covariances = covariances_of(avatar.quats, avatar.scales)
        self._opacities = (1 / (1 + np.exp(-avatar.opacities))).astype(np.float32)
        self._sh = np.ascontiguousarray(avatar.sh[:, : (self._degree + 1) ** 2])
        self._head_weight = avatar.head_weight
        self._motion = LinearMotion(avatar.basis)
        self._shade = None if avatar.shade is None else LinearMotion(avatar.shade)
        self._placed_means = np.empty_like(avatar.means)
        self._placed_covariances = np.empty_like(self._covariances)
        self._colors = np.empty_like(avatar.means)

    def pose(self, coefficients: np.ndarray, head: np.ndarray, camera: Camera) -> Splats:
        """coefficients [K] in the avatar's unit order, head [4, 4] -> splats (valid until the next call)."""
        coefficients, head = coefficients.astype(np.float32), head.astype(np.float32)
        self._means[...] = self._rest
        self._motion.add_to(self._means, coefficients)
        place(self._means, self._covariances, self._head_weight, head, self._placed_means, self._placed_covariances)
        self._color(head, camera)
        if self._shade is not None:
            self._shade.add_to(self._colors, coefficients)
        return Splats(self._placed_means, self._placed_covariances, self._opacities, self._colors)

    def _color(self, head: np.ndarray, camera: Camera) -> None:
        """Colour seen from the camera; directions are taken in the head's own frame, so that light turns with it."""
        centre = (head[:3, :3].T @ (camera.centre - head[:3, 3])).astype(np.float32)
        if self._degree == 1:
            colors_of_degree_1(self._rest, centre, self._sh, self._colors)
            return
        directions = self._rest - centre
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        basis = sh_basis(directions, self._degree)
        np.einsum("nk,nkc->nc", basis, self._sh, out=self._colors, dtype=np.float32)
        self._colors += np.float32(0.5)
