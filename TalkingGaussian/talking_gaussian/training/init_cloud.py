"""The first cloud of a person's Gaussians: the face on the tracked mesh, the rest of the head seen in a few frames,
and teeth, tongue and dark behind the lips. Each with the motion that the person's face units give it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from data_utils.dataset import HEAD, MOUTH
from face_tracking.face_units import mesh_triangles
from face_tracking.points import (
    CHIN,
    FACE_OVAL,
    INNER_LIPS,
    LEFT_EYE,
    LEFT_IRIS,
    LIP_CORNERS,
    LOWER_LIP,
    OUTER_LIPS,
    RIGHT_EYE,
    RIGHT_IRIS,
    UPPER_LIP,
)

from talking_gaussian.rendering import Camera

PARTS = ("skin", "eye", "head", "mouth_upper", "mouth_lower", "mouth_inside")
MOUTH_PART_NAMES = PARTS[3:]
SPACING_PX = 2.6  # between Gaussians of the face, in a 512 px picture
FINE = 0.65  # of that around lips and eyes
FINE_M = 0.012  # which reach this far
HEAD_SPACING_PX = 3.2
LOOKS = 12  # frames that the head beyond the face is taken from
FALL_OFF_M = 0.018  # how far skin beyond the mesh follows the face's edge
SLOPE = 0.7  # the head recedes from the face's edge, metres a metre
NECK_WEIGHT = 0.6  # how much of the head's turn the skin under the chin follows
EYE_DEPTH_M = 0.004
TEETH_DEPTH_M = (0.006, 0.008, 0.016)  # upper, lower, dark behind, from the lips
GAZE_UNITS = ("eyeYaw", "eyePitch")


@dataclass(frozen=True)
class Face:
    """The person's face at rest: neutral [478, 3], basis [K, 478, 3], canonical metres; names of the K units."""

    neutral: np.ndarray
    basis: np.ndarray
    units: tuple[str, ...]


Cloud = dict[str, np.ndarray]


def first_cloud(
    face: Face,
    camera: Camera,
    head: np.ndarray,
    coefficients: np.ndarray,
    numbers: np.ndarray,
    picture: Callable[[int], tuple[np.ndarray, np.ndarray]],
    size: int,
) -> Cloud:
    """All the arrays that `first_head` needs. numbers: the frames that may be looked at, with their motion head
    [T, 4, 4] and coefficients [T, K]; picture(number) -> frame [H, W, 3] and mask levels [H, W], uint8."""
    pixel = camera.viewmat[2, 3] / camera.K[0, 0] * size / 512  # metres a pixel of a 512 px picture
    chosen = numbers[np.linspace(0, len(numbers) - 1, min(LOOKS, len(numbers))).astype(int)]
    looks = [(int(number), *picture(int(number))) for number in chosen]
    clouds = [face_cloud(face, pixel), *(eye_cloud(face, pixel, side) for side in (0, 1))]
    skin = joined(clouds)
    skin["colors"] = seen_colors(skin, looks, head, coefficients, camera)
    around = head_cloud(face, looks, head, coefficients, camera, HEAD_SPACING_PX * pixel)
    mouth = mouth_cloud(face, looks, coefficients, pixel)
    return joined([skin, around, mouth])


def joined(clouds: list[Cloud]) -> Cloud:
    """One cloud of several."""
    names = set.intersection(*(set(cloud) for cloud in clouds))
    return {name: np.concatenate([cloud[name] for cloud in clouds], 1 if name == "basis" else 0) for name in names}


def cloud_of(means: np.ndarray, basis: np.ndarray, normals: np.ndarray, extent: np.ndarray, part: str) -> Cloud:
    """Arrays that every part has; head_weight 1, colours not known yet."""
    count = len(means)
    return {
        "means": means.astype(np.float32),
        "normals": normals.astype(np.float32),
        "tangents": np.tile(np.array([1, 0, 0], np.float32), (count, 1)),
        "extents": np.broadcast_to(np.float32(extent), (count,)).copy(),
        "colors": np.full((count, 3), 0.5, np.float32),
        "basis": basis.astype(np.float32),
        "head_weight": np.ones(count, np.float32),
        "part": np.full(count, PARTS.index(part), np.uint8),
    }


# --- the face -----------------------------------------------------------------------------------------------------


def face_cloud(face: Face, pixel: float) -> Cloud:
    """A grid over the mesh's triangles as the camera sees them, denser around lips and eyes."""
    details = face.neutral[[*OUTER_LIPS, *INNER_LIPS, *RIGHT_EYE, *LEFT_EYE]]
    clouds = []
    for triangle in mesh_triangles():
        corners = face.neutral[triangle]
        near = np.linalg.norm(details - corners.mean(0), axis=1).min() < FINE_M
        spacing = SPACING_PX * pixel * (FINE if near else 1.0)
        weights = grid_in_triangle(corners[:, :2], spacing)
        normal = np.cross(corners[1] - corners[0], corners[2] - corners[0])
        normal *= -np.sign(normal[2]) / max(float(np.linalg.norm(normal)), 1e-12)  # towards the camera
        basis = np.einsum("nk,ukc->unc", weights, face.basis[:, triangle])
        normals = np.repeat(normal[None], len(weights), 0)
        clouds.append(cloud_of(weights @ corners, basis, normals, np.float32(spacing), "skin"))
    return joined(clouds)


def grid_in_triangle(corners: np.ndarray, spacing: float) -> np.ndarray:
    """Barycentric weights [n, 3] of the points of a fixed grid that lie in a triangle [3, 2]."""
    low, high = np.floor(corners.min(0) / spacing), np.ceil(corners.max(0) / spacing)
    x, y = np.meshgrid(np.arange(low[0], high[0] + 1), np.arange(low[1], high[1] + 1))
    points = np.stack([x.ravel() + 0.5 * (y.ravel() % 2), y.ravel()], 1) * spacing  # rows in brick bond
    edges = np.stack([corners[1] - corners[0], corners[2] - corners[0]], 1)
    if abs(np.linalg.det(edges)) < 1e-12:
        return np.zeros((0, 3))
    v = (points - corners[0]) @ np.linalg.inv(edges).T
    weights = np.concatenate([1 - v.sum(1, keepdims=True), v], 1)
    return weights[(weights >= 0).all(1)]


def eye_cloud(face: Face, pixel: float, side: int) -> Cloud:
    """An eyeball's visible part: a grid behind the lids that only the gaze moves."""
    rim = face.neutral[list((RIGHT_EYE, LEFT_EYE)[side])]
    iris = list((RIGHT_IRIS, LEFT_IRIS)[side])
    means = grid_within(rim, SPACING_PX * FINE * pixel, margin=0.002)
    means[:, 2] = rim[:, 2].mean() + EYE_DEPTH_M
    gaze = np.array([unit in GAZE_UNITS for unit in face.units])
    motion = face.basis[:, iris].mean(1) * gaze[:, None]
    basis = np.repeat(motion[:, None], len(means), 1)
    return cloud_of(means, basis, toward_camera(len(means)), np.float32(SPACING_PX * FINE * pixel), "eye")


def grid_within(rim: np.ndarray, spacing: float, margin: float) -> np.ndarray:
    """A grid of points [n, 3] in the box of `rim` [m, 3] grown by `margin`, at its mean depth."""
    low, high = rim[:, :2].min(0) - margin, rim[:, :2].max(0) + margin
    x, y = np.meshgrid(np.arange(low[0], high[0], spacing), np.arange(low[1], high[1], spacing))
    return np.stack([x.ravel(), y.ravel(), np.full(x.size, rim[:, 2].mean())], 1)


def toward_camera(count: int) -> np.ndarray:
    """Normals [count, 3] that face the camera."""
    return np.tile([0.0, 0.0, -1.0], (count, 1))


def seen_colors(cloud: Cloud, looks: list, head: np.ndarray, coefficients: np.ndarray, camera: Camera) -> np.ndarray:
    """The median colour [N, 3] of where the points fall in the frames looked at."""
    seen = []
    for number, frame, _ in looks:
        points = cloud["means"] + np.tensordot(coefficients[number], cloud["basis"], 1)
        x, y = np.round(camera.project(placed(points, head[number])) - 0.5).astype(int).T
        seen.append(frame[np.clip(y, 0, len(frame) - 1), np.clip(x, 0, len(frame) - 1)])
    return (np.median(seen, axis=0) / 255).astype(np.float32)


def placed(points: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """Points [n, 3] under a rigid motion [4, 4]."""
    return points @ motion[:3, :3].T + motion[:3, 3]


# --- the rest of the head -------------------------------------------------------------------------------------------


def head_cloud(
    face: Face, looks: list, head: np.ndarray, coefficients: np.ndarray, camera: Camera, spacing: float
) -> Cloud:
    """Hair, ears and skin under the chin: pixels of the head beyond the face, put on a surface that recedes from it."""
    places, colors = [], []
    for number, frame, levels in looks:
        step = max(1, round(spacing / (camera.viewmat[2, 3] / camera.K[0, 0])))
        rows, columns = np.nonzero(levels == HEAD)
        keep = (rows % step == 0) & (columns % step == 0)
        rows, columns = rows[keep], columns[keep]
        points = unprojected(np.stack([columns, rows], 1) + 0.5, head[number], camera, face)
        beyond = outside_face(points, face, coefficients[number])
        places.append(points[beyond])
        colors.append(frame[rows[beyond], columns[beyond]])
    means, tint = thinned(np.concatenate(places), np.concatenate(colors), spacing)
    basis, edge = edge_motion(means, face)
    cloud = cloud_of(means, basis, toward_camera(len(means)), np.float32(spacing), "head")
    cloud["colors"] = (tint / 255).astype(np.float32)
    below = np.clip((means[:, 1] - face.neutral[CHIN, 1]) / 0.02 + 0.5, 0, 1) * (edge < 0.06)
    cloud["head_weight"] = (1 - (1 - NECK_WEIGHT) * below).astype(np.float32)
    return cloud


def unprojected(places: np.ndarray, motion: np.ndarray, camera: Camera, face: Face) -> np.ndarray:
    """Places in the picture [n, 2] -> canonical points [n, 3] on the receding surface (two rounds: depth hardly
    changes where a pixel's ray meets it)."""
    pose = camera.viewmat @ motion
    rays = np.concatenate([(places - camera.K[:2, 2]) / camera.K[0, 0], np.ones((len(places), 1))], 1)
    depth = np.full(len(places), pose[2, 3])
    for _ in range(3):
        points = (rays * depth[:, None] - pose[:3, 3]) @ pose[:3, :3]
        wanted = surface_depth(points, face)
        depth += (wanted - points[:, 2]) / pose[2, 2]
    return (rays * depth[:, None] - pose[:3, 3]) @ pose[:3, :3]


def surface_depth(points: np.ndarray, face: Face) -> np.ndarray:
    """How deep [n] the head lies at points' x, y: as the face's edge, and deeper away from it."""
    oval = face.neutral[list(FACE_OVAL)]
    away = np.linalg.norm(points[:, None, :2] - oval[None, :, :2], axis=2)
    weight = 1 / np.maximum(away, 1e-3) ** 3
    edge = (weight * oval[:, 2]).sum(1) / weight.sum(1)
    return edge + SLOPE * np.minimum(away.min(1), 0.06)


def outside_face(points: np.ndarray, face: Face, coefficients: np.ndarray) -> np.ndarray:
    """[n] bool: beyond the face's oval as the frame's expression has it (a little inside counts too)."""
    oval = (face.neutral + np.tensordot(coefficients, face.basis, 1))[list(FACE_OVAL), :2]
    middle = oval.mean(0)
    angles = np.arctan2(*(oval - middle).T[::-1])
    order = np.argsort(angles)
    radii = np.linalg.norm(oval - middle, axis=1)[order]
    offset = points[:, :2] - middle
    radius = np.interp(np.arctan2(offset[:, 1], offset[:, 0]), angles[order], radii, period=2 * np.pi)
    return np.linalg.norm(offset, axis=1) > 0.97 * radius


def thinned(points: np.ndarray, colors: np.ndarray, spacing: float) -> tuple[np.ndarray, np.ndarray]:
    """One point and the mean colour of every square of side `spacing`."""
    cells = np.floor(points[:, :2] / spacing).astype(np.int64)
    _, first, group = np.unique(cells, axis=0, return_index=True, return_inverse=True)
    group = group.ravel()
    counts = np.bincount(group)[:, None]
    mean = np.stack([np.bincount(group, colors[:, k]) for k in range(3)], 1) / counts
    middle = np.stack([np.bincount(group, points[:, k]) for k in range(3)], 1) / counts
    return np.where(counts > 1, middle, points[first]), mean


def edge_motion(points: np.ndarray, face: Face) -> tuple[np.ndarray, np.ndarray]:
    """What the units do to points beyond the mesh [K, n, 3], fading with their distance [n] from its edge."""
    oval = face.neutral[list(FACE_OVAL)]
    away = np.linalg.norm(points[:, None, :2] - oval[None, :, :2], axis=2)
    weight = np.exp(-((away / (FALL_OFF_M / 2)) ** 2) / 2) + 1e-9
    weight /= weight.sum(1, keepdims=True)
    distance = away.min(1)
    fade = np.exp(-((distance / FALL_OFF_M) ** 2))
    return np.einsum("nm,umc->unc", weight, face.basis[:, list(FACE_OVAL)]) * fade[None, :, None], distance


# --- inside the mouth -------------------------------------------------------------------------------------------


def mouth_cloud(face: Face, looks: list, coefficients: np.ndarray, pixel: float) -> Cloud:
    """Upper teeth that keep still, lower teeth and tongue that go with the jaw, dark behind both."""
    lips = face.neutral[list(INNER_LIPS)]
    spacing = SPACING_PX * FINE * pixel
    half = np.abs(face.neutral[list(LIP_CORNERS), 0] - lips[:, 0].mean()).max() + 0.002
    top, bottom, depth = face.neutral[UPPER_LIP, 1], face.neutral[LOWER_LIP, 1], lips[:, 2].mean()
    jaw = face.basis[:, [CHIN, 148, 377, 176, 400]].mean(1)
    drop = max(0.0, float(np.quantile(coefficients @ jaw[:, 1], 0.99)))
    inside = [levels == MOUTH for _, _, levels in looks]
    seen = np.concatenate(
        [frame[mask] for (_, frame, _), mask in zip(looks, inside, strict=True)] or [np.zeros((0, 3))]
    )
    tints = mouth_tints(seen)
    layers = [
        ("mouth_upper", top - 0.007, top + 0.008, 0.0, tints[0]),
        ("mouth_lower", bottom - 0.004, bottom + 0.010, 1.0, tints[0]),
        ("mouth_inside", top - 0.008, bottom + drop + 0.006, 0.0, tints[1]),
    ]
    clouds = []
    for (part, low, high, follows, tint), behind in zip(layers, TEETH_DEPTH_M, strict=True):
        x, y = np.meshgrid(np.arange(-half, half, spacing) + lips[:, 0].mean(), np.arange(low, high, spacing))
        means = np.stack([x.ravel(), y.ravel(), np.full(x.size, depth + behind)], 1)
        basis = np.repeat((jaw * follows)[:, None], len(means), 1)
        cloud = cloud_of(means, basis, toward_camera(len(means)), np.float32(spacing), part)
        cloud["colors"] = np.tile(np.float32(tint), (len(means), 1))
        clouds.append(cloud)
    return joined(clouds)


def mouth_tints(seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Colours of teeth and of the dark, from pixels [n, 3] uint8 inside the mouth (a guess where none was open)."""
    if len(seen) < 50:
        return np.array([0.55, 0.45, 0.42]), np.array([0.15, 0.07, 0.06])
    order = np.argsort(seen.sum(1))
    return seen[order[-len(seen) // 5 :]].mean(0) / 255, seen[order[: len(seen) // 5]].mean(0) / 255
