"""Train the sound-to-articulation network: `python train_regressor.py FEATURES_FOLDER … --feature visemes`.

Reads what build_features.py wrote, trains with torch on the CPU, writes
talking_gaussian/motion/weights_<feature>.safetensors (half precision) and prints figures on what was held out.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from talking_gaussian.motion.temporal_net import LAYERS
from talking_gaussian.motion.visemes import ARTICULATION, ARTICULATORS, OPENING_WEIGHTS, VISEMES
from torch import nn

WINDOW = 300  # frames a training crop
HIDDEN = 128
OUT = Path(__file__).parents[1] / "talking_gaussian" / "motion"


class Net(nn.Module):
    """The torch twin of talking_gaussian.motion.temporal_net."""

    def __init__(self, size: int, hidden: int = HIDDEN) -> None:
        super().__init__()
        sizes = [size, *[hidden] * (len(LAYERS) - 1), len(ARTICULATION)]
        self.layers = nn.ModuleList(
            nn.Conv1d(a, b, k, dilation=d, padding=(k - 1) // 2 * d)
            for a, b, (k, d) in zip(sizes[:-1], sizes[1:], LAYERS, strict=True)
        )
        self.drop = nn.Dropout(0.1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[B, T, F] normalised -> logits [B, T, len(ARTICULATION)]."""
        x = x.transpose(1, 2)
        for layer in self.layers[:-1]:
            x = self.drop(torch.relu(layer(x)))
        return self.layers[-1](x).transpose(1, 2)


def opening_of(moves: torch.Tensor) -> torch.Tensor:
    """Differentiable gap between the lips of articulation [..., A]."""
    weights = [sum(OPENING_WEIGHTS.get(u, 0.0) for u in units) for units, _ in ARTICULATORS.values()]
    gap = torch.relu(moves[..., : len(weights)] @ moves.new_tensor(weights))
    return gap * (1 - moves[..., -2]) * moves[..., -1]


def loss_of(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Shapes while speaking, the two gates with closures weighted up, and the resulting gap of the lips."""
    moves = torch.sigmoid(logits)
    speaking = target[..., -1:]
    scale = target.new_tensor([1.0 / max(0.04, 0.3 * max_of(a)) for a in ARTICULATORS])
    shape = (((moves - target)[..., :-2] * scale) ** 2 * (0.1 + speaking)).mean()
    lip_closed = target[..., -2] * speaking[..., 0]
    gates = nn.functional.binary_cross_entropy_with_logits(logits[..., -2:], target[..., -2:], reduction="none")
    gates = (gates * torch.stack([1 + 3 * lip_closed, torch.ones_like(lip_closed)], -1)).mean()
    gap, wanted = opening_of(moves), opening_of(target)
    opened = (((gap - wanted) / 0.1) ** 2 * (1 + 2 * lip_closed)).mean()
    speed = ((torch.diff(gap, dim=1) - torch.diff(wanted, dim=1)) / 0.02).pow(2).mean()
    return shape + gates + opened + 0.2 * speed


def max_of(articulator: str) -> float:
    """The largest target of an articulator over all visemes."""
    return max(v.get(articulator, 0.0) for v in VISEMES.values())


def load(folders: list[Path], feature: str) -> dict[str, list[tuple[str, np.ndarray, np.ndarray]]]:
    """split -> [(file stem, features [n, F] float16, labels [n, A] float16)]."""
    data: dict[str, list] = {"train": [], "sentence": [], "voice": []}
    for path in sorted(path for folder in folders for path in folder.glob("*.npz")):
        with np.load(path) as f:
            data[str(f["split"])].append((path.stem, f[feature], f["labels"]))
    return data


def crops(items: list, count: int, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch of random windows, zero-padded where an utterance is short."""
    xs, ys = [], []
    for k in rng.integers(0, len(items), count):
        _, x, y = items[k]
        at = int(rng.integers(0, max(1, len(x) - WINDOW)))
        x, y = x[at : at + WINDOW], y[at : at + WINDOW]
        short = WINDOW - len(x)
        xs.append(np.pad(x, ((0, short), (0, 0)), mode="edge"))
        ys.append(np.pad(y, ((0, short), (0, 0)), mode="edge"))
    return torch.from_numpy(np.stack(xs)).float(), torch.from_numpy(np.stack(ys)).float()


def restore(net: Net, weights: dict[str, np.ndarray]) -> None:
    """Put weights as TemporalNet has them into the network."""
    for k, layer in enumerate(net.layers):
        kernel = np.transpose(weights[f"weight_{k}"], (2, 1, 0)).astype(np.float32)
        layer.weight.data = torch.from_numpy(np.ascontiguousarray(kernel))
        layer.bias.data = torch.from_numpy(weights[f"bias_{k}"].astype(np.float32))


def train(data: dict, steps: int, start: dict[str, np.ndarray] | None = None, seed: int = 0) -> dict[str, np.ndarray]:
    """Fit the network to data["train"] and return its weights as TemporalNet wants them.

    start: weights to go on from, at a fifth of the learning rate.
    """
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    some = np.concatenate([x.astype(np.float32) for _, x, _ in data["train"][::5]])
    mean, scale = some.mean(0), 1 / (some.std(0) + 1e-2)
    net = Net(len(mean), HIDDEN if start is None else len(start["bias_0"]))
    if start is not None:
        mean, scale = (start[name].astype(np.float32) for name in ("mean", "scale"))
        restore(net, start)
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3 if start is None else 6e-4, total_steps=steps)
    offset, factor = torch.from_numpy(mean), torch.from_numpy(scale)
    for step in range(steps):
        x, y = crops(data["train"], 24, rng)
        with torch.autocast("cpu", torch.bfloat16):  # half the time
            logits = net((x - offset) * factor)
        loss = loss_of(logits.float(), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 200 == 0 or step == steps - 1:
            print(step, round(loss.item(), 4), flush=True)
    weights = {"mean": mean, "scale": scale}
    for k, layer in enumerate(net.layers):
        weights[f"weight_{k}"] = layer.weight.detach().permute(2, 1, 0).numpy()
        weights[f"bias_{k}"] = layer.bias.detach().numpy()
    return {k: np.ascontiguousarray(v, np.float16) for k, v in weights.items()}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--feature", default="visemes", choices=["visemes", "mel"])
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--all_voices", action="store_true", help="train on the held-out voice as well")
    parser.add_argument("--go_on", action="store_true", help="start from the weights in the package")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    data = load(args.folders, args.feature)
    print({k: len(v) for k, v in data.items()})
    if args.all_voices:
        data["train"] += data["voice"]
    path = OUT / f"weights_{args.feature}.safetensors"
    save_file(train(data, args.steps, load_file(path) if args.go_on else None), path)
    path.chmod(0o644)


if __name__ == "__main__":
    main()
