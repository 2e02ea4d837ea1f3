"""Both branches together; then the avatar's folder, WORKSPACE/avatar, and videos of the held-out frames.

python train_fuse.py DATASET WORKSPACE [--preset draft|standard|high] [--gpu ID|cpu] [--resume]
Needs the training part of the environment `talking_gaussian`; scripts/train_xx.sh runs all three programs.
"""

from __future__ import annotations

from talking_gaussian.training.command_line import main_of
from talking_gaussian.training.export import Identity
from talking_gaussian.training.person import Workplace, export, fuse


def work(place: Workplace, identity: Identity) -> None:
    """The stages in order."""
    export(place, fuse(place), identity)


if __name__ == "__main__":
    main_of(("fuse", "export"), __doc__.split("\n")[0], work)
