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

from talking_gaussian.errors import UserError
from talking_gaussian.training.dataset import load_training_set
from talking_gaussian.training.export import Identity, export_avatar
from talking_gaussian.training.settings import TrainSettings
from talking_gaussian.training.trainer import train


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
    started = time.monotonic()
    try:
        data = load_training_set(options.dataset)
        head = train(data, options.workspace, settings)
        identity = Identity(
            id=options.avatar_id,
            name={"en": options.name_en or options.avatar_id, "zh": options.name_zh or options.avatar_id},
            subject=options.subject,
            consent=options.consent,
            licence=options.licence,
            training={**asdict(settings), "seconds": round(time.monotonic() - started)},
        )
        export_avatar(head, data, options.workspace / "avatar", identity)
    except UserError as error:
        print(f"error: {error.en}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
