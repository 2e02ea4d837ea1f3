"""Several cards that train one head together: one process a card, each with its share of a step's frames.

The gradients are added up over all of them (data parallel training; Li et al. 2020, "PyTorch Distributed"), so that all
take the same step and their heads stay alike. The program that was started is the first: it starts the others
(helpers.py), and alone looks at held-out frames, saves and speaks.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor

JOIN_S = 180.0  # within which all must be there


class Team:
    """A process's place among those that train together: rank 0 is the first of `size`."""

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size

    @property
    def first(self) -> bool:
        """Whether this is the process that was started."""
        return self.rank == 0

    def add_up(self, tensors: Iterable[Tensor]) -> None:
        """Make each tensor the sum of everybody's, in place."""
        for tensor in tensors if self.size > 1 else ():
            dist.all_reduce(tensor)

    def least(self, number: int, device: torch.device) -> int:
        """The smallest of everybody's numbers."""
        if self.size == 1:
            return number
        told = torch.tensor([number], device=device)
        dist.all_reduce(told, dist.ReduceOp.MIN)
        return int(told.item())

    def leave(self) -> None:
        """Be alone again."""
        if self.size > 1:
            dist.destroy_process_group()
            self.rank, self.size = 0, 1


def joined(rank: int, size: int, meeting: Path, device: torch.device) -> Team:
    """Meet the others, through a file that does not exist yet. Raises RuntimeError where they do not come."""
    for name in ("NCCL_SOCKET_IFNAME", "GLOO_SOCKET_IFNAME"):
        os.environ.setdefault(name, "lo")  # all are on this machine, and nobody else need hear of it
    backend = "nccl" if device.type == "cuda" else "gloo"
    address = f"file://{meeting}"
    dist.init_process_group(backend, address, rank=rank, world_size=size, timeout=timedelta(seconds=JOIN_S))
    return Team(rank, size)
