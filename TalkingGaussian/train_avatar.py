"""Train an avatar from a dataset whose poses and face-unit coefficients are known, and write its folder.

python train_avatar.py DATASET WORKSPACE --avatar_id NAME [--name_en … --name_zh …] [--steps N …]
Writes WORKSPACE/avatar (the folder to use), previews and figures. Needs the training part of the environment.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import asdict, fields
from pathlib import Path

from talking_gaussian import command, stopping
from talking_gaussian.progress import Progress
from talking_gaussian.training.evaluation import evaluate
from talking_gaussian.training.export import Identity, export_avatar, resting_backdrop
from talking_gaussian.training.model import first_head
from talking_gaussian.training.rendered_set import load_rendered_set
from talking_gaussian.training.settings import TrainSettings
from talking_gaussian.training.trainer import drop_unseen, train


def build_parser() -> argparse.ArgumentParser:
    """Every field of TrainSettings is an option."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--avatar_id", required=True, help="folder name: a-z 0-9 _ -")
    parser.add_argument("--name_en", default="", help="name shown in English")
    parser.add_argument("--name_zh", default="", help="name shown in Chinese")
    parser.add_argument("--subject", default="", help="whose likeness this is")
    parser.add_argument("--consent", default="", help="who agreed to its use")
    parser.add_argument("--licence", default="", help="what others may do with it")
    for setting in fields(TrainSettings):
        kind = type(setting.default)
        parser.add_argument(f"--{setting.name}", type=kind, default=setting.default, help="default: %(default)s")
    return parser


def main() -> int:
    """Train and export; a fault of the dataset is one sentence and exit code 2."""
    options = build_parser().parse_args()
    settings = TrainSettings(**{field.name: getattr(options, field.name) for field in fields(TrainSettings)})
    stopping.listen()
    return command.run(lambda: work(options, settings))


def work(options: argparse.Namespace, settings: TrainSettings) -> None:
    """Train, then write the avatar."""
    started = time.monotonic()
    progress = Progress(["train"])
    progress.stage("train")
    data = load_rendered_set(options.dataset)
    head = train(data, first_head(data, settings.sh_degree), options.workspace, settings, progress)
    head = drop_unseen(head, data, settings.min_contribution)
    figures = evaluate(head, data, options.workspace / "preview.jpg")
    identity = Identity(
        id=options.avatar_id,
        name={"en": options.name_en or options.avatar_id, "zh": options.name_zh or options.avatar_id},
        subject=options.subject,
        consent=options.consent,
        licence=options.licence,
        training={**asdict(settings), **figures, "seconds": round(time.monotonic() - started)},
    )
    export_avatar(head, data, options.workspace / "avatar", identity, resting_backdrop(data))


if __name__ == "__main__":
    sys.exit(main())
