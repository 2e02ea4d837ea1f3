"""The small network that turns sound features into articulation: a few convolutions over time, in numpy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from talking_gaussian.motion.visemes import ARTICULATION

# kernel size and dilation of each layer over 100 Hz frames; together a frame sees +-230 ms
LAYERS: tuple[tuple[int, int], ...] = ((5, 1), (5, 3), (5, 7), (1, 1))


class TemporalNet:
    """Features [n, F] at 100 Hz -> articulation [n, len(ARTICULATION)] in 0..1."""

    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        """weights: mean[F], scale[F], and per layer k weight_k [kernel, in, out], bias_k [out]."""
        self._weights = {name: np.asarray(value, np.float32) for name, value in weights.items()}
        if self._weights[f"bias_{len(LAYERS) - 1}"].shape != (len(ARTICULATION),):
            raise ValueError("the motion weights were made for another set of articulators: train them again")

    @classmethod
    def load(cls, path: Path) -> TemporalNet:
        """Read weights from a safetensors file."""
        return cls(load_file(path))

    @property
    def hidden_sizes(self) -> list[int]:
        """Width of every layer but the last."""
        return [len(self._weights[f"bias_{k}"]) for k in range(len(LAYERS) - 1)]

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Features [n, F] -> articulation [n, len(ARTICULATION)] float32."""
        return self.listen(features)[0]

    def listen(self, features: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        """Features [n, F] -> articulation [n, len(ARTICULATION)] and every hidden layer [n, width], float32."""
        x = (features - self._weights["mean"]) * self._weights["scale"]
        hidden = []
        for k, (kernel, dilation) in enumerate(LAYERS):
            x = _convolve(x, self._weights[f"weight_{k}"], self._weights[f"bias_{k}"], kernel, dilation)
            if k < len(LAYERS) - 1:
                x = np.maximum(x, 0.0)
                hidden.append(x)
        return 1.0 / (1.0 + np.exp(-x)), hidden


def _convolve(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, kernel: int, dilation: int) -> np.ndarray:
    """Same-length convolution over time, zeros outside: x [n, in], weight [kernel, in, out] -> [n, out]."""
    n, side = len(x), (kernel - 1) // 2 * dilation
    padded = np.pad(x, ((side, side), (0, 0)))
    out = np.broadcast_to(bias, (n, len(bias))).copy()
    for k in range(kernel):
        out += padded[k * dilation : k * dilation + n] @ weight[k]
    return out
