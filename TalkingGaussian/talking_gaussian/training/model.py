"""The trainable head: the same arithmetic as `talking_gaussian.head`, in torch."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from talking_gaussian.head import SH_C0, SH_C1
from talking_gaussian.rendering import Camera
from talking_gaussian.rendering.differentiable import rasterize
from talking_gaussian.rendering.reference import Projection, project
from talking_gaussian.training.views import TrainingSet

LEARNED = ("means", "quats", "scales", "opacities", "sh", "shade", "basis")
CARRIED = ("head_weight", "part")
UNIT_FIRST = ("basis", "shade")  # [K, N, 3]: the Gaussians' axis is the second
FLATNESS = 0.25  # a first skin Gaussian is this thick for its width
STRAND = 4.0  # a first hair Gaussian is this long for its width


class TrainableHead:
    """Learned arrays (torch leaves; `basis` only where it is to change) and carried ones, one row a Gaussian."""

    def __init__(self, arrays: dict[str, Tensor], units: tuple[str, ...], moving_basis: bool = False) -> None:
        """arrays: LEARNED and CARRIED by name; basis and shade are [K, N, 3], the rest [N, ...]."""
        self.units = units
        self.arrays = arrays
        for name in LEARNED:
            arrays[name].requires_grad_(moving_basis or name != "basis")

    def __len__(self) -> int:
        return len(self.arrays["means"])

    def covariances(self) -> Tensor:
        """R S S^T R^T [N, 3, 3] in the canonical space."""
        half = rotations(self.arrays["quats"]) * self.arrays["scales"].exp()[:, None, :]
        return half @ half.transpose(1, 2)

    def draw(
        self, coefficients: Tensor, head: Tensor, camera: Camera, size: tuple[int, int]
    ) -> tuple[Tensor, Projection]:
        """One picture [h, w, 4] of `size` (w, h) px (premultiplied rgb, transmittance) and where the Gaussians fell."""
        a = self.arrays
        moved = a["means"] + torch.einsum("k,knc->nc", coefficients, a["basis"])
        weight = a["head_weight"][:, None, None]
        linear = (1 - weight) * torch.eye(3) + weight * head[:3, :3]
        means = (linear @ moved[..., None])[..., 0] + weight[:, 0] * head[:3, 3]
        covariances = linear @ self.covariances() @ linear.transpose(1, 2)
        projection = project(means, covariances, torch.from_numpy(camera.viewmat), torch.from_numpy(camera.K))
        if projection.means2d.requires_grad:
            projection.means2d.retain_grad()  # densification asks how hard the loss pulls here
        centre = torch.from_numpy(camera.centre.astype(np.float32))
        colors = self.colors(coefficients, head, centre)
        return rasterize(projection, a["opacities"].sigmoid(), colors, size), projection

    def colors(self, coefficients: Tensor, head: Tensor, centre: Tensor) -> Tensor:
        """[N, 3] as seen from the camera's centre, directions taken in the head's frame."""
        a = self.arrays
        shade = torch.einsum("k,knc->nc", coefficients, a["shade"])
        colors = a["sh"][:, 0] * float(SH_C0) + 0.5 + shade
        if a["sh"].shape[1] > 1:
            seen_from = head[:3, :3].T @ (centre - head[:3, 3])
            x, y, z = torch.nn.functional.normalize(a["means"].detach() - seen_from, dim=1).unbind(1)
            colors = colors + float(SH_C1) * (
                -y[:, None] * a["sh"][:, 1] + z[:, None] * a["sh"][:, 2] - x[:, None] * a["sh"][:, 3]
            )
        return colors


def rotations(quats: Tensor) -> Tensor:
    """Quaternions [N, 4] wxyz of any length -> rotation matrices [N, 3, 3]."""
    w, x, y, z = torch.nn.functional.normalize(quats, dim=1).unbind(1)
    rows = [
        *(1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        *(2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        *(2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    ]
    return torch.stack(rows, -1).reshape(-1, 3, 3)


def first_head(data: TrainingSet, sh_degree: int) -> TrainableHead:
    """Gaussians on the dataset's points: flat on skin, long along strands."""
    init = data.init
    count, strand = len(init["means"]), np.isin(init["part"], strand_parts(data))
    along = np.where(strand, STRAND, 1.0)
    extents = init["extents"].astype(np.float64) * 0.5
    scales = np.log(np.stack([extents * along, extents, extents * np.where(strand, 1.0, FLATNESS)], 1))
    sh = np.zeros((count, (sh_degree + 1) ** 2, 3), np.float32)
    sh[:, 0] = (init["colors"] - 0.5) / SH_C0
    arrays = {
        "means": init["means"],
        "quats": frames_to_quats(init["tangents"], init["normals"]),
        "scales": scales,
        "opacities": np.full(count, math.log(0.7 / 0.3)),
        "sh": sh,
        "shade": np.zeros((len(data.units), count, 3)),
        "basis": init["basis"],
        "head_weight": init["head_weight"],
    }
    tensors = {name: torch.tensor(np.asarray(array, dtype=np.float32)) for name, array in arrays.items()}
    tensors["part"] = torch.tensor(init["part"].astype(np.uint8))
    return TrainableHead(tensors, data.units)


def parted(head: TrainableHead, rows: Tensor) -> TrainableHead:
    """The Gaussians `rows` (indices) of a head, as a head of their own."""
    return TrainableHead({name: rows_of(name, array.detach(), rows) for name, array in head.arrays.items()}, head.units)


def moved(head: TrainableHead, device: torch.device) -> TrainableHead:
    """The head with its arrays in the memory of `device`; itself where they are there already."""
    if head.arrays["means"].device == device:
        return head
    arrays = {name: array.detach().to(device) for name, array in head.arrays.items()}
    return TrainableHead(arrays, head.units, head.arrays["basis"].requires_grad)


def united(heads: list[TrainableHead], moving_basis: bool = False) -> TrainableHead:
    """One head with the Gaussians of several."""
    arrays = {
        name: torch.cat([head.arrays[name].detach() for head in heads], 1 if name in UNIT_FIRST else 0)
        for name in heads[0].arrays
    }
    return TrainableHead(arrays, heads[0].units, moving_basis)


def rows_of(name: str, array: Tensor, rows: Tensor) -> Tensor:
    """The Gaussians `rows` of one of the head's arrays."""
    return array[:, rows].contiguous() if name in UNIT_FIRST else array[rows].contiguous()


def strand_parts(data: TrainingSet) -> list[int]:
    """Numbers of the parts made of hairs."""
    return [number for number, name in enumerate(data.part_names) if name in ("hair", "brow", "lash")]


def frames_to_quats(tangents: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Axes (tangent, normal x tangent, normal) -> quaternions [N, 4] wxyz.

    Method: the eigenvector of Bar-Itzhack's matrix (2000), which has no singular orientation.
    """
    z = normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    x = tangents - (tangents * z).sum(1, keepdims=True) * z
    fallback = np.where(np.abs(z[:, :1]) < 0.9, [[1.0, 0, 0]], [[0, 1.0, 0]])
    fallback = fallback - (fallback * z).sum(1, keepdims=True) * z
    x = np.where(np.linalg.norm(x, axis=1, keepdims=True) > 1e-4, x, fallback)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    m = np.stack([x, np.cross(z, x), z], -1).astype(np.float64)
    k = np.empty((len(m), 4, 4))
    k[:, :3, :3] = m + m.transpose(0, 2, 1) - np.trace(m, axis1=1, axis2=2)[:, None, None] * np.eye(3)
    k[:, 3, 3] = np.trace(m, axis1=1, axis2=2)
    k[:, :3, 3] = np.stack([m[:, 2, 1] - m[:, 1, 2], m[:, 0, 2] - m[:, 2, 0], m[:, 1, 0] - m[:, 0, 1]], -1)
    k[:, 3, :3] = k[:, :3, 3]
    vectors = np.linalg.eigh(k)[1][:, :, 3]
    return np.ascontiguousarray(vectors[:, [3, 0, 1, 2]], dtype=np.float32)
