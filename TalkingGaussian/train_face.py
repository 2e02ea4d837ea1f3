"""The Gaussians of face and head without the inside of the mouth (the paper's face branch).

python train_face.py DATASET WORKSPACE [--preset draft|standard|high] [--gpu ID|cpu] [--resume]
Needs the training part of the environment `talking_gaussian`; scripts/train_xx.sh runs all three programs.
"""

from __future__ import annotations

from talking_gaussian.training.command_line import main_of
from talking_gaussian.training.export import Identity
from talking_gaussian.training.person import Workplace, train_branch


def work(place: Workplace, _identity: Identity) -> None:
    """The stages in order."""
    train_branch(place, "face")


if __name__ == "__main__":
    main_of(("face",), __doc__.split("\n")[0], work)
