"""How face_units.npz was made: what each face unit does to the mesh's points, seen on the bundled presenter.

python -m face_tracking.build_face_units DATASET     (the frames of presenter/render_dataset.py; in `tg_eval`)
The presenter is synthetic, so the coefficients of every frame are known and no real face enters.
"""

from __future__ import annotations

import sys
from collections import Counter
from itertools import combinations
from pathlib import Path

import av
import mediapipe
import numpy as np

from face_tracking.alignment import align_all
from face_tracking.face_units import PATH, UNITS
from face_tracking.mesh import FaceMesh

RIDGE = 0.02  # of a frame's weight: units that were never seen alone stay small


def main(folder: Path) -> None:
    """Track the frames, solve for the units' displacements, make them symmetric, save."""
    with np.load(folder / "frames.npz", allow_pickle=False) as file:
        names = [str(unit) for unit in file["units"]]
        coefficients = file["coeffs"][:, [names.index(unit) for unit in UNITS]].astype(np.float64)
    points = []
    with FaceMesh(static=True) as mesh:
        for number in range(len(coefficients)):
            with av.open(str(folder / "frames" / f"{number:05d}.png")) as container:
                picture = next(container.decode(video=0)).to_ndarray(format="rgba").astype(np.float32)
            alpha = picture[..., 3:] / 255
            points.append(mesh.find((picture[..., :3] * alpha + 128 * (1 - alpha)).astype(np.uint8))[0])
    neutral, basis = solve(align_all(np.stack(points)), coefficients)
    neutral, basis = symmetric(neutral, basis)
    arrays = {"neutral": neutral.astype(np.float32), "basis": basis.astype(np.float16)}
    np.savez_compressed(PATH, triangles=mesh_triangles(), **arrays)


def mesh_triangles() -> np.ndarray:
    """The mesh's triangles [n, 3], from mediapipe's list of its edges; eyes and mouth are holes."""
    edges = {tuple(sorted(edge)) for edge in mediapipe.solutions.face_mesh.FACEMESH_TESSELATION}
    near: dict[int, set[int]] = {}
    for a, b in edges:
        near.setdefault(a, set()).add(b)
        near.setdefault(b, set()).add(a)
    cliques = {tuple(sorted((a, b, c))) for a, b in edges for c in near[a] & near[b]}
    # a triangle all of whose edges have two others is a ring of three around them, no face of the mesh
    uses = Counter(pair for clique in cliques for pair in combinations(clique, 2))
    rings = {clique for clique in cliques if all(uses[pair] > 2 for pair in combinations(clique, 2))}
    return np.array(sorted(cliques - rings), np.int16)


def solve(aligned: np.ndarray, coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points [T, 478, 3] = neutral + coefficients [T, K] basis [K, 478, 3], by ridge regression."""
    design = np.concatenate([np.ones((len(coefficients), 1)), coefficients], 1)
    penalty = np.diag([0.0] + [RIDGE * len(design) / len(UNITS)] * len(UNITS))
    solved = np.linalg.solve(design.T @ design + penalty, design.T @ aligned.reshape(len(aligned), -1))
    solved = solved.reshape(-1, *aligned.shape[1:])
    return solved[0], solved[1:]


def symmetric(neutral: np.ndarray, basis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The average of a face and its mirror image, left units against right ones."""
    flip = np.array([-1.0, 1.0, 1.0])
    mirrored = neutral * flip
    other = np.linalg.norm(neutral[:, None] - mirrored[None], axis=2).argmin(1)
    swapped = []
    for unit in UNITS:
        pair = unit.replace("Left", "?").replace("Right", "Left").replace("?", "Right")
        sign = -1.0 if unit == "eyeYaw" else 1.0
        swapped.append(sign * basis[UNITS.index(pair)][other] * flip)
    return (neutral + mirrored[other]) / 2, (basis + np.stack(swapped)) / 2


if __name__ == "__main__":
    main(Path(sys.argv[1]))
