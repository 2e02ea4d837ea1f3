"""What she wears: a light top and a dark blazer, built on the torso for a camera in front.

The torso never moves, and the camera faces it, so lapels and collar are drawn as ruled strips between two curves
and laid on the torso by casting rays from the camera's side.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from geometry import Part, normals, smoothstep
from mathutils import Vector
from mathutils.bvhtree import BVHTree

#: left side's control points (x, z) in metres; t runs from the neck down
ROLL_LINE = np.array([(0.060, 0.487), (0.056, 0.462), (0.046, 0.425), (0.030, 0.375), (0.012, 0.325), (0.004, 0.300)])
COLLAR_EDGE = np.array([(0.088, 0.497), (0.096, 0.473), (0.103, 0.446), (0.1045, 0.4365)])
COLLAR_ROLL = np.array([(0.060, 0.487), (0.058, 0.470), (0.0535, 0.452), (0.0505, 0.4395)])
LAPEL_ROLL = np.array([(0.0512, 0.442), (0.042, 0.412), (0.028, 0.370), (0.012, 0.325), (0.004, 0.300)])
LAPEL_EDGE = np.array([(0.121, 0.4335), (0.113, 0.408), (0.090, 0.370), (0.052, 0.322), (0.020, 0.296)])


@dataclass
class Garment:
    """A static mesh: vertices [N,3] metres, faces, material name, cut [N] (negative is cut away), thickness."""

    name: str
    vertices: np.ndarray
    faces: list[list[int]]
    material: str
    cut: np.ndarray | None = None
    thickness: float = 0.0
    mirrored: list[str] = field(default_factory=list)


def lower_arms(points: np.ndarray, degrees: float = 38.0) -> np.ndarray:
    """Turn the arms down about the shoulder joints, fading in across the shoulder."""
    out = points.copy()
    for side in (1, -1):
        joint = np.array([side * 0.135, -0.02, 0.435])
        angle = np.radians(degrees) * smoothstep(side * points[:, 0], 0.085, 0.175)
        arm = points - joint
        c, s = np.cos(angle), np.sin(angle) * side
        x = joint[0] + c * arm[:, 0] + s * arm[:, 2]
        z = joint[2] - s * arm[:, 0] + c * arm[:, 2]
        here = side * points[:, 0] > 0.085
        out[here, 0], out[here, 2] = x[here], z[here]
    return out


def relax(points: np.ndarray, faces: list[list[int]], rounds: int) -> np.ndarray:
    """Laplacian smoothing of a quad mesh: cloth bridges the body's hollows."""
    quads = np.array([f for f in faces if len(f) == 4])
    edges = np.unique(np.sort(quads[:, [0, 1, 1, 2, 2, 3, 3, 0]].reshape(-1, 2), axis=1), axis=0)
    degree = np.bincount(edges.ravel(), minlength=len(points))[:, None]
    for _ in range(rounds):
        total = np.zeros_like(points)
        np.add.at(total, edges[:, 0], points[edges[:, 1]])
        np.add.at(total, edges[:, 1], points[edges[:, 0]])
        points = np.where(degree > 2, total / np.maximum(degree, 1), points)
    return points


def curve(control: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Catmull-Rom through control points [C,D] at t in 0..1 -> [T,D]."""
    p = np.concatenate([2 * control[:1] - control[1:2], control, 2 * control[-1:] - control[-2:-1]])
    u = t * (len(control) - 1)
    i = np.minimum(u.astype(int), len(control) - 2)
    f = (u - i)[:, None]
    a, b, c, d = p[i], p[i + 1], p[i + 2], p[i + 3]
    return 0.5 * (2 * b + (c - a) * f + (2 * a - 5 * b + 4 * c - d) * f**2 + (3 * b - a - 3 * c + d) * f**3)


def front_depth(tree: BVHTree, x: float, z: float) -> float:
    """y of the surface seen from the front at (x, z); where a ray misses (above a shoulder), the nearest point's."""
    hit, _, _, _ = tree.ray_cast(Vector((x, -1.0, z)), Vector((0, 1, 0)))
    if hit is None:
        hit, _, _, _ = tree.find_nearest(Vector((x, -0.02, z)))
    return hit[1]


def grid_faces(rows: int, columns: int) -> list[list[int]]:
    """Quads of a rows x columns vertex grid."""
    return [
        [r * columns + c, r * columns + c + 1, (r + 1) * columns + c + 1, (r + 1) * columns + c]
        for r in range(rows - 1)
        for c in range(columns - 1)
    ]


def strip(
    tree: BVHTree, inner: np.ndarray, outer: np.ndarray, side: int, lift: float, roll: float, name: str
) -> Garment:
    """A lapel: ruled from the roll line `inner` to the free edge `outer` (x, z), `lift` metres off the cloth."""
    rows, columns = 60, 26
    t = np.linspace(0, 1, rows)
    a, b = curve(inner, t), curve(outer, t)
    points = []
    for r in range(rows):
        for s in np.linspace(0, 1, columns):
            x, z = a[r] + s * (b[r] - a[r])
            bulge = roll * (1 - s) * s * 4 * (1 - 0.5 * s) + 0.0008 * s
            y = front_depth(tree, side * x, z) - lift * min(1, 0.3 + s * 3) - bulge
            points.append((side * x, y, z))
    return Garment(name, np.array(points), grid_faces(rows, columns), "blazer", thickness=0.0022)


def smooth_depth(garment: Garment, columns: int, rounds: int = 10) -> Garment:
    """Even out the depth of a strip, so that the torso's fine relief does not show through."""
    y = garment.vertices[:, 1].reshape(-1, columns)
    for _ in range(rounds):
        padded = np.pad(y, 1, mode="edge")
        y = (padded[:-2, 1:-1] + padded[2:, 1:-1] + padded[1:-1, :-2] + padded[1:-1, 2:]) / 4
    garment.vertices[:, 1] = y.ravel()
    return garment


def neck_collar(side: int) -> Garment:
    """The collar's upper part: from behind the neck over the shoulder to where the front collar begins."""
    fold = np.array(
        [
            (0.0, 0.062, 0.520),
            (0.034, 0.056, 0.518),
            (0.056, 0.030, 0.510),
            (0.061, -0.002, 0.494),
            (0.060, -0.036, 0.479),
        ]
    )
    edge = np.array(
        [
            (0.0, 0.085, 0.480),
            (0.048, 0.078, 0.480),
            (0.082, 0.044, 0.487),
            (0.093, 0.004, 0.492),
            (0.089, -0.036, 0.490),
        ]
    )
    rows, columns = 40, 16
    t = np.linspace(0, 1, rows)
    a, b = curve(fold, t), curve(edge, t)
    s = np.linspace(0, 1, columns)[None, :, None]
    points = a[:, None] + s * (b - a)[:, None]
    points[..., 2] += 0.005 * np.sin(np.pi * s[..., 0])
    points[..., 0] *= side
    return Garment(f"neck_collar{side}", points.reshape(-1, 3), grid_faces(rows, columns), "blazer", thickness=0.0022)


def neckline(x: np.ndarray) -> np.ndarray:
    """Height of the top's round neckline at |x|."""
    return 0.4235 + 0.075 * (np.abs(x) / 0.066) ** 2.2


def piping(tree: BVHTree) -> Garment:
    """A thin rolled edge along the top's neckline."""
    path = []
    for x in np.linspace(-0.066, 0.066, 90):
        z = float(neckline(np.array(x)))
        path.append((x, front_depth(tree, x, z) - 0.0004, z))
    centre = np.array(path)
    angle = np.linspace(0, 2 * np.pi, 9)[:-1]
    ring = np.stack([np.zeros_like(angle), np.cos(angle), np.sin(angle)], 1) * 0.0017
    points = (centre[:, None] + ring[None]).reshape(-1, 3)
    faces = [
        [i * 8 + j, i * 8 + (j + 1) % 8, (i + 1) * 8 + (j + 1) % 8, (i + 1) * 8 + j]
        for i in range(89)
        for j in range(8)
    ]
    return Garment("piping", points, faces, "top")


def wardrobe(skin: Part) -> list[Garment]:
    """Top, blazer, lapels and collar for the dense skin."""
    body = lower_arms(skin.rest)
    faces = [
        f for f in skin.faces if skin.rest[f[0], 2] < 0.54 and skin.rest[f[0], 2] - 0.9 * skin.rest[f[0], 1] < 0.58
    ]
    used = np.unique(np.concatenate(faces))
    local = np.zeros(len(body), int)
    local[used] = np.arange(len(used))
    faces = [[int(local[v]) for v in f] for f in faces]
    body = body[used]
    snug = relax(body, faces, 12)
    top = snug + 0.0035 * normals(snug, faces)
    loose = relax(body, faces, 60)
    x, z = np.abs(loose[:, 0]), loose[:, 2]
    pad = 0.010 + 0.008 * smoothstep(x, 0.09, 0.14) * smoothstep(z, 0.38, 0.44)
    blazer = loose + pad[:, None] * normals(loose, faces)
    top_cut = neckline(top[:, 0]) - top[:, 2]
    roll = np.interp(blazer[:, 2], ROLL_LINE[::-1, 1], ROLL_LINE[::-1, 0])
    blazer_cut = np.where(blazer[:, 1] < 0.03, np.abs(blazer[:, 0]) - roll - 0.004, 0.5 - blazer[:, 2])
    tree = BVHTree.FromPolygons(blazer.tolist(), faces)
    out = [
        Garment("top", top, faces, "top", top_cut, 0.0008),
        piping(BVHTree.FromPolygons(top.tolist(), faces)),
        Garment("blazer", blazer, faces, "blazer", blazer_cut, 0.002),
    ]
    for side in (1, -1):
        out.append(smooth_depth(strip(tree, LAPEL_ROLL, LAPEL_EDGE, side, 0.0035, 0.004, f"lapel{side}"), 26))
        out.append(smooth_depth(strip(tree, COLLAR_ROLL, COLLAR_EDGE, side, 0.0055, 0.004, f"collar{side}"), 26))
        out.append(neck_collar(side))
    return out
