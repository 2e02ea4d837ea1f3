"""The training frames in a card's memory: eight bytes a pixel, decoded once where there is room for all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch

from talking_gaussian.training.card.loss_kernels import CHANNELS
from talking_gaussian.training.ssim_kernels import SIDE
from talking_gaussian.training.views import Glimpse, LayeredSet, Layers

MOST_BYTES = 2_000_000_000
FREE_SHARE = 0.4  # of the card's free memory


class Upload(NamedTuple):
    """A frame that is to take a slot."""

    slot: int
    layers: Layers


class CardBatch(NamedTuple):
    """Frames to learn from, the slots they lie in, the backdrops [B, 3], and what must be sent there first."""

    numbers: tuple[int, ...]
    slots: tuple[int, ...]
    backdrops: np.ndarray
    uploads: list[Upload]


class CardFrames:
    """Slots for packed frames on the card: pixels [S, H, W, 8] uint8, boxes [S, 4] and sums of weights [S, 2]."""

    def __init__(self, size: int, frames: int, batch: int, device: torch.device) -> None:
        """size: side of the frames, px. frames: how many there are; all stay on the card if they fit, and at least a
        batch does."""
        self.room = max(batch, min(frames, room_for(size, device)))
        self.pixels = torch.empty((self.room, size, size, CHANNELS), dtype=torch.uint8, device=device)
        self.boxes = torch.empty((self.room, 4), dtype=torch.int32, device=device)
        self.sums = torch.empty((self.room, 2), dtype=torch.float32, device=device)

    def put(self, upload: Upload) -> None:
        """Send a frame to its slot."""
        slot, layers = upload
        self.pixels[slot].copy_(torch.from_numpy(layers.packed()))
        rows, columns = layers.box
        self.boxes[slot] = torch.tensor([rows.start, rows.stop, columns.start, columns.stop], dtype=torch.int32)
        inner = layers.weight[rows, columns][SIDE:-SIDE, SIDE:-SIDE]
        whole = layers.weight[rows, columns].sum(dtype=np.int64)
        self.sums[slot] = torch.tensor([float(whole), float(inner.sum(dtype=np.int64))])


def room_for(size: int, device: torch.device) -> int:
    """How many frames of `size` px a card may keep."""
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else MOST_BYTES
    return int(min(MOST_BYTES, FREE_SHARE * free) // (size * size * CHANNELS))


def card_batches(data: LayeredSet, glimpses: Iterator[list[Glimpse]], room: int) -> Iterator[CardBatch]:
    """Glimpses -> batches; a frame that is not on the card takes the slot of the one that came there first."""
    slots: dict[int, int] = {}
    for batch in glimpses:
        uploads = []
        here = {glimpse.number for glimpse in batch}
        for number in sorted(here - slots.keys()):
            slot = len(slots)
            if slot >= room:
                oldest = next(other for other in slots if other not in here)
                slot = slots.pop(oldest)
            slots[number] = slot
            uploads.append(Upload(slot, data.layers(number)))
        numbers = tuple(glimpse.number for glimpse in batch)
        backdrops = np.stack([glimpse.backdrop for glimpse in batch])
        yield CardBatch(numbers, tuple(slots[number] for number in numbers), backdrops, uploads)
