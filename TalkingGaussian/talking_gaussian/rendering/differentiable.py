"""The CPU's rasteriser as a torch operation, for training. (A card trains by kernels of its own: training/card.)"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor

from talking_gaussian.rendering import numba_kernels as kernels
from talking_gaussian.rendering.constants import ALPHA_MIN, NEAR
from talking_gaussian.rendering.reference import Projection


def _packed(projection: Projection, opacities: Tensor, height: int) -> tuple[np.ndarray, np.ndarray]:
    """Projected splats as the kernels want them: [N, 8] and depths [N] (inf where not drawn)."""
    means2d = projection.means2d.detach().numpy()
    conics = projection.conics.detach().numpy()
    opacity = opacities.detach().numpy()
    depths = projection.depths.detach().numpy().astype(np.float32)
    packed = np.empty((len(opacity), 8), np.float32)
    packed[:, :2], packed[:, 2:5], packed[:, 5] = means2d, conics, opacity
    reach = 2 * np.log(np.maximum(opacity, ALPHA_MIN) / ALPHA_MIN)
    determinant = conics[:, 0] * conics[:, 2] - conics[:, 1] ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        half_height = np.sqrt(reach * conics[:, 0] / determinant)
    packed[:, 6], packed[:, 7] = reach, half_height
    y = means2d[:, 1]
    drawn = (depths >= NEAR) & (opacity > ALPHA_MIN) & (determinant > 0) & np.isfinite(half_height)
    drawn &= (y + half_height >= 0) & (y - half_height <= height)
    return packed, np.where(drawn, depths, np.float32(np.inf))


class _Rasterize(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, means2d: Tensor, conics: Tensor, opacities: Tensor, colors: Tensor, state: Any) -> Tensor:
        packed, starts, indices, size, lanes = state
        width, height = size
        canvas = np.zeros((height, width, 4), np.float32)
        canvas[..., 3] = 1
        color_array = np.ascontiguousarray(colors.detach().numpy())
        kernels.splat_forward(starts, indices, packed, color_array, canvas, lanes)
        ctx.saved = (packed, starts, indices, color_array, canvas, lanes)
        return torch.from_numpy(canvas)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        packed, starts, indices, colors, canvas, lanes = ctx.saved
        gradients = np.zeros((lanes, len(packed), 9), np.float32)
        grad_canvas = np.ascontiguousarray(grad_outputs[0].numpy(), dtype=np.float32)
        kernels.splat_backward(starts, indices, packed, colors, canvas, grad_canvas, gradients, lanes)
        total = torch.from_numpy(gradients.sum(0))
        return total[:, :2], total[:, 2:5], total[:, 5], total[:, 6:], None


def rasterize(projection: Projection, opacities: Tensor, colors: Tensor, size: tuple[int, int]) -> Tensor:
    """Differentiable drawing (all float32, on the CPU).

    opacities [N], colors [N, 3], size (width, height) -> [H, W, 4]: premultiplied rgb and transmittance.
    """
    packed, depths = _packed(projection, opacities, size[1])
    keys = kernels.depth_keys(depths)
    starts, indices = kernels.bin_by_band(np.argsort(keys, kind="stable"), keys, packed, size[1])
    state = (packed, starts, indices, size, numba.get_num_threads())
    return _Rasterize.apply(projection.means2d, projection.conics, opacities, colors, state)
