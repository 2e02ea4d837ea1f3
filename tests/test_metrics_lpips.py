"""LPIPS against the lpips package, with the same made-up trunk: the real one is the user's own download."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evaluation import perceptual
from evaluation.metrics import METRICS
from test_metrics import pictures

torch = pytest.importorskip("torch", reason="LPIPS runs in torch")

# by lpips 0.1.4 with its own heads and the trunks of `random_weights`
PACKAGE = {"alex": 0.00564020, "vgg": 0.00863994}


def random_weights(net: str) -> list[tuple[Any, Any]]:
    """A trunk of the right shape with weights that keep their size from layer to layer."""
    draw, inputs, weights = np.random.default_rng(5), 3, []
    for channels, kernel, *_ in (layer for layer in perceptual.LAYERS[net] if len(layer) == 4):
        values = draw.normal(0, (2 / (inputs * kernel * kernel)) ** 0.5, (channels, inputs, kernel, kernel))
        weights.append((torch.tensor(values).float(), torch.tensor(draw.normal(0, 0.1, channels)).float()))
        inputs = channels
    return weights


@pytest.mark.parametrize("net", ["alex", "vgg"])
def test_lpips_agrees_with_the_package(net: str) -> None:
    pair = pictures()
    measured = perceptual.Lpips(net, random_weights(net))(pair.output, pair.reference)
    assert measured == pytest.approx(PACKAGE[net], rel=1e-4)


def test_without_weights_it_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TFG_HOME", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    lack = METRICS["lpips_alex"].lack()
    assert lack is not None and "alexnet-owt-7be5be79.pth" in lack.en and "models/lpips" in lack.zh


def test_a_file_that_is_not_the_known_one_is_not_opened(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TFG_HOME", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    file = tmp_path / "models" / "lpips" / perceptual.FILES["alex"]
    file.parent.mkdir(parents=True)
    file.write_bytes(b"another file of this name")
    assert perceptual.trunk_file("alex") is None
