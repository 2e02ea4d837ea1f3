"""Stages `track` and `fit`: the face's points in every frame; then pose, face units and camera from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from face_tracking.fit import fit_person
from face_tracking.mesh import FaceMesh
from face_tracking.points import COUNT
from talking_gaussian import stopping
from talking_gaussian.errors import UserError
from talking_gaussian.progress import Progress
from talking_gaussian.video.frames import read_frames

from data_utils import previews
from data_utils.dataset import FIT, FRAMES, LANDMARKS, Dataset
from data_utils.gaps import bridged, longest_gap, usable_frames

MAX_LOST = 0.2  # of the frames may be without a face
WORST = 6


def track(data: Dataset, progress: Progress) -> dict[str, Any]:
    """Write landmarks.npz: points [T, 478, 3] px and whether a face was found, found [T]."""
    total = data.found("frames")["frames"]
    points = np.full((total, COUNT, 3), np.nan, np.float32)
    # looked at afresh: following a face from frame to frame shifts its points by up to 3 px at 512
    with FaceMesh(static=True) as mesh:
        for index, frame in enumerate(read_frames(data.path(FRAMES), None)):
            stopping.check()
            faces = mesh.find(frame)
            if faces:
                points[index] = faces[0]
            progress.step(index + 1, total)
    found = np.isfinite(points[:, 0, 0])
    lost = float(1 - found.mean())
    if lost > MAX_LOST:
        raise UserError(
            "face_lost",
            f"The face is out of sight in {lost:.0%} of the frames. Use a part of the video where it is always seen.",
            f"有 {lost:.0%} 的画面看不到人脸。请使用始终能看到人脸的片段。",
        )
    save_arrays(data.path(LANDMARKS), points=bridged(points, found), found=found)
    return {"lost": int((~found).sum()), "longest_gap": int(longest_gap(found))}


def fit(data: Dataset, progress: Progress) -> dict[str, Any]:
    """Write fit.npz: camera K, poses, coefficients, the person's units, and which frames are usable."""
    with np.load(data.path(LANDMARKS), allow_pickle=False) as file:
        points, found = file["points"], file["found"]
    result = fit_person(points.astype(np.float64), data.settings.size)
    progress.step(1, 1)
    save_arrays(
        data.path(FIT),
        K=result.K,
        poses=result.poses,
        coefficients=result.coefficients,
        neutral=result.units.neutral,
        basis=result.units.basis,
        units=np.array(result.units.names),
        error_px=result.error_px,
        usable=usable_frames(found),
    )
    worst = np.sort(np.argsort(-result.error_px)[:WORST])
    previews.tracked(data, points, np.linspace(0, len(points) - 1, WORST).astype(int), "track.jpg")
    previews.tracked(data, points, worst, "worst.jpg")
    return {"error_px": round(float(result.error_px.mean()), 3), "worst_frames": worst.tolist()}


def save_arrays(path: Path, **arrays: np.ndarray) -> None:
    """An .npz file, replaced in one step."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        np.savez(file, **arrays)
    part.replace(path)
