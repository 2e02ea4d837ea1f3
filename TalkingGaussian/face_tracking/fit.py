"""One person's face from tracked points: a camera, a rigid pose and face-unit coefficients a frame, and the person's
own version of every unit (after Li, Weise and Pauly, "Example-based facial rigging", 2010: solve for coefficients and
shapes in turn, the shapes held near a prior)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from face_tracking.alignment import align_all, similarity
from face_tracking.face_units import MOUTH_UNITS, UPPER_UNITS, FaceUnits, load_face_units
from face_tracking.points import LEFT_LIDS, LOWER_LIP, NOSE_TIP, RIGHT_LIDS, STEADY, UPPER_LIP

FOCAL = 3.0  # focal length in picture sides: a head-and-shoulders portrait
ROUNDS = 4
COEFFICIENT_PRIOR = 2e-3  # m: how far a point may stray for one whole unit less
SHAPE_PRIOR = 25.0  # frames' worth of belief in the prior's units
CLOSED_SHARE = 0.2  # of the frames, those with the smallest gap between the lips, show the mouth at rest
POSE_SIGMA = 0.6  # frames
PNP_STEPS = 6
UNIT_FRAMES = 1500  # the person's units are learnt from so many frames
CHUNK = 500  # frames worked on at once: memory stays bounded


@dataclass(frozen=True)
class PersonFit:
    """units: the person's own. coefficients [T, K]. poses [T, 4, 4]: canonical head space to camera (metres, OpenCV
    axes). K [3, 3] in px. error_px [T]: mean distance of the fitted points from the tracked ones."""

    units: FaceUnits
    coefficients: np.ndarray
    poses: np.ndarray
    K: np.ndarray
    error_px: np.ndarray


def fit_person(landmarks: np.ndarray, size: int) -> PersonFit:
    """Tracked points [T, 478, 3] (px in a square picture of `size`, every frame found) -> the fit."""
    chosen = np.unique(np.linspace(0, len(landmarks) - 1, UNIT_FRAMES).astype(int))
    units = personal_units(align_all(landmarks[chosen]))
    K = np.array([[FOCAL * size, 0, size / 2], [0, FOCAL * size, size / 2], [0, 0, 1.0]])
    parts = np.array_split(landmarks, max(1, len(landmarks) // CHUNK))
    poses = smooth_poses(np.concatenate([posed(part, units, K) for part in parts]))
    coefficients, errors = [], []
    for part, motion in zip(parts, np.split(poses, np.cumsum([len(part) for part in parts])[:-1]), strict=True):
        coefficients.append(coefficients_in_picture(part[..., :2], motion, units, K))
        fitted = project(units.shape(coefficients[-1]), motion, K)
        errors.append(np.linalg.norm(fitted - part[..., :2], axis=2).mean(1))
    return PersonFit(units, np.concatenate(coefficients), poses, K, np.concatenate(errors))


def posed(landmarks: np.ndarray, units: FaceUnits, K: np.ndarray) -> np.ndarray:
    """Poses [T, 4, 4] of tracked points [T, 478, 3], the face's expression allowed for."""
    poses = first_poses(landmarks, units.neutral, K)
    for _ in range(2):
        coefficients = coefficients_in_picture(landmarks[..., :2], poses, units, K)
        poses = refined_poses(poses, units.shape(coefficients), landmarks[..., :2], K)
    return poses


def personal_units(aligned: np.ndarray) -> FaceUnits:
    """Aligned points [T, 478, 3] -> the person's face at rest and units."""
    prior = load_face_units()
    neutral = resting_face(aligned)
    support = regions(neutral)
    basis = prior.basis * support
    for _ in range(ROUNDS):
        coefficients = coefficients_of(aligned - neutral, basis)
        left = coefficients.T @ coefficients + SHAPE_PRIOR * np.diag(np.square(coefficients).mean(0) + 1e-3)
        right = coefficients.T @ (aligned - neutral).reshape(len(aligned), -1)
        right += (left - coefficients.T @ coefficients) @ prior.basis.reshape(len(basis), -1)
        basis = np.linalg.solve(left, right).reshape(basis.shape) * support
    return FaceUnits(neutral, basis)


def resting_face(aligned: np.ndarray) -> np.ndarray:
    """The mean of the frames with the lips together and the eyes open."""
    gap = aligned[:, LOWER_LIP, 1] - aligned[:, UPPER_LIP, 1]
    eyes = sum(aligned[:, low, 1] - aligned[:, high, 1] for high, low in (RIGHT_LIDS, LEFT_LIDS))
    awake = eyes >= np.quantile(eyes, 0.3)
    closed = gap <= np.quantile(gap[awake], CLOSED_SHARE)
    return aligned[awake & closed].mean(0)


def regions(neutral: np.ndarray) -> np.ndarray:
    """[K, 478, 1]: 1 where a unit may act: mouth units below the eyes, the others above the mouth; soft between."""
    eyes, nose = 0.0, neutral[NOSE_TIP, 1]
    down = np.clip((neutral[:, 1] - eyes) / (nose - eyes), 0, 1)
    upper = np.clip((nose + 0.01 - neutral[:, 1]) / 0.01, 0, 1)
    return np.stack([down] * len(MOUTH_UNITS) + [upper] * len(UPPER_UNITS))[..., None]


def coefficients_of(offsets: np.ndarray, basis: np.ndarray) -> np.ndarray:
    """Offsets from rest [T, 478, 3] -> coefficients [T, K] (ridge regression)."""
    design = basis.reshape(len(basis), -1)
    penalty = COEFFICIENT_PRIOR**2 * basis.shape[1] / 10
    return np.linalg.solve(
        design @ design.T + penalty * np.eye(len(design)), design @ offsets.reshape(len(offsets), -1).T
    ).T


def first_poses(landmarks: np.ndarray, neutral: np.ndarray, K: np.ndarray) -> np.ndarray:
    """Poses [T, 4, 4] from the tracker's own depth, as if seen from far away."""
    steady, poses = list(STEADY), np.tile(np.eye(4), (len(landmarks), 1, 1))
    for pose, points in zip(poses, landmarks.astype(np.float64), strict=True):
        scale, rotation, shift = similarity(neutral[steady], points[steady])
        depth = K[0, 0] / scale
        pose[:3, :3] = rotation
        pose[:3, 3] = [*((shift[:2] - K[:2, 2]) / scale), depth]
    return poses


def refined_poses(poses: np.ndarray, shapes: np.ndarray, seen: np.ndarray, K: np.ndarray) -> np.ndarray:
    """Poses [T, 4, 4] for which shapes [T, 478, 3] fall on the seen points [T, 478, 2] (Gauss-Newton, all frames)."""
    weight = np.full(shapes.shape[1], 0.2)
    weight[list(STEADY)] = 1.0
    poses = poses.copy()
    for _ in range(PNP_STEPS):
        turned = np.einsum("tij,tnj->tni", poses[:, :3, :3], shapes)
        camera = turned + poses[:, None, :3, 3]
        jacobian = pose_jacobian(turned, camera, K[0, 0])
        residual = seen - (camera[..., :2] / camera[..., 2:] * K[0, 0] + K[:2, 2])
        weighted = jacobian * weight[None, :, None, None]
        left = np.einsum("tnai,tnaj->tij", weighted, jacobian)
        step = np.linalg.solve(left + 1e-6 * np.eye(6), np.einsum("tnai,tna->ti", weighted, residual)[..., None])[
            ..., 0
        ]
        poses[:, :3, :3] = Rotation.from_rotvec(step[:, :3]).as_matrix() @ poses[:, :3, :3]
        poses[:, :3, 3] += step[:, 3:]
    return poses


def pose_jacobian(turned: np.ndarray, camera: np.ndarray, focal: float) -> np.ndarray:
    """How the picture's x, y [px] move with a small rotation about, and a shift along, the camera's axes."""
    x, y, z = np.moveaxis(camera, -1, 0)
    toward = np.zeros((*camera.shape[:2], 2, 3))
    toward[..., 0, 0] = toward[..., 1, 1] = focal / z
    toward[..., 0, 2], toward[..., 1, 2] = -focal * x / z**2, -focal * y / z**2
    a, b, c = np.moveaxis(turned, -1, 0)
    zero = np.zeros_like(a)
    cross = np.stack([np.stack([zero, c, -b], -1), np.stack([-c, zero, a], -1), np.stack([b, -a, zero], -1)], -2)
    return np.concatenate([toward @ cross, toward], -1)


def smooth_poses(poses: np.ndarray) -> np.ndarray:
    """Poses [T, 4, 4] without the tracker's jitter: rotation vectors about the mean turn and shifts, low-passed."""
    middle = Rotation.from_matrix(poses[:, :3, :3]).mean()
    turns = (middle.inv() * Rotation.from_matrix(poses[:, :3, :3])).as_rotvec()
    out = poses.copy()
    out[:, :3, :3] = (middle * Rotation.from_rotvec(gaussian_filter1d(turns, POSE_SIGMA, axis=0))).as_matrix()
    out[:, :3, 3] = gaussian_filter1d(poses[:, :3, 3], POSE_SIGMA, axis=0)
    return out


def coefficients_in_picture(seen: np.ndarray, poses: np.ndarray, units: FaceUnits, K: np.ndarray) -> np.ndarray:
    """Coefficients [T, K] that bring the posed face onto the seen points [T, 478, 2]: what the picture shows counts."""
    residual = seen - project(units.neutral[None], poses, K)
    metres = poses[:, None, 2, 3:] / K[0, 0]
    prior = COEFFICIENT_PRIOR**2 * units.basis.shape[1] / 10 * np.eye(len(units.names))
    out = np.empty((len(seen), len(units.names)))
    for row, pose, offset in zip(out, poses, residual * metres, strict=True):
        design = (units.basis @ pose[:2, :3].T).reshape(len(row), -1)
        row[:] = np.linalg.solve(design @ design.T + prior, design @ offset.ravel())
    return out


def project(points: np.ndarray, poses: np.ndarray, K: np.ndarray) -> np.ndarray:
    """Points [T or 1, n, 3] under poses [T, 4, 4] -> places in the picture [T, n, 2], px."""
    camera = np.einsum("tij,tnj->tni", poses[:, :3, :3], np.broadcast_to(points, (len(poses), *points.shape[1:])))
    camera = camera + poses[:, None, :3, 3]
    return camera[..., :2] / camera[..., 2:] * K[0, 0] + K[:2, 2]
