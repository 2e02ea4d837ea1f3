"""One file a check: `check(look)` gives the rows it has to say, none where there is nothing to judge."""

from collections.abc import Callable

from data_utils.preflight.checks import (
    blur,
    cuts,
    disk,
    estimate,
    face,
    face_size,
    file,
    hands,
    length,
    light,
    offset,
    people,
    rate,
    size,
    sound,
    speech,
    turn,
)
from data_utils.preflight.look import Look
from data_utils.preflight.report import Row


def every_check() -> list[Callable[[Look], list[Row]]]:
    """All checks in the order in which their rows are read."""
    picture = [file, length, size, rate, face, people, cuts, face_size, turn, hands, light, blur]
    heard = [sound, speech, offset]
    return [module.check for module in (*picture, *heard, disk, estimate)]
