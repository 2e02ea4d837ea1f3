"""The reference renderer in plain torch: short, slow, differentiable; the fast backends are tested against it.

Projection: EWA splatting (Zwicker et al. 2001). Compositing: front to back as in 3D Gaussian Splatting (Kerbl et al.
2023), eq. 3.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from talking_gaussian.rendering.constants import ALPHA_MAX, ALPHA_MIN, LOW_PASS, NEAR, TRANSMITTANCE_MIN
from talking_gaussian.rendering.types import Camera, Rendering, Splats


class Projection(NamedTuple):
    """Splats on the screen: means2d [N, 2] px, conics [N, 3] (a, b, c of the inverse covariance), depths [N] m."""

    means2d: Tensor
    conics: Tensor
    depths: Tensor


def project(means: Tensor, covariances: Tensor, viewmat: Tensor, K: Tensor) -> Projection:
    """means [N, 3] and covariances [N, 3, 3] in the world -> their images under the linearised camera."""
    rotation = viewmat[:3, :3]
    camera_means = means @ rotation.T + viewmat[:3, 3]
    x, y, z = camera_means.unbind(-1)
    z = z.clamp(min=NEAR / 2)
    zero = torch.zeros_like(z)
    jacobian = torch.stack(
        [K[0, 0] / z, zero, -K[0, 0] * x / z**2, zero, K[1, 1] / z, -K[1, 1] * y / z**2], -1
    ).reshape(-1, 2, 3)
    to_screen = jacobian @ rotation
    screen = to_screen @ covariances @ to_screen.transpose(1, 2)
    a, b, c = screen[:, 0, 0] + LOW_PASS, screen[:, 0, 1], screen[:, 1, 1] + LOW_PASS
    determinant = a * c - b * b
    conics = torch.stack([c, -b, a], -1) / determinant[:, None]
    means2d = torch.stack([K[0, 0] * x / z + K[0, 2], K[1, 1] * y / z + K[1, 2]], -1)
    return Projection(means2d, conics, camera_means[:, 2])


def composite(
    projection: Projection, opacities: Tensor, colors: Tensor, size: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Front to back over every pixel -> premultiplied rgb [H, W, 3] and transmittance [H, W]."""
    width, height = size
    rows = torch.arange(height, dtype=colors.dtype) + 0.5
    columns = torch.arange(width, dtype=colors.dtype) + 0.5
    rgb = colors.new_zeros(height, width, 3)
    transmittance = colors.new_ones(height, width)
    visible = torch.nonzero(projection.depths >= NEAR).flatten()
    for i in visible[torch.argsort(projection.depths[visible], stable=True)]:
        dx = columns[None, :] - projection.means2d[i, 0]
        dy = rows[:, None] - projection.means2d[i, 1]
        a, b, c = projection.conics[i]
        value = opacities[i] * torch.exp(-0.5 * (a * dx * dx + c * dy * dy) - b * dx * dy)
        drawn = (value >= ALPHA_MIN) & (transmittance >= TRANSMITTANCE_MIN)
        alpha = torch.where(drawn, value.clamp(max=ALPHA_MAX), torch.zeros_like(value))
        rgb = rgb + (transmittance * alpha)[..., None] * colors[i]
        transmittance = transmittance * (1 - alpha)
    return rgb, transmittance


def full_covariances(packed: Tensor) -> Tensor:
    """[N, 6] xx xy xz yy yz zz -> symmetric [N, 3, 3]."""
    return packed[:, [0, 1, 2, 1, 3, 4, 2, 4, 5]].reshape(-1, 3, 3)


def render(splats: Splats, camera: Camera, size: tuple[int, int]) -> Rendering:
    """The door's backend, in double precision."""
    means, covariances, opacities, colors = (
        torch.as_tensor(a, dtype=torch.float64)
        for a in (splats.means, splats.covariances, splats.opacities, splats.colors)
    )
    viewmat = torch.as_tensor(camera.viewmat, dtype=torch.float64)
    K = torch.as_tensor(camera.K, dtype=torch.float64)
    projection = project(means, full_covariances(covariances), viewmat, K)
    rgb, transmittance = composite(projection, opacities, colors, size)
    return Rendering(rgb.float().numpy(), (1 - transmittance).float().numpy())
