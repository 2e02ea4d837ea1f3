"""LPIPS: distance of two pictures in the features of a network that was trained to name things.

Zhang, Isola, Efros, Shechtman, Wang, The Unreasonable Effectiveness of Deep Features as a Perceptual Metric (CVPR
2018), version 0.1. The linear heads (BSD-2, lpips_heads.LICENSE.txt) are here; the trunk is torchvision's AlexNet or
VGG-16, which the user has to put in place. torch is imported only when it is needed.
"""

from __future__ import annotations

import hashlib
import os
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.metric import FramePair, Lack

MIN_SIDE = 64  # px
HEADS = Path(__file__).with_name("lpips_heads.npz")
PROJECT = Path(__file__).resolve().parents[2]
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
# file name, which ends with the first digits of its own sha256, as torchvision publishes it
FILES = {"alex": "alexnet-owt-7be5be79.pth", "vgg": "vgg16-397923af.pth"}
_MAKERS = {"alex": "alexnet", "vgg": "vgg16"}
# (channels, kernel, stride, padding) of each convolution, a pool's (kernel, stride), "tap" where features are compared
_ALEX: tuple[Any, ...] = (
    *((64, 11, 4, 2), "tap", (3, 2), (192, 5, 1, 2), "tap", (3, 2)),
    *((384, 3, 1, 1), "tap", (256, 3, 1, 1), "tap", (256, 3, 1, 1), "tap"),
)
_VGG: tuple[Any, ...] = (
    *((64, 3, 1, 1), (64, 3, 1, 1), "tap", (2, 2), (128, 3, 1, 1), (128, 3, 1, 1), "tap", (2, 2)),
    *((256, 3, 1, 1), (256, 3, 1, 1), (256, 3, 1, 1), "tap", (2, 2)),
    *((512, 3, 1, 1), (512, 3, 1, 1), (512, 3, 1, 1), "tap", (2, 2)),
    *((512, 3, 1, 1), (512, 3, 1, 1), (512, 3, 1, 1), "tap"),
)
LAYERS = {"alex": _ALEX, "vgg": _VGG}


class Lpips:
    """The distance by one trunk. weights: [(weight, bias) of each convolution] torch tensors."""

    def __init__(self, net: str, weights: list[tuple[Any, Any]]) -> None:
        import torch

        self._torch = torch
        self._layers = LAYERS[net]
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._weights = [tuple(part.float().to(self._device) for part in pair) for pair in weights]
        with np.load(HEADS, allow_pickle=False) as heads:
            self._heads = [torch.tensor(heads[f"{net}_{tap}"]).to(self._device) for tap in range(5)]

    def __call__(self, first: np.ndarray, second: np.ndarray) -> float:
        """Two pictures [H, W, 3] uint8 RGB, at least 64 px a side -> distance, 0 for the same."""
        torch = self._torch
        with torch.inference_mode():
            both = torch.tensor(np.stack([first, second]), device=self._device).permute(0, 3, 1, 2).float()
            shift, scale = (torch.tensor(row, device=self._device).view(1, 3, 1, 1) for row in (SHIFT, SCALE))
            taps = self._taps((both / 127.5 - 1 - shift) / scale)
            parts = [self._layer(*pair) for pair in zip(taps, self._heads, strict=True)]
            return float(sum(parts))

    def _taps(self, values: Any) -> list[Any]:
        """Features [2, C, h, w] of every tap."""
        functional = self._torch.nn.functional
        taps, weights = [], iter(self._weights)
        for layer in self._layers:
            if layer == "tap":
                taps.append(values)
            elif len(layer) == 2:
                values = functional.max_pool2d(values, *layer)
            else:
                weight, bias = next(weights)
                values = functional.relu(functional.conv2d(values, weight, bias, layer[2], layer[3]))
        return taps

    @staticmethod
    def _layer(features: Any, head: Any) -> Any:
        """Eq. 1 for one layer: unit vectors along the channels, squared difference, weighted, mean over the places."""
        unit = features / (features.square().sum(1, keepdim=True).sqrt() + 1e-10)
        return ((unit[0] - unit[1]).square() * head.view(-1, 1, 1)).sum(0).mean()


@cache
def load(net: str) -> Lpips:
    """LPIPS with the user's trunk; call it only where `lack(net)` is None."""
    import torch

    path = trunk_file(net)
    if path is None:
        raise FileNotFoundError(FILES[net])
    # a known file (its hash was checked), and only arrays are read from it
    state = torch.load(path, map_location="cpu", weights_only=True)
    numbers = sorted(int(key.split(".")[1]) for key in state if key.startswith("features.") and key.endswith(".weight"))
    return Lpips(net, [(state[f"features.{n}.weight"], state[f"features.{n}.bias"]) for n in numbers])


def folders() -> list[Path]:
    """Where trunks are looked for: the app's models, then torch's own cache."""
    home = Path(os.environ.get("TFG_HOME") or PROJECT)
    cached = Path(os.environ.get("TORCH_HOME") or Path.home() / ".cache" / "torch") / "hub" / "checkpoints"
    return [home / "models" / "lpips", cached]


def trunk_file(net: str) -> Path | None:
    """The trunk's file if it is there and is the known one."""
    wanted = FILES[net].rsplit("-", 1)[1].removesuffix(".pth")
    for folder in folders():
        path = folder / FILES[net]
        if path.is_file() and _sha256(path, path.stat().st_mtime_ns).startswith(wanted):
            return path
    return None


@cache
def _sha256(path: Path, _changed: int) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def distance(net: str, pair: FramePair) -> float:
    """Perceptual distance of two pictures; NaN for a region below MIN_SIDE."""
    if min(pair.output.shape[:2]) < MIN_SIDE:
        return float("nan")
    return load(net)(pair.output, pair.reference)


def lack(net: str) -> Lack | None:
    """What must be added before this LPIPS can be measured."""
    if find_spec("torch") is None:
        return Lack(
            "Needs a further part of tg_eval: python environments/manage.py create tg_eval --part perceptual",
            "需要 tg_eval 的附加部分:python environments/manage.py create tg_eval --part perceptual",
            {"action": "create_environment", "name": "tg_eval", "part": "perceptual"},
        )
    if trunk_file(net) is None:
        name, maker = FILES[net], _MAKERS[net]
        return Lack(
            f"Needs weights: put {name} into models/lpips. Where torchvision is installed, "
            f"torchvision.models.{maker}(weights='DEFAULT') downloads it; nothing is downloaded by this app.",
            f"需要权重:请把 {name} 放入 models/lpips。在装有 torchvision 的环境中,"
            f"torchvision.models.{maker}(weights='DEFAULT') 会下载该文件;本应用不会自动下载。",
        )
    return None
