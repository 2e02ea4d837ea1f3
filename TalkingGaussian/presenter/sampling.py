"""Surface samples that start the avatar's Gaussians: positions, normals, strand directions and exact motion."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from anatomy import UNITS
from appearance import above_hairline, blob
from geometry import Part, normals, smoothstep
from mathutils import Vector
from mathutils.bvhtree import BVHTree
from motion_schedule import coefficients, head_matrix
from presenter import Presenter
from scene import camera_matrices

PARTS = ("skin", "hair", "brow", "lash", "eye", "teeth_upper", "teeth_lower", "tongue", "mouth_inside", "neck")
#: samples drawn per part before those that no pose shows are dropped
BUDGET = {"skin": 62000, "hair": 10000, "brow": 1500, "lash": 900, "eye": 8000, "teeth": 5500, "tongue": 4500}
HAIR_BACK = 0.02  # hair farther back (y) is behind the head in every pose
#: poses in which a sample may be seen: (shape, yaw, pitch)
VIEWS: tuple[tuple[dict[str, float], float, float], ...] = (
    ({}, 0, 0),
    ({}, 8, 0),
    ({}, -8, 0),
    ({}, 0, 5),
    ({}, 0, -5),
    ({"jawOpen": 1.0, "mouthUpperUp": 0.5, "mouthLowerDown": 0.5}, 0, 0),
    ({"jawOpen": 1.0, "mouthSmile": 1.0}, 6, 4),
    ({"jawOpen": 0.6, "mouthFunnel": 1.0}, -6, 0),
    ({"eyeBlink": 1.0, "mouthUpperUp": 1.0, "mouthLowerDown": 1.0}, 0, 0),
    ({"tongueOut": 1.0, "jawOpen": 0.6, "eyeYaw": 1.0}, 0, 0),
    ({"jawOpen": 0.5, "mouthUpperUp": 1.0, "mouthSmile": 0.6}, 0, -5),
    ({"eyeYaw": -1.0, "eyePitch": 0.8, "mouthPucker": 1.0}, 0, 0),
    ({"eyePitch": -1.0, "eyeBlink": 0.5, "browOuterUp": 1.0, "browInnerUp": 1.0}, 0, 0),
)


@dataclass
class Samples:
    """means, normals, tangents [N,3]; extents [N] metres; colors [N,3] sRGB; basis [K,N,3]; weight, part [N]."""

    means: np.ndarray
    normals: np.ndarray
    tangents: np.ndarray
    extents: np.ndarray
    colors: np.ndarray
    basis: np.ndarray
    head_weight: np.ndarray
    part: np.ndarray

    def keep(self, mask: np.ndarray) -> Samples:
        """The samples where mask [N] is true."""
        other = {k: v[mask] for k, v in vars(self).items() if k != "basis"}
        return Samples(basis=self.basis[:, mask], **other)


def join(groups: list[Samples]) -> Samples:
    """All samples of several groups."""
    other = {k: np.concatenate([vars(g)[k] for g in groups]) for k in vars(groups[0]) if k != "basis"}
    return Samples(basis=np.concatenate([g.basis for g in groups], 1), **other)


def srgb(linear: np.ndarray) -> np.ndarray:
    """Linear 0..1 to display values 0..1."""
    c = np.clip(linear, 0, 1)
    return np.where(c < 0.0031308, 12.92 * c, 1.055 * c ** (1 / 2.4) - 0.055)


def density(part: Part, presenter: Presenter) -> np.ndarray:
    """[V] relative sampling density on a mesh part: finer at lips and eyes, none under hair, thin below the collar."""
    if part.name != "skin":
        return np.ones(len(part.rest))
    p, masks = part.rest, presenter.masks
    mouth = blob(p, (0.0, -0.138, 0.578), (0.018, 0.02, 0.011)) + 0.6 * masks["lips"]
    eyes = blob(p, (0.029, -0.124, 0.639), (0.014, 0.02, 0.008)) + 0.5 * masks["eyelids"]
    value = 1 + 3.0 * mouth + 2.4 * eyes + 0.8 * (p[:, 1] < -0.09) + 3.0 * masks["inside-mouth"]
    value *= (part.weight > 0.0) * (above_hairline(p) < 0.014)
    return value * (0.5 + 0.5 * smoothstep(part.weight, 0, 0.8))


def skin_labels(presenter: Presenter, vertex: np.ndarray) -> np.ndarray:
    """[N] part numbers of skin samples by the vertex they lie at."""
    skin = presenter.part("skin")
    label = np.where(skin.weight < 0.95, PARTS.index("neck"), PARTS.index("skin"))
    label[presenter.masks["inside-mouth"] > 0.5] = PARTS.index("mouth_inside")
    return label[vertex]


def mesh_samples(part: Part, count: int, presenter: Presenter, rng: np.random.Generator) -> Samples:
    """Area- and density-weighted samples of a mesh part; everything is interpolated from the face's corners."""
    quads = np.array([f if len(f) == 4 else [*f, f[-1]] for f in part.faces])
    c = part.rest[quads]
    area = 0.5 * np.linalg.norm(np.cross(c[:, 2] - c[:, 0], c[:, 3] - c[:, 1]), axis=1)
    dense = density(part, presenter)[quads].mean(1)
    chance = area * dense / (area * dense).sum()
    pick = rng.choice(len(quads), count, p=chance)
    u, v = rng.random((2, count))
    weights = np.stack([(1 - u) * (1 - v), u * (1 - v), u * v, (1 - u) * v], 1)
    corner = quads[pick]

    def blend(values: np.ndarray) -> np.ndarray:
        return np.einsum("nc,nc...->n...", weights, values[corner])

    n = blend(normals(part.rest, part.faces))
    n /= np.linalg.norm(n, axis=1, keepdims=True)
    tangent = np.cross(n, [0.0, 0.0, 1.0])
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
    albedo = part.colours if part.colours is not None else np.full((len(part.rest), 3), flat_colour(part.name))
    name = {"eye_l": "eye", "eye_r": "eye"}.get(part.name, part.name)
    label = np.full(count, PARTS.index(name))
    if name == "skin":
        label = skin_labels(presenter, corner[:, 0])
    basis = np.stack([blend(b) if np.any(b) else np.zeros((count, 3)) for b in part.basis])
    extents = np.sqrt(area[pick] / (count * chance[pick]))
    return Samples(blend(part.rest), n, tangent, extents, srgb(blend(albedo)), basis, blend(part.weight), label)


def flat_colour(name: str) -> tuple[float, float, float]:
    """Linear colour guess of parts without vertex colours."""
    colours = {"tongue": (0.45, 0.16, 0.15), "teeth_upper": (0.7, 0.65, 0.57), "teeth_lower": (0.6, 0.55, 0.48)}
    return colours.get(name, (0.03, 0.017, 0.011))


def strand_samples(part: Part, count: int, spacing: float, rng: np.random.Generator) -> Samples:
    """Random points on strands, with the strand's direction as tangent; normals face the camera."""
    lines = part.rest.reshape(-1, part.strand_points, 3)
    row = rng.integers(len(lines), size=count)
    at = rng.uniform(0, part.strand_points - 1.001, count)
    i, f = at.astype(int), (at % 1)[:, None]
    means = lines[row, i] * (1 - f) + lines[row, i + 1] * f
    tangent = lines[row, i + 1] - lines[row, i]
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
    flat = part.basis.reshape(len(UNITS), *lines.shape)
    f32 = f.astype(np.float32)
    basis = flat[:, row, i] * (1 - f32) + flat[:, row, i + 1] * f32
    out = means - [0, -0.045, 0.64] if part.name in ("hair", "flyaway", "wisp") else np.tile([0.0, -1, 0], (count, 1))
    out = out - tangent * (out * tangent).sum(1, keepdims=True)
    out /= np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)
    name = "hair" if part.name in ("flyaway", "wisp") else part.name
    ones = np.ones(count)
    colour = np.tile(srgb(np.array(flat_colour("hair"))), (count, 1))
    return Samples(means, out, tangent, spacing * ones, colour, basis, ones, np.full(count, PARTS.index(name)))


def posed(samples: Samples, shape: np.ndarray, head: np.ndarray) -> np.ndarray:
    """[N,3] sample positions in a pose."""
    p = samples.means + np.tensordot(shape, samples.basis, 1)
    w = samples.head_weight[:, None]
    return (1 - w) * p + w * (p @ head[:3, :3].T + head[:3, 3])


def occluders(presenter: Presenter, shape: np.ndarray, head: np.ndarray) -> BVHTree:
    """Search tree of everything solid in a pose, garments included where they are not cut away."""
    points, faces, offset = [], [], 0
    for part in presenter.moving:
        if part.kind == "mesh":
            points.append(part.posed(shape, head))
            faces += [[v + offset for v in f] for f in part.faces]
            offset += len(part.rest)
    for garment in presenter.clothes:
        points.append(garment.vertices)
        solid = np.ones(len(garment.vertices), bool) if garment.cut is None else garment.cut > 0
        faces += [[v + offset for v in f] for f in garment.faces if solid[f].all()]
        offset += len(garment.vertices)
    return BVHTree.FromPolygons(np.concatenate(points).tolist(), faces)


def seen(samples: Samples, presenter: Presenter) -> tuple[np.ndarray, np.ndarray]:
    """[N] whether a sample can be seen in any of VIEWS, and [N] whether in the first one (neutral)."""
    viewmat, _ = camera_matrices()
    eye = -viewmat[:3, :3].T @ viewmat[:3, 3]
    visible = np.zeros(len(samples.means), bool)
    at_first = None
    for wanted, yaw, pitch in VIEWS:
        shape, head = coefficients(wanted), head_matrix(yaw, pitch, 0, np.zeros(3))
        tree = occluders(presenter, shape, head)
        points = posed(samples, shape, head)
        to_eye = eye - points
        reach = np.linalg.norm(to_eye, axis=1)
        to_eye /= reach[:, None]
        start = points + 0.0012 * to_eye
        for i in np.flatnonzero(~visible):
            visible[i] = tree.ray_cast(Vector(start[i]), Vector(to_eye[i]), float(reach[i]))[0] is None
        at_first = visible.copy() if at_first is None else at_first
    return visible, at_first


def outermost(samples: Samples, depth: float = 0.004, cell: float = 0.0022) -> np.ndarray:
    """[N] whether a strand sample lies within `depth` of the front of the hair, seen turned to several sides."""
    keep = np.zeros(len(samples.means), bool)
    for yaw, pitch in ((0, 0), (8, 0), (-8, 0), (0, 5), (0, -5)):
        p = posed(samples, np.zeros(len(UNITS)), head_matrix(yaw, pitch, 0, np.zeros(3)))
        key = np.floor(p[:, [0, 2]] / cell).astype(int)
        key = (key[:, 0] - key[:, 0].min()) * 4096 + key[:, 1] - key[:, 1].min()
        front = np.full(key.max() + 1, np.inf)
        np.minimum.at(front, key, p[:, 1])
        keep |= p[:, 1] < front[key] + depth
    return keep


def hair_samples(part: Part, presenter: Presenter, rng: np.random.Generator) -> Samples:
    """Samples of the hair's visible outer layer, evenly thinned to the budget."""
    samples = strand_samples(part, 36 * BUDGET["hair"], 0.0011, rng)
    samples = samples.keep(outermost(samples) & (samples.means[:, 1] < HAIR_BACK))
    samples = samples.keep(seen(samples, presenter)[0])
    return samples.keep(rng.random(len(samples.means)) < BUDGET["hair"] / len(samples.means))


def paint(samples: Samples, shown: np.ndarray, picture: np.ndarray) -> None:
    """Give the samples that a neutral `picture` [H,W,4] shows (mask [N]) the colour of their pixel, in place."""
    viewmat, K = camera_matrices()
    image = (samples.means @ viewmat[:3, :3].T + viewmat[:3, 3]) @ K.T
    x, y = np.clip((image[:, :2] / image[:, 2:]).astype(int), 0, picture.shape[0] - 1).T
    pixel = picture[y, x]
    known = shown & (pixel[:, 3] > 0.95)
    samples.colors[known] = pixel[known, :3]


def sample(presenter: Presenter, neutral: np.ndarray | None = None, seed: int = 3) -> Samples:
    """All samples that some pose shows; coloured from the neutral picture [H,W,4] where that is given."""
    rng = np.random.default_rng(seed)
    groups = []
    for part in presenter.moving:
        kind = "teeth" if part.name.startswith("teeth") else part.name.split("_")[0]
        if part.kind == "mesh":
            groups.append(mesh_samples(part, BUDGET[kind], presenter, rng))
        elif kind == "hair":
            groups.append(hair_samples(part, presenter, rng))
        else:
            groups.append(strand_samples(part, BUDGET.get(kind, 1500), 0.0008, rng))
    samples = join(groups)
    visible, at_first = seen(samples, presenter)
    if neutral is not None:
        paint(samples, at_first, neutral)
    return samples.keep(visible)


def save(samples: Samples, path: Path) -> None:
    """Write `init.npz` (see README.md for its arrays)."""
    f32 = {k: v.astype(np.float32) for k, v in vars(samples).items() if k not in ("basis", "part")}
    np.savez_compressed(
        path,
        **f32,
        basis=samples.basis.astype(np.float16),
        part=samples.part.astype(np.uint8),
        part_names=np.array(PARTS),
        units=np.array(UNITS),
    )
