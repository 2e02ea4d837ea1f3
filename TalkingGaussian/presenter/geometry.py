"""Parts of the presenter as dense points with exact linear motion.

A `Part` is a mesh or a bundle of strands whose points move by
`x' = (1 - w) p + w (R p + t)` with `p = rest + sum_k c_k basis_k`; Blender renders exactly these points.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import bpy
import numpy as np
from anatomy import UNITS, Anatomy

#: the head turns about this point in the neck (metres)
PIVOT = np.array([0.0, -0.01, 0.53])
#: a tilted height z - TILT*y runs along the neck; the head weight rises from 0 to 1 between these heights
TILT = 0.3
WEIGHT_RANGE = (0.480, 0.572)
CHEST_BOTTOM = 0.28  # below the picture's lower edge


@dataclass
class Part:
    """rest [N,3] metres; basis [K,N,3]; weight [N]; faces (mesh) or length (points a strand); colours [N,3] linear."""

    name: str
    kind: str
    rest: np.ndarray
    basis: np.ndarray
    weight: np.ndarray
    faces: list[list[int]] = field(default_factory=list)
    strand_points: int = 0
    colours: np.ndarray | None = None
    radius: tuple[float, float] = (1e-4, 1e-4)

    def posed(self, coeffs: np.ndarray, head: np.ndarray) -> np.ndarray:
        """Points [N,3] for coeffs [K] and a head motion [4,4]."""
        p = self.rest + np.tensordot(coeffs, self.basis, 1) if self.basis.size else self.rest
        w = self.weight[:, None]
        return (1 - w) * p + w * (p @ head[:3, :3].T + head[:3, 3])


def smoothstep(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def head_weight(points: np.ndarray) -> np.ndarray:
    """[N] weight of the head's motion at rest points [N,3]: 1 on the head, 0 at the collar."""
    return smoothstep(points[:, 2] - TILT * points[:, 1], *WEIGHT_RANGE)


def subdivide(points: np.ndarray, faces: list[list[int]], levels: int) -> tuple[np.ndarray, list[list[int]]]:
    """Catmull-Clark subdivision (linear in `points`, so units may be subdivided one by one)."""
    mesh = bpy.data.meshes.new("subdivide")
    mesh.from_pydata(points.tolist(), [], faces)
    obj = bpy.data.objects.new("subdivide", mesh)
    bpy.context.collection.objects.link(obj)
    modifier = obj.modifiers.new("s", "SUBSURF")
    modifier.levels = modifier.render_levels = levels
    fine = obj.evaluated_get(bpy.context.evaluated_depsgraph_get()).to_mesh()
    out = np.empty(3 * len(fine.vertices), np.float32)
    fine.vertices.foreach_get("co", out)
    fine_faces = [list(p.vertices) for p in fine.polygons]
    bpy.data.objects.remove(obj)
    bpy.data.meshes.remove(mesh)
    return out.reshape(-1, 3).astype(np.float64), fine_faces


def mesh_part(anatomy: Anatomy, name: str, group: str, levels: int, bottom: float | None = None) -> Part:
    """A subdivided face group with its units; `bottom` drops faces that lie lower."""
    faces = [f for f, _ in anatomy.groups[group]]
    if bottom is not None:
        faces = [f for f in faces if anatomy.vertices[f][:, 2].min() > bottom]
    used = np.unique(np.concatenate(faces))
    local = {int(v): i for i, v in enumerate(used)}
    faces = [[local[v] for v in f] for f in faces]
    neutral = anatomy.vertices[used]
    rest, fine_faces = subdivide(neutral, faces, levels)
    basis = np.zeros((len(UNITS), *rest.shape), np.float32)
    for k, unit in enumerate(anatomy.units[:, used]):
        if np.abs(unit).max() > 1e-6:
            # a large step keeps the float32 difference exact; subdivision is linear
            basis[k] = (subdivide(neutral + 10 * unit, faces, levels)[0] - rest) / 10
    weight = head_weight(rest) if bottom is not None else np.ones(len(rest))
    return Part(name, "mesh", rest, basis, weight, fine_faces)


def sample_mask(anatomy: Anatomy, group: str, image: np.ndarray, levels: int, bottom: float) -> np.ndarray:
    """[N] grey value 0..1 of a uv mask at the vertices of the same `mesh_part` (uvs subdivided like points)."""
    kept = [(f, t) for f, t in anatomy.groups[group] if anatomy.vertices[f][:, 2].min() > bottom]
    used = np.unique(np.concatenate([f for f, _ in kept]))
    local = {int(v): i for i, v in enumerate(used)}
    value, count = np.zeros(len(used)), np.zeros(len(used))
    size = image.shape[0]
    for face, corners in kept:
        for v, t in zip(face, corners, strict=True):
            x, y = np.clip(anatomy.uvs[t] * [size, size], 0, size - 1).astype(int)
            value[local[v]] += image[size - 1 - y, x]
            count[local[v]] += 1
    scalar = np.repeat((value / count)[:, None], 3, 1)
    faces = [[local[v] for v in f] for f, _ in kept]
    return np.clip(subdivide_scalar(anatomy.vertices[used], scalar, faces, levels), 0, 1)


def subdivide_scalar(points: np.ndarray, scalar: np.ndarray, faces: list[list[int]], levels: int) -> np.ndarray:
    """[N] a scalar [n,3] (repeated) carried through the subdivision as a displacement."""
    base, _ = subdivide(points, faces, levels)
    return (subdivide(points + scalar, faces, levels)[0] - base)[:, 0]


def normals(points: np.ndarray, faces: list[list[int]]) -> np.ndarray:
    """Area-weighted vertex normals [N,3]."""
    out = np.zeros_like(points)
    quads = np.array([f if len(f) == 4 else [*f, f[-1]] for f in faces])
    a, b, c, d = (points[quads[:, i]] for i in range(4))
    n = np.cross(c - a, d - b)
    for i in range(4):
        np.add.at(out, quads[:, i], n)
    return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-12)
