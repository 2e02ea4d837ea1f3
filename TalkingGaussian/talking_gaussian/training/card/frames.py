"""The training frames in a card's memory: eight bytes a pixel, decoded once where there is room for all."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
import warp as wp

from talking_gaussian.devices import cores
from talking_gaussian.training.card.loss_kernels import CHANNELS
from talking_gaussian.training.ssim_kernels import SIDE
from talking_gaussian.training.views import Glimpse, LayeredSet

MOST_BYTES = 2_000_000_000
FREE_SHARE = 0.4  # of the card's free memory
MOST_THREADS = 12  # that decode frames


class PackedFrame(NamedTuple):
    """A frame as the card keeps it: pixels [H, W, 8] uint8, box (top, bottom, left, right), and the sums of its weights
    there and where whole windows fit."""

    pixels: np.ndarray
    box: tuple[int, int, int, int]
    sums: tuple[float, float]


class Upload(NamedTuple):
    """A frame that is to take a slot, and is being decoded."""

    slot: int
    frame: Future[PackedFrame]


class CardBatch(NamedTuple):
    """Frames to learn from, the slots they lie in, the backdrops [B, 3], the face's coefficients [B, K], and what must
    be sent there first."""

    numbers: tuple[int, ...]
    slots: tuple[int, ...]
    backdrops: np.ndarray
    coefficients: np.ndarray
    uploads: list[Upload]


class CardFrames:
    """Slots for packed frames on the card: pixels [S, H, W, 8] uint8, boxes [S, 4] and sums of weights [S, 2]."""

    def __init__(self, size: int, room: int, device: torch.device) -> None:
        """size: side of the frames, px. room: how many there is room for."""
        self.room = room
        self.pixels = torch.empty((self.room, size, size, CHANNELS), dtype=torch.uint8, device=device)
        self.boxes = torch.empty((self.room, 4), dtype=torch.int32, device=device)
        self.sums = torch.empty((self.room, 2), dtype=torch.float32, device=device)
        kinds = ((self.pixels, wp.uint8), (self.boxes, wp.vec4i), (self.sums, wp.vec2))
        self.shared = tuple(wp.from_torch(array, dtype=kind) for array, kind in kinds)
        """pixels, boxes and sums as Warp's arrays of the same memory"""

    def put(self, upload: Upload) -> None:
        """Send a frame to its slot."""
        frame = upload.frame.result()
        self.pixels[upload.slot].copy_(torch.from_numpy(frame.pixels))
        self.boxes[upload.slot] = torch.tensor(frame.box, dtype=torch.int32)
        self.sums[upload.slot] = torch.tensor(frame.sums)


def packed_frame(data: LayeredSet, number: int) -> PackedFrame:
    """A training frame as the card keeps it."""
    layers = data.layers(number)
    rows, columns = layers.box
    weight = layers.weight[layers.box]
    inner = weight[SIDE:-SIDE, SIDE:-SIDE]
    sums = (float(weight.sum(dtype=np.int64)), float(inner.sum(dtype=np.int64)))
    return PackedFrame(layers.packed(), (rows.start, rows.stop, columns.start, columns.stop), sums)


def room_for(size: int, device: torch.device) -> int:
    """How many frames of `size` px a card may keep."""
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else MOST_BYTES
    return int(min(MOST_BYTES, FREE_SHARE * free) // (size * size * CHANNELS))


def card_batches(data: LayeredSet, glimpses: Iterator[list[Glimpse]], room: int) -> Iterator[CardBatch]:
    """Glimpses -> batches; a frame that is not on the card takes the slot of the one that came there first. Frames are
    decoded by several threads while the batches wait to be learnt from."""
    with ThreadPoolExecutor(min(MOST_THREADS, cores()), "frames") as pool:
        slots: dict[int, int] = {}
        for batch in glimpses:
            uploads = []
            here = {glimpse.number for glimpse in batch}
            for number in sorted(here - slots.keys()):
                slots[number] = free_slot(slots, here, room)
                uploads.append(Upload(slots[number], pool.submit(packed_frame, data, number)))
            numbers = tuple(glimpse.number for glimpse in batch)
            backdrops = np.stack([glimpse.backdrop for glimpse in batch])
            coefficients = np.stack([glimpse.coefficients for glimpse in batch])
            yield CardBatch(numbers, tuple(slots[number] for number in numbers), backdrops, coefficients, uploads)


def free_slot(slots: dict[int, int], needed: set[int], room: int) -> int:
    """A slot that is not taken, or that of the frame that came first of those that are not needed, which goes."""
    if len(slots) < room:
        return len(slots)
    return slots.pop(next(number for number in slots if number not in needed))
