"""What a rendered picture is judged by in training."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from talking_gaussian.training.ssim_kernels import dissimilarity


def ssim_map(a: Tensor, b: Tensor, window: int = 11, sigma: float = 1.5) -> Tensor:
    """Structural similarity of two pictures [3, H, W] in 0..1 -> [3, H - 10, W - 10] (Wang et al. 2004): the plain
    reference of ssim_kernels."""
    x = torch.arange(window, dtype=a.dtype) - window // 2
    kernel = torch.exp(-(x**2) / (2 * sigma**2))
    kernel = kernel / kernel.sum()
    stack = torch.cat([a, b, a * a, b * b, a * b])
    count = len(stack)  # one group a channel: twenty times faster on a CPU than a batch of one-channel pictures
    stack = functional.conv2d(stack, kernel[None, None, :, None].expand(count, 1, window, 1), groups=count)
    stack = functional.conv2d(stack, kernel[None, None, None, :].expand(count, 1, 1, window), groups=count)
    mean_a, mean_b, square_a, square_b, product = stack.chunk(5)
    variance_a, variance_b = square_a - mean_a**2, square_b - mean_b**2
    covariance = product - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    return ((2 * mean_a * mean_b + c1) * (2 * covariance + c2)) / (
        (mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2)
    )


def picture_loss(drawn: Tensor, real: Tensor, weight: Tensor, ssim_weight: float) -> Tensor:
    """Weighted L1 and structural dissimilarity of [H, W, 3] pictures; weight [H, W] (Kerbl et al. 2023, eq. 7)."""
    absolute = ((drawn - real).abs() * weight[..., None]).sum() / (3 * weight.sum())
    if ssim_weight == 0:
        return absolute
    structural = dissimilarity(drawn, real, weight)
    return (1 - ssim_weight) * absolute + ssim_weight * structural


def psnr(drawn: Tensor, real: Tensor) -> float:
    """Peak signal-to-noise ratio in dB of pictures in 0..1."""
    error = float(((drawn - real) ** 2).mean())
    return 10 * math.log10(1 / max(error, 1e-12))
