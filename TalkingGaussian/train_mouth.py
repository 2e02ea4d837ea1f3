"""How the person moves to sounds, and the Gaussians inside the mouth (the paper's mouth branch).

python train_mouth.py DATASET WORKSPACE [--preset draft|standard|high] [--gpu ID|cpu] [--resume]
Needs the training part of the environment `talking_gaussian`; scripts/train_xx.sh runs all three programs.
"""

from __future__ import annotations

from talking_gaussian.training.command_line import main_of
from talking_gaussian.training.export import Identity
from talking_gaussian.training.person import Workplace, learn_sound, train_branch


def work(place: Workplace, _identity: Identity) -> None:
    """The stages in order."""
    learn_sound(place)
    train_branch(place, "mouth")


if __name__ == "__main__":
    main_of(("sound", "mouth"), __doc__.split("\n")[0], work)
