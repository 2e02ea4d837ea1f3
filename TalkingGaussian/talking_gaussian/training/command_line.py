"""What the three training programs have in common on the command line."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import torch

from talking_gaussian import command, devices, stopping
from talking_gaussian.errors import UserError
from talking_gaussian.progress import Progress
from talking_gaussian.training.card import open_learner
from talking_gaussian.training.export import Identity
from talking_gaussian.training.person import Workplace
from talking_gaussian.training.settings import PRESETS, Preset, TrainSettings

DEVICES = "auto (the default), cpu, a GPU's number as nvidia-smi counts, several (0,1), or all"
IDENTITY_FIELDS = ("id", "name", "subject", "consent", "licence")


def run_stages(stages: tuple[str, ...], description: str, work: Callable[[Workplace, Identity], None]) -> int:
    """Parse the command line, do `work`, return the exit code. Every setting of the last stage is an option."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("dataset", type=Path, help="folder that data_utils/process.py wrote")
    parser.add_argument("workspace", type=Path, help="folder for checkpoints, previews and the avatar")
    parser.add_argument("--preset", choices=PRESETS, default="draft", help="how long to train (default: %(default)s)")
    parser.add_argument("--held_out", type=float, help="share of the video's end kept for judging, 0 to 0.5")
    parser.add_argument("--gpu", default="auto", help=DEVICES)
    parser.add_argument("--seed", type=int, help="of frames' order and backdrops")
    parser.add_argument(
        "--resume", action="store_true", help="go on from the last checkpoint (always done; for scripts)"
    )
    parser.add_argument("--identity", type=Path, help="JSON: id, name {en, zh}, subject, consent, licence")
    for field in fields(TrainSettings):
        if field.name != "seed":
            parser.add_argument(f"--{field.name}", type=type(field.default), help=argparse.SUPPRESS)
    options = parser.parse_args()
    stopping.listen()
    torch.set_num_threads(1)  # the arrays are small, and the renderer's own threads want the cores

    def go() -> None:
        choice = devices.choose(None if options.gpu == "auto" else options.gpu, several=True)
        learner = open_learner(choice, chosen_preset(options, stages[-1], on_card=True))
        preset = chosen_preset(options, stages[-1], on_card=learner.device.type == "cuda")
        place = Workplace(options.dataset, options.workspace, preset, Progress(stages), learner)
        options.workspace.mkdir(parents=True, exist_ok=True)
        (options.workspace / "preset.json").write_text(json.dumps(asdict(preset), indent=1))
        work(place, read_identity(options.identity, options.workspace))

    return command.run(go)


def chosen_preset(options: argparse.Namespace, stage: str, on_card: bool) -> Preset:
    """The preset, for a card or not, with what the command line changes in it."""
    preset = PRESETS[options.preset].on_card() if on_card else PRESETS[options.preset]
    if options.held_out is not None:
        if not 0 <= options.held_out <= 0.5:
            raise UserError("bad_setting", "--held_out must be 0 to 0.5.", "--held_out 必须在 0 到 0.5 之间。")
        preset = replace(preset, held_out=options.held_out)
    if options.seed is not None:
        preset = replace(
            preset, **{name: replace(getattr(preset, name), seed=options.seed) for name in ("mouth", "face", "fuse")}
        )
    stage = stage if hasattr(preset, stage) else "fuse"
    given = {f.name: getattr(options, f.name) for f in fields(TrainSettings) if getattr(options, f.name) is not None}
    given.pop("seed", None)
    return replace(preset, **{stage: replace(getattr(preset, stage), **given)})


def read_identity(path: Path | None, workspace: Path) -> Identity:
    """Who the avatar is, from a JSON file; without one it is named after the workspace."""
    name = "".join(c if c.isascii() and c.isalnum() else "-" for c in workspace.resolve().name.lower()).strip("-")[:60]
    facts: dict[str, Any] = {
        "id": name or "avatar",
        "name": {"en": workspace.resolve().name, "zh": workspace.resolve().name},
    }
    if path is not None:
        try:
            given = json.loads(path.read_text(encoding="utf-8"))
            facts |= {key: given[key] for key in IDENTITY_FIELDS if key in given}
        except (ValueError, TypeError) as error:
            raise UserError(
                "bad_identity",
                f"{path.name} cannot be read as JSON with {', '.join(IDENTITY_FIELDS)}.",
                f"{path.name} 无法作为 JSON 读取。",
            ) from error
    return Identity(
        facts["id"], facts["name"], facts.get("subject", ""), facts.get("consent", ""), facts.get("licence", "")
    )


def main_of(stages: tuple[str, ...], description: str, work: Callable[[Workplace, Identity], None]) -> None:
    """End the process with what `run_stages` says."""
    sys.exit(run_stages(stages, description, work))
