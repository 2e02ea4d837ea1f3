"""Error of the face units: does the face make the same movements, in the mouth and above it?"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from face_tracking.alignment import align_all
from face_tracking.face_units import MOUTH_UNITS
from face_tracking.fit import coefficients_of, personal_units

from evaluation.metric import Clip, Measured, Metric
from evaluation.series import mean

MIN_FRAMES = 25
TOO_FEW = {
    "en": "Too few frames show a face in both videos.",
    "zh": "两个视频中同时检测到人脸的帧太少。",
}


@lru_cache(maxsize=2)  # both metrics ask for the output's and the frozen face's
def unit_errors(clip: Clip) -> np.ndarray | None:
    """|difference| of every face unit's coefficient [T, 33] (1: a whole unit; NaN where a face is missing).

    The reference's own face gives the units; output and reference are solved alike. None for less than 25 frames.
    """
    seen = np.isfinite(clip.output[:, 0, 0]) & np.isfinite(clip.reference[:, 0, 0])
    if seen.sum() < MIN_FRAMES:
        return None
    real = align_all(clip.reference[seen])
    units = personal_units(real)
    made, wanted = (
        coefficients_of(points - units.neutral, units.basis) for points in (align_all(clip.output[seen]), real)
    )
    errors = np.full((len(seen), made.shape[1]), np.nan)
    errors[seen] = np.abs(made - wanted)
    return errors


def aue_mouth(clip: Clip) -> Measured:
    """Mean |difference| of the 21 units of jaw and mouth."""
    return _mean_of(clip, slice(0, len(MOUTH_UNITS)))


def aue_upper(clip: Clip) -> Measured:
    """Mean |difference| of the units of lids, brows and eyes."""
    return _mean_of(clip, slice(len(MOUTH_UNITS), None))


def _mean_of(clip: Clip, chosen: slice) -> Measured:
    errors = unit_errors(clip)
    if errors is None:
        return Measured(None, note=TOO_FEW)
    frames = errors[:, chosen].mean(axis=1)
    return Measured(mean(frames), frames)


MOUTH = Metric(
    name="aue_mouth",
    title={"en": "AUE, mouth", "zh": "AUE(嘴部面部单元误差)"},
    direction="lower",
    low=0.0,
    high=None,
    source="mean |difference| of 21 face-unit coefficients of jaw and mouth, solved on the mesh (face_tracking/fit.py)",
    needs=("faces",),
    real=0.0,
    of_clip=aue_mouth,
)
UPPER = Metric(
    name="aue_upper",
    title={"en": "AUE, upper face", "zh": "AUE(上半脸面部单元误差)"},
    direction="lower",
    low=0.0,
    high=None,
    source="mean |difference| of the face-unit coefficients of lids, brows and eyes (face_tracking/fit.py)",
    needs=("faces",),
    real=0.0,
    of_clip=aue_upper,
)
