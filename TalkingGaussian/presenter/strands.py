"""Hair, brows and lashes as strands: rest polylines bound to what they grow from."""

from __future__ import annotations

import numpy as np
from anatomy import UNITS, Anatomy
from appearance import above_hairline, brow_curve
from geometry import Part, normals
from mathutils import Vector
from mathutils.bvhtree import BVHTree
from mathutils.kdtree import KDTree

HAIR_STRANDS, GUIDES, FLYAWAYS = 17000, 420, 260
STEPS, STEP = 22, 0.0105
BUN = np.array([0.0, 0.075, 0.615])
UPPER_LID_Z = 0.6372
PART_X = 0.021  # the parting lies above her left eye


def surface_samples(
    part: Part, mask: np.ndarray, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`count` points on faces weighted by the mean of a vertex mask -> points, normals, nearest vertex index."""
    quads = np.array([f if len(f) == 4 else [*f, f[-1]] for f in part.faces])
    corner = part.rest[quads]
    area = 0.5 * np.linalg.norm(np.cross(corner[:, 2] - corner[:, 0], corner[:, 3] - corner[:, 1]), axis=1)
    weight = area * mask[quads].mean(1)
    pick = rng.choice(len(quads), count, p=weight / weight.sum())
    u, v = rng.random((2, count, 1))
    c = corner[pick]
    points = (1 - u) * ((1 - v) * c[:, 0] + v * c[:, 3]) + u * ((1 - v) * c[:, 1] + v * c[:, 2])
    n = normals(part.rest, part.faces)[quads[pick]].mean(1)
    return points, n / np.linalg.norm(n, axis=1, keepdims=True), quads[pick, 0]


def scalp_tree(skin: Part, ears: np.ndarray) -> BVHTree:
    """Search tree of the head without its ears."""
    keep = [f for f in skin.faces if skin.rest[f[0], 2] > 0.5 and ears[f].max() < 0.02]
    return BVHTree.FromPolygons(skin.rest.tolist(), keep)


def comb(point: np.ndarray, side: float) -> np.ndarray:
    """Unit direction in which hair lies at a point: away from the parting in front, then to the bun."""
    to_bun = BUN - point
    to_bun /= np.linalg.norm(to_bun)
    away = abs(point[0] - PART_X)
    sideways = np.exp(-away / 0.030) * np.clip((0.035 - point[1]) / 0.06, 0, 1)
    d = 2.2 * sideways * np.array([side, 0.42, -0.1]) + to_bun + np.array([0.15 * side, 0.35, 0.0])
    return d / np.linalg.norm(d)


def grow(root: np.ndarray, tree: BVHTree, lift: float, rng: np.random.Generator) -> np.ndarray:
    """One strand [STEPS,3] that hugs the scalp `lift` metres above it."""
    side = 1.0 if root[0] > PART_X + rng.normal(0, 0.0006) else -1.0
    path, q = [root], root.copy()
    sway = rng.normal(0, 0.05, 3)
    for k in range(1, STEPS):
        q = q + STEP * (comb(q, side) + sway * np.sin(k * 0.6))
        hit, normal, _, _ = tree.find_nearest(Vector(q))
        n = np.array(normal)
        flat = 0.35 + 0.65 * min(1.0, abs(q[0] - PART_X) / 0.05)  # no deep furrow at the parting
        height = lift * flat * (1 - np.exp(-k * STEP / 0.007))
        if np.linalg.norm(q - BUN) > 0.035:
            q = np.array(hit) + n * height
        path.append(q)
    return np.array(path)


def hair(skin: Part, ears: np.ndarray, rng: np.random.Generator) -> list[Part]:
    """Tied-back hair with a side parting, and a few loose fine strands."""
    tree = scalp_tree(skin, ears)
    depth = above_hairline(skin.rest)
    grows = (depth > 0) * (ears < 0.02) * (skin.rest[:, 2] > 0.56) * np.clip(0.25 + depth / 0.008, 0, 1)
    roots, _, _ = surface_samples(skin, grows, HAIR_STRANDS, rng)
    guide_roots, _, _ = surface_samples(skin, grows, GUIDES, rng)
    guides = np.array([grow(r, tree, rng.uniform(0.004, 0.011), rng) for r in guide_roots])
    edge = np.clip((above_hairline(roots) + 0.001) / 0.02, 0.15, 1)
    lifts = rng.uniform(0.003, 0.0150, len(roots)) * edge
    lines = np.array([grow(r, tree, h, rng) for r, h in zip(roots, lifts, strict=True)])
    gather = 0.55 * np.linspace(0, 1, STEPS)[None, :, None] ** 0.7
    same_side = np.sign(guide_roots[:, 0] - PART_X)[None] == np.sign(roots[:, 0] - PART_X)[:, None]
    distance = np.linalg.norm(roots[:, None] - guide_roots[None], axis=2) + (~same_side)
    own = distance.argmin(1)
    offset = (roots - guide_roots[own])[:, None] * 0.75
    height_keep = (lines - (guides[own] + offset)) * 0.25
    lines = lines * (1 - gather) + gather * (guides[own] + offset + height_keep)
    main = strand_part("hair", lines, (1.0e-4, 0.6e-4))
    return [main, flyaways(lines, rng), wisps(skin, rng)]


def flyaways(lines: np.ndarray, rng: np.random.Generator) -> Part:
    """Thin loose hairs that leave the surface: copies of strands, lifted outward with growing distance."""
    pick = rng.choice(len(lines), FLYAWAYS, replace=False)
    loose = lines[pick].copy()
    out = loose - np.array([0, -0.045, 0.64])
    out /= np.linalg.norm(out, axis=2, keepdims=True)
    t = np.linspace(0, 1, STEPS)[None, :, None]
    amount = rng.uniform(0.001, 0.010, (FLYAWAYS, 1, 1)) * np.sin(np.pi * np.clip(t * 1.3, 0, 1))
    wave = 0.0015 * np.sin(t * rng.uniform(4, 11, (FLYAWAYS, 1, 1)) + rng.uniform(0, 6, (FLYAWAYS, 1, 3)))
    return strand_part("flyaway", loose + out * amount + wave * t, (0.45e-4, 0.25e-4))


def wisps(skin: Part, rng: np.random.Generator) -> Part:
    """Face-framing locks: from each temple down beside the cheek in a loose curve."""
    t = np.linspace(0, 1, STEPS)[:, None]
    lines = []
    for side, count, length in ((1.0, 70, 0.098), (-1.0, 60, 0.088)):
        for _ in range(count):
            s = rng.random()
            root = np.array([side * (0.0625 + 0.004 * s), -0.083 + 0.014 * s, 0.690 - 0.012 * s])
            start = np.array([0.007 * side, -0.010, 0.004])
            reach = length * rng.uniform(0.75, 1.05)
            end = np.array([side * (0.0045 + rng.normal(0, 0.0018)), 0.012 + rng.normal(0, 0.002), -reach])
            bow = np.array([side * 0.0065, -0.008, 0.0]) * np.sin(np.pi * t) * (1 + rng.normal(0, 0.08))
            curl = np.array([side * 0.004, 0.0, 0.0]) * np.sin(2 * np.pi * (t + 0.1 * s)) * t
            fuzz = np.cumsum(rng.normal(0, 0.00018, (STEPS, 3)), 0)
            lines.append(root + start * t * (1 - t) * 2 + end * t**1.3 + bow + curl + fuzz)
    return strand_part("wisp", np.array(lines), (0.8e-4, 0.4e-4))


def strand_part(name: str, lines: np.ndarray, radius: tuple[float, float], basis: np.ndarray | None = None) -> Part:
    """A rigid (unless `basis` [K,S,P,3]) bundle from lines [S,P,3]; moves fully with the head."""
    rest = lines.reshape(-1, 3)
    flat = np.zeros((len(UNITS), *rest.shape), np.float32) if basis is None else basis.reshape(-1, *rest.shape)
    return Part(name, "strands", rest, flat, np.ones(len(rest)), strand_points=lines.shape[1], radius=radius)


def brows(skin: Part, rng: np.random.Generator, count: int = 420) -> Part:
    """Both brows; each hair moves with the skin vertex nearest its root."""
    front = np.flatnonzero((skin.rest[:, 1] < -0.09) & (np.abs(skin.rest[:, 2] - 0.659) < 0.02))
    plane = skin.rest[front][:, [0, 2]]
    n_all = normals(skin.rest, skin.faces)
    lines, bases = [], []
    for side in (1, -1):
        for u in rng.beta(1.3, 1.15, count):
            x, z = (float(v) for v in brow_curve(np.array(u)))
            thickness = 0.0021 * (1 - 0.72 * u) * min(1.0, 0.6 + 3 * u)
            z += thickness * float(np.clip(rng.normal(0, 0.55), -1, 1))
            v = front[((plane - [side * x, z]) ** 2).sum(1).argmin()]
            root = np.array([side * x, skin.rest[v, 1], z]) - 0.0002 * n_all[v]
            lean = np.interp(u, [0, 0.2, 0.55, 1], [1.3, 0.65, 0.15, -0.35]) + rng.normal(0, 0.14)
            d = np.array([side * np.cos(lean), 0.0, np.sin(lean)])
            d -= n_all[v] * (d @ n_all[v])
            d /= np.linalg.norm(d)
            length = rng.uniform(0.0042, 0.0068) * (1 - 0.3 * u)
            t = np.linspace(0, 1, 4)[:, None]
            droop = np.array([0, 0, -1.0]) * (t**2) * length * 0.25
            lines.append(root + d * t * length + n_all[v] * (0.0006 * np.sin(t * 2.2)) + droop)
            bases.append(skin.basis[:, v])
    basis = np.repeat(np.array(bases).transpose(1, 0, 2)[:, :, None], 4, 2)
    return strand_part("brow", np.array(lines), (0.9e-4, 0.35e-4), basis)


def lash_columns(anatomy: Anatomy, group: str, eye: np.ndarray) -> list[list[tuple[int, int]]]:
    """Columns of an eyelash card from lid to tip: lists of vertex pairs (one edge a row, sides in order)."""
    above = {}
    for face, _ in anatomy.groups[group]:
        reach = np.linalg.norm(anatomy.vertices[face] - eye, axis=1)
        edges = [(reach[i] + reach[(i + 1) % 4], i) for i in range(4)]
        i = min(edges)[1]
        root, tip = (face[i], face[(i + 1) % 4]), (face[(i + 3) % 4], face[(i + 2) % 4])
        above[frozenset(root)] = (root, tip)
    tips = {frozenset(tip) for _, tip in above.values()}
    columns = []
    for key, (root, tip) in above.items():
        if key in tips:
            continue
        column = [root, tip]
        while frozenset(tip) in above:
            below, tip = above[frozenset(tip)]
            tip = tip if below == column[-1] else tip[::-1]
            column.append(tip)
        columns.append(column)
    return columns


def lash_strand(points: np.ndarray, column: list[tuple[int, int]], side: float, fan: float, reach: float) -> np.ndarray:
    """[...,5,3] one lash as a fixed blend of card vertices [...,V,3]: `side` 0..1 across, drifting by `fan`."""
    rows = len(column) - 1
    out = []
    for t in np.linspace(0, 1, 5):
        h = t * reach * rows
        i = min(int(h), rows - 1)
        a = np.clip(side + fan * t, 0, 1)
        low, high = ((1 - a) * points[..., column[j][0], :] + a * points[..., column[j][1], :] for j in (i, i + 1))
        out.append(low + (h - i) * (high - low))
    return np.stack(out, -2)


def lashes(anatomy: Anatomy, rng: np.random.Generator) -> Part:
    """Upper and lower lashes: blends of the base mesh's own eyelash cards, so they follow the lids exactly."""
    lines, bases = [], []
    for side in "lr":
        for group, per_column, reach in (("2", 7, 0.9), ("1", 3, 0.55)):
            for column in lash_columns(anatomy, f"helper-{side}-eyelashes-{group}", anatomy.eyes[side]):
                for a in rng.random(per_column):
                    choice = (column, a, rng.normal(0, 0.25), reach * rng.uniform(0.65, 1.0))
                    lines.append(lash_strand(anatomy.vertices, *choice))
                    bases.append(lash_strand(anatomy.units, *choice))
    return strand_part("lash", np.array(lines), (0.85e-4, 0.25e-4), np.array(bases).transpose(1, 0, 2, 3))


def lash_line(skin: Part, lash: Part) -> np.ndarray:
    """[V] metres from each skin vertex to the nearest root of an upper lash."""
    roots = lash.rest.reshape(-1, lash.strand_points, 3)[:, 0]
    roots = roots[roots[:, 2] > UPPER_LID_Z]
    out = np.full(len(skin.rest), 1.0)
    near = np.flatnonzero((skin.rest[:, 1] < -0.105) & (np.abs(skin.rest[:, 2] - UPPER_LID_Z) < 0.02))
    tree = KDTree(len(roots))
    for i, root in enumerate(roots):
        tree.insert(root, i)
    tree.balance()
    out[near] = [tree.find(point)[2] for point in skin.rest[near]]
    return out
