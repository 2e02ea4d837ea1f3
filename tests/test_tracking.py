"""From points on a face to pose and face units: what was put in comes out again."""

from __future__ import annotations

import numpy as np
import pytest
from data_utils.gaps import bridged, longest_gap, usable_frames
from face_tracking.alignment import EYE_DISTANCE_M, canonical, similarity
from face_tracking.face_units import MOUTH_UNITS, UNITS, load_face_units, mesh_triangles
from face_tracking.fit import fit_person, project
from face_tracking.points import CHIN, EYE_CORNERS, FACE_OVAL, INNER_LIPS, LOWER_LIP, UPPER_LIP
from hypothesis import given, settings
from hypothesis import strategies as st

SIZE, FRAMES = 512, 80


def turn(angles: np.ndarray) -> np.ndarray:
    """Rotation matrices [T, 3, 3] of pitch and yaw [T, 2]."""
    pitch, yaw = angles.T
    zero, one = np.zeros_like(pitch), np.ones_like(pitch)
    about_x = [[one, zero, zero], [zero, np.cos(pitch), -np.sin(pitch)], [zero, np.sin(pitch), np.cos(pitch)]]
    about_y = [[np.cos(yaw), zero, np.sin(yaw)], [zero, one, zero], [-np.sin(yaw), zero, np.cos(yaw)]]
    return np.moveaxis(np.array(about_x), -1, 0) @ np.moveaxis(np.array(about_y), -1, 0)


@pytest.fixture(scope="module")
def talking() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A head that nods and talks: points [T, 478, 3] as a tracker gives them, coefficients, poses."""
    rng = np.random.default_rng(0)
    units = load_face_units()
    coefficients = np.zeros((FRAMES, len(UNITS)))
    time = np.arange(FRAMES)
    coefficients[:, UNITS.index("jawOpen")] = 0.4 * np.clip(np.sin(time / 3), 0, 1)
    coefficients[:, UNITS.index("mouthPucker")] = 0.5 * np.clip(np.sin(time / 7 + 2), 0, 1)
    poses = np.tile(np.eye(4), (FRAMES, 1, 1))
    poses[:, :3, :3] = turn(np.stack([0.08 * np.sin(time / 17), 0.15 * np.sin(time / 23)], 1))
    poses[:, :3, 3] = [0.01, -0.02, 1.2]
    K = np.array([[3.0 * SIZE, 0, SIZE / 2], [0, 3.0 * SIZE, SIZE / 2], [0, 0, 1]])
    shapes = units.shape(coefficients)
    places = project(shapes, poses, K) + rng.normal(0, 0.2, (FRAMES, 478, 2))
    depth = np.einsum("tij,tnj->tni", poses[:, :3, :3], shapes)[..., 2:] * K[0, 0] / 1.2
    return np.concatenate([places, depth], 2), coefficients, poses


def test_the_fit_finds_pose_and_opening_of_the_mouth(talking) -> None:
    points, _, poses = talking
    fit = fit_person(points, SIZE)
    assert fit.error_px.mean() < 1
    turned = np.einsum("tij,tkj->tik", fit.poses[:, :3, :3], poses[:, :3, :3])
    steady = np.einsum("tij,kj->tik", turned, turned[0])  # but for where the person's own front lies
    assert np.degrees(np.arccos(np.clip((np.trace(steady, axis1=1, axis2=2) - 1) / 2, -1, 1))).max() < 1
    shapes = fit.units.shape(fit.coefficients)
    fitted, true = (p[:, LOWER_LIP, 1] - p[:, UPPER_LIP, 1] for p in (shapes, points))
    assert np.corrcoef(fitted, true)[0, 1] > 0.99


def test_the_resting_mouth_is_closed(talking) -> None:
    fit = fit_person(talking[0], SIZE)
    rest = load_face_units().neutral
    gap = [shape[LOWER_LIP, 1] - shape[UPPER_LIP, 1] for shape in (fit.units.neutral, rest)]
    assert gap[0] == pytest.approx(gap[1], abs=0.002)


def test_no_mouth_unit_moves_the_brows() -> None:
    fit_units = load_face_units()
    assert fit_units.names[: len(MOUTH_UNITS)] == MOUTH_UNITS
    brow = fit_units.basis[: len(MOUTH_UNITS), [105, 334]]
    assert np.abs(brow).max() < 0.005


def test_the_mesh_has_holes_for_eyes_and_mouth() -> None:
    triangles = mesh_triangles()
    edges = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [0, 2]]]), 1)
    pairs, uses = np.unique(edges, axis=0, return_counts=True)
    assert uses.max() == 2
    rim = set(pairs[uses == 1].ravel())
    assert set(FACE_OVAL) | set(INNER_LIPS) <= rim
    assert CHIN in rim


@given(st.floats(0.1, 10), st.floats(-1, 1), st.floats(-5, 5))
@settings(max_examples=30, deadline=None)
def test_a_similarity_is_found_again(scale: float, angle: float, shift: float) -> None:
    points = np.random.default_rng(1).normal(size=(20, 3))
    rotation = turn(np.array([[angle, angle / 2]]))[0]
    found = similarity(points, scale * points @ rotation.T + shift)
    assert found[0] == pytest.approx(scale, rel=1e-6)
    assert np.allclose(found[1], rotation, atol=1e-6)
    assert np.allclose(found[2], shift, atol=1e-5)


def test_canonical_space_is_measured_in_eye_distances() -> None:
    points = canonical(np.random.default_rng(2).normal(size=(478, 3)))
    right, left = points[list(EYE_CORNERS)]
    assert np.linalg.norm(left - right) == pytest.approx(EYE_DISTANCE_M)
    assert np.allclose(left + right, 0, atol=1e-12)


def test_short_gaps_are_filled_in_and_long_ones_left_out() -> None:
    found = np.ones(60, bool)
    found[5:8] = found[30:45] = False
    points = np.linspace(0, 59, 60)[:, None, None] * np.ones((60, 478, 3))
    points[~found] = np.nan
    assert np.allclose(bridged(points, found)[:, 0, 0], np.arange(60))
    assert longest_gap(found) == 15
    usable = usable_frames(found)
    assert usable[5:8].all()
    assert not usable[30:45].any()


@given(st.lists(st.booleans(), min_size=1, max_size=80).filter(any))
def test_bridging_leaves_no_hole(found: list[bool]) -> None:
    points = np.where(np.array(found)[:, None, None], np.ones((len(found), 478, 3)), np.nan)
    assert np.isfinite(bridged(points, np.array(found))).all()
