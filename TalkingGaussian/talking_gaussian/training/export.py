"""A trained head -> an avatar folder that the engine and every list can use."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from talking_gaussian import ENGINE_VERSION
from talking_gaussian.avatar import FORMAT_VERSION, load_avatar
from talking_gaussian.stage import Stage
from talking_gaussian.training.model import TrainableHead
from talking_gaussian.training.pictures import over, read_picture, write_picture
from talking_gaussian.training.rendered_set import RenderedSet
from talking_gaussian.training.views import TrainingSet
from talking_gaussian.video.intra import IntraWriter

FPS = 25
MAX_SHADED = 15_000
SHADE_SEEN = 0.01  # of the colour's range at full weight
LOOP_S = 20  # one round of the resting head's motion
# long trainings go where nothing changes any more, and beyond what an avatar may hold: log metres, and logits
THINNEST, MOST_OPAQUE = np.log(1e-6), 15.0


@dataclass(frozen=True)
class Identity:
    """Who the avatar is and what may be done with it; goes into avatar.json."""

    id: str
    name: dict[str, str]
    subject: str
    consent: str | dict[str, str]
    licence: str
    training: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Backdrop:
    """What stands behind the head and how the head moves before it, on a loop.

    plates: pictures [H, W, 3] uint8. head [P, 4, 4]. loop: closed or pingpong. expression [P, K]: what the face
    does besides speaking at each pose (None: blinks and glances of the engine's own). crf: the plates' quality.
    """

    plates: Iterable[np.ndarray]
    head: np.ndarray
    loop: str
    expression: np.ndarray | None = None
    crf: int = 8


def export_avatar(
    head: TrainableHead, data: TrainingSet, folder: Path, identity: Identity, backdrop: Backdrop, fps: float = FPS
) -> None:
    """Write the avatar's files, then load them as a stranger's would be and draw the poster with them."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {name: array.detach().numpy() for name, array in head.arrays.items()}
    arrays["scales"] = np.maximum(arrays["scales"], THINNEST)
    arrays["opacities"] = np.clip(arrays["opacities"], -MOST_OPAQUE, MOST_OPAQUE)
    half = {name: arrays[name].astype(np.float16) for name in ("quats", "scales", "opacities", "sh", "head_weight")}
    write_tensors(folder / "gaussians.safetensors", {"means": arrays["means"], "part": arrays["part"], **half})
    rows = shaded_rows(arrays["shade"])
    motion = {name: arrays[name].astype(np.float16) for name in ("basis", "shade")}
    motion = {"basis": motion["basis"], "shade": motion["shade"][:, rows], "shade_rows": rows.astype(np.int32)}
    write_tensors(folder / "motion.safetensors", motion)
    poses = {"head": backdrop.head, "viewmat": data.camera.viewmat, "K": data.camera.K}
    if backdrop.expression is not None:
        poses["expression"] = backdrop.expression
    write_tensors(folder / "poses.safetensors", poses)
    with IntraWriter(folder / "plates.mp4", (data.size, data.size), fps, backdrop.crf) as file:
        for plate in backdrop.plates:
            file.write(plate)
    write_facts(folder, head, data, identity, backdrop.loop, fps)
    write_poster(folder)


def write_facts(
    folder: Path, head: TrainableHead, data: TrainingSet, identity: Identity, loop: str, fps: float
) -> None:
    """Write avatar.json."""
    facts = {
        "format_version": FORMAT_VERSION,
        "id": identity.id,
        "name": identity.name,
        "subject": identity.subject,
        "consent": identity.consent,
        "licence": identity.licence,
        "fps": fps,
        "size": data.size,
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "engine_version": ENGINE_VERSION,
        "sh_degree": int(head.arrays["sh"].shape[1] ** 0.5) - 1,
        "units": list(head.units),
        "plate_loop": loop,
        "training": {**identity.training, "gaussians": len(head)},
    }
    (folder / "avatar.json").write_text(json.dumps(facts, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def resting_backdrop(data: RenderedSet) -> Backdrop:
    """One plate, the torso over the background, and a small head motion of our own before it."""
    background = read_picture(data.folder / "background.png")[..., :3].astype(np.float32) / 255
    plate = np.round(over(data.torso, background) * 255).astype(np.uint8)
    return Backdrop([plate], resting_head(data, FPS), "closed")


def shaded_rows(shade: np.ndarray) -> np.ndarray:
    """The Gaussians whose colour the units change enough to be seen, at most MAX_SHADED of them."""
    strength = np.abs(shade).max(axis=(0, 2))
    strongest = np.argsort(-strength, kind="stable")[:MAX_SHADED]
    return np.sort(strongest[strength[strongest] > SHADE_SEEN])


def write_tensors(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """A safetensors file; its writer takes an array's memory as it lies, so that must be in C order."""
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, str(path))


def write_poster(folder: Path) -> None:
    """The avatar at rest, as the engine draws it."""
    avatar = load_avatar(folder)
    stage = Stage(avatar, avatar.size)
    write_picture(folder / "poster.jpg", stage.draw(np.zeros(len(avatar.units), np.float32), 0.0))
    stage.close()


def resting_head(data: RenderedSet, fps: int) -> np.ndarray:
    """A small head motion that ends as it begins: sines of whole numbers of rounds -> [LOOP_S * fps, 4, 4].

    It turns about the pivot that the training frames turn about, by a part of what they show.
    """
    phase = np.linspace(0, 2 * np.pi, LOOP_S * fps, endpoint=False)
    yaw = 2.2 * np.sin(phase) + 1.0 * np.sin(3 * phase + 1.1) + 0.4 * np.sin(7 * phase + 0.3)
    pitch = 1.0 * np.sin(2 * phase + 0.7) + 0.6 * np.sin(5 * phase + 2.1)
    roll = 0.8 * np.sin(phase + 2.4) + 0.5 * np.sin(4 * phase + 0.2)
    pivot = turning_point(data.head)
    up, forward, side = camera_axes(data)
    head = np.tile(np.eye(4), (len(phase), 1, 1))
    for matrix, angles in zip(head, np.radians(np.stack([yaw, pitch, roll], 1)), strict=True):
        rotation = about(up, angles[0]) @ about(side, angles[1]) @ about(forward, angles[2])
        matrix[:3, :3] = rotation
        matrix[:3, 3] = pivot - rotation @ pivot
    return head.astype(np.float32)


def turning_point(head: np.ndarray) -> np.ndarray:
    """The point [3] that rigid motions [T, 4, 4] move least: (I - R) p = t in the least squares."""
    left = (np.eye(3) - head[:, :3, :3]).reshape(-1, 3)
    return np.linalg.lstsq(left, head[:, :3, 3].reshape(-1), rcond=1e-3)[0]


def camera_axes(data: RenderedSet) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Up, forward and sideways [3] in the world, as the camera sees them."""
    rotation = data.camera.viewmat[:3, :3]
    return -rotation[1], rotation[2], rotation[0]


def about(axis: np.ndarray, angle: float) -> np.ndarray:
    """The rotation [3, 3] about a unit axis by an angle in radians (Rodrigues)."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
