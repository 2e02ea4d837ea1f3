"""Our kernels for NVIDIA cards beside gsplat's (Ye et al. 2024): how fast each draws the same scene, and finds its
gradients, and how far both are from the reference renderer.

PYTHONPATH=TalkingGaussian python benchmarks/rendering_gsplat.py [--gpu ID] [--avatar DIR] [--json FILE]
Runs where warp-lang, torch with CUDA and gsplat are installed. `--gpu test` compares ours on Warp's CPU device, without
gsplat, with the reference: for looking at this program, not for figures.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
import warp as wp
from talking_gaussian import devices
from talking_gaussian.avatar import Avatar, load_avatar
from talking_gaussian.head import Head
from talking_gaussian.rendering import Camera, reference, warp_raster
from talking_gaussian.rendering import warp_kernels as kernels
from talking_gaussian.rendering.constants import ALPHA_MIN, LOW_PASS, NEAR
from talking_gaussian.rendering.warp_tiles import TileLists
from torch import Tensor

PROJECT = Path(__file__).resolve().parents[1]
SIZES, FORWARD, BOTH = (512, 1024), (1, 16), (1, 8)  # px; frames at once
ROUNDS, WARM = 60, 10
CROP = 48  # px, what the reference draws
SPLAT_ARRAYS = ("centres", "conics", "opacities", "colours")


@dataclass(frozen=True)
class Scene:
    """B frames of N posed Gaussians on the device: means [B, N, 3], covariances [B, N, 6] (upper triangle), opacities
    [B, N], colors [B, N, 3]; the camera; (width, height) px."""

    camera: Camera
    size: tuple[int, int]
    means: Tensor
    covariances: Tensor
    opacities: Tensor
    colors: Tensor

    @property
    def frames(self) -> int:
        """B."""
        return len(self.means)

    @property
    def gaussians(self) -> int:
        """N."""
        return self.means.shape[1]


class Ours:
    """The kernels of rendering/warp_kernels as a video (`forward`) and training (`splats_forward`, `backward`) launch
    them."""

    def __init__(self, scene: Scene, waits: bool = True) -> None:
        """waits: as in TileLists; training does not wait."""
        self._frames, self._gaussians = scene.frames, scene.gaussians
        self._device = wp.device_from_torch(scene.means.device)
        count, (width, height) = scene.frames * scene.gaussians, scene.size
        self._tiles = TileLists(scene.size, count, scene.frames, self._device, waits)
        self._lens = self._tiles.lens(scene.camera.K)
        self._view = wp.mat44(*scene.camera.viewmat.astype(np.float32).flatten().tolist())
        self._means = wp.from_torch(scene.means.reshape(count, 3), dtype=wp.vec3)
        self._covariances = wp.from_torch(scene.covariances.reshape(count, 6))
        self._opacities = wp.from_torch(scene.opacities.reshape(count))
        self._colors = wp.from_torch(scene.colors.reshape(count, 3), dtype=wp.vec3)
        self._centres, self._conics = self._array(count, wp.vec2), self._array(count, wp.vec3)
        self._depths, self._canvas = self._array(count, float), self._array((scene.frames, height, width), wp.vec4)
        kinds = (wp.vec2, wp.vec3, wp.float32, wp.vec3)
        self._by_splats = [self._array(count, kind) for kind in kinds]

    def forward(self) -> Tensor:
        """Gaussians -> [B, H, W, 4] premultiplied rgb and transmittance."""
        inputs = [self._means, self._covariances, self._opacities, self._view, self._lens]
        outputs = [self._centres, self._conics, self._depths, self._tiles.spans, self._tiles.counts]
        self._launch(kernels.project, len(self._means), inputs, outputs)
        return self._draw()

    def splats_forward(self) -> Tensor:
        """What `forward` projected before -> [B, H, W, 4]."""
        inputs = [self._centres, self._conics, self._opacities, self._depths, self._lens]
        self._launch(kernels.span_tiles, len(self._means), inputs, [self._tiles.spans, self._tiles.counts])
        return self._draw()

    def backward(self, pull: Tensor) -> list[Tensor]:
        """dL/d canvas [B, H, W, 4] -> gradients by the splats' SPLAT_ARRAYS [B * N, ...]."""
        for array in self._by_splats:
            array.zero_()
        inputs = [*self._drawn(), self._canvas, wp.from_torch(pull, dtype=wp.vec4)]
        self._launch(warp_raster.gradient, self._tiles.threads(self._frames), inputs, self._by_splats)
        return [wp.to_torch(array) for array in self._by_splats]

    def _draw(self) -> Tensor:
        self._tiles.sort(self._lens, self._depths, len(self._means), self._gaussians)
        self._launch(warp_raster.draw_canvas, self._tiles.threads(self._frames), self._drawn(), [self._canvas])
        return wp.to_torch(self._canvas)

    def _drawn(self) -> list[Any]:
        return [*self._tiles.arrays(), self._centres, self._conics, self._opacities, self._colors, self._lens]

    def _launch(self, kernel: Any, threads: int, inputs: list[Any], outputs: list[Any]) -> None:
        wp.launch(kernel, threads, inputs, outputs, device=self._device, block_dim=kernels.TILE_PIXELS)

    def _array(self, shape: Any, dtype: Any) -> Any:
        return wp.zeros(shape, dtype=dtype, device=self._device)


class Gsplat:
    """gsplat with our low pass and near plane, no antialiasing of opacities, nothing packed (a face is all in view)."""

    TILE = 16  # px, its own default

    def __init__(self, scene: Scene) -> None:
        device, frames = scene.means.device, scene.frames
        self._scene = scene
        self._views = torch.from_numpy(scene.camera.viewmat.astype(np.float32)).to(device).expand(frames, 1, 4, 4)
        self._lenses = torch.from_numpy(scene.camera.K.astype(np.float32)).to(device).expand(frames, 1, 3, 3)
        self._whole = reference.full_covariances(scene.covariances.reshape(-1, 6)).reshape(frames, -1, 3, 3)
        self._colors = scene.colors[:, None].clone().requires_grad_()
        self._opacities = scene.opacities[:, None].clone().requires_grad_()
        self._drawn: tuple[Tensor, ...] = ()

    def forward(self) -> Tensor:
        """Gaussians -> [B, H, W, 4] premultiplied rgb and transmittance, by its own door."""
        from gsplat import rasterization

        s, (width, height) = self._scene, self._scene.size
        given = (s.opacities, s.colors, self._views, self._lenses, width, height)
        settings = {"eps2d": LOW_PASS, "near_plane": NEAR, "packed": False, "covars": self._whole}
        with torch.no_grad():
            colors, alphas, _ = rasterization(s.means, None, None, *given, **settings)
        return torch.cat([colors, 1 - alphas], -1)[:, 0]

    @cached_property
    def _splats(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Projected once: radii, depths, and the leaves means2d and conics."""
        from gsplat import fully_fused_projection

        s, (width, height) = self._scene, self._scene.size
        given = (s.means, s.covariances, None, None, self._views, self._lenses, width, height)
        settings = {"eps2d": LOW_PASS, "near_plane": NEAR, "packed": False, "opacities": s.opacities}
        radii, means2d, depths, conics, _ = fully_fused_projection(*given, **settings)
        return radii, depths, means2d.detach().requires_grad_(), conics.detach().requires_grad_()

    def splats_forward(self) -> tuple[Tensor, Tensor]:
        """Projected splats -> premultiplied rgb [B, 1, H, W, 3] and coverage [B, 1, H, W, 1]."""
        from gsplat import isect_offset_encode, isect_tiles, rasterize_to_pixels

        radii, depths, means2d, conics = self._splats
        width, height = self._scene.size
        columns, rows = -(-width // self.TILE), -(-height // self.TILE)
        with torch.no_grad():
            _, keys, order = isect_tiles(means2d, radii, depths, self.TILE, columns, rows)
            starts = isect_offset_encode(keys, self._scene.frames, columns, rows)
        places = (width, height, self.TILE, starts.reshape(-1, 1, rows, columns), order)
        self._drawn = rasterize_to_pixels(means2d, conics, self._colors, self._opacities, *places)
        return self._drawn

    def backward(self, pull: Tensor) -> list[Tensor]:
        """dL/d canvas [B, H, W, 4] of what `splats_forward` drew -> gradients by SPLAT_ARRAYS [B * N, ...]."""
        leaves = (*self._splats[2:], self._opacities, self._colors)
        given = (pull[:, None, ..., :3], -pull[:, None, ..., 3:])
        found = torch.autograd.grad(self._drawn, leaves, given)
        return [gradient.reshape(-1, *gradient.shape[3:]) for gradient in found]


def main() -> None:
    """Print a table of times and ratios, then the distances."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--avatar", type=Path, default=PROJECT / "TalkingGaussian" / "avatars" / "presenter")
    parser.add_argument("--gpu", default="0")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    options = parser.parse_args()
    avatar, device = load_avatar(options.avatar), torch.device("cpu")
    told: dict[str, Any] = {"gaussians": len(avatar.means), "times": [], "distances": []}
    if options.gpu == "test":
        wp.init()
    else:
        told["card"], device = opened(options.gpu), torch.device("cuda:0")
        # both on one stream, so that torch's events time Warp's kernels
        wp.set_stream(wp.stream_from_torch(torch.cuda.current_stream()), "cuda:0")
        print(f"{told['card']}, {len(avatar.means)} Gaussians; milliseconds a call (median of {ROUNDS}), kernels alone")
        told["times"] = times(avatar, device)
    told["distances"] = distances(avatar, device)
    if options.json:
        options.json.write_text(json.dumps(told, indent=1))


def opened(gpu: str) -> str:
    """Take the card and say which it is."""
    if importlib.util.find_spec("gsplat") is None:
        raise SystemExit("gsplat is not installed: pip install gsplat (it compiles its kernels with nvcc at first use)")
    chosen = devices.choose(gpu)
    if chosen.gpu is None:
        raise SystemExit(chosen.en)
    devices.take(chosen.gpu)
    wp.init()
    import gsplat

    versions = f"torch {torch.__version__}, warp {wp.__version__}, gsplat {gsplat.__version__}"
    return f"{chosen.gpu.name}, driver {chosen.gpu.driver}, {versions}"


def posed(avatar: Avatar, frames: int, camera: Camera, size: tuple[int, int], device: torch.device) -> Scene:
    """The avatar in so many random expressions and heads of its loop."""
    rng, head = np.random.default_rng(0), Head(avatar)
    places = np.linspace(0, len(avatar.head) - 1, frames).astype(int)
    splats = []
    for place in places:
        drawn = head.pose(rng.random(len(avatar.units), np.float32) * 0.3, avatar.head[place], camera)
        splats.append([drawn.means, drawn.covariances, drawn.opacities, drawn.colors])
    arrays = [np.ascontiguousarray(np.stack(rows), np.float32) for rows in zip(*splats, strict=True)]
    return Scene(camera, size, *(torch.from_numpy(array).to(device) for array in arrays))


def times(avatar: Avatar, device: torch.device) -> list[dict[str, Any]]:
    """Time drawing, and drawing with gradients."""
    rows = []
    for size in SIZES:
        camera = Camera(avatar.viewmat, avatar.K).resized(size / avatar.size)
        for frames in FORWARD:
            scene = posed(avatar, frames, camera, (size, size), device)
            rows.append(row("project, sort, draw", size, frames, Ours(scene).forward, Gsplat(scene).forward))
        for frames in BOTH:
            scene = posed(avatar, frames, camera, (size, size), device)
            pull = torch.randn(frames, size, size, 4, device=device)
            ours, theirs = Ours(scene, waits=False), Gsplat(scene)
            ours.forward()
            actions = [learning(one, pull) for one in (ours, theirs)]
            rows.append(row("sort, draw, gradients", size, frames, *actions))
    return rows


def learning(by: Ours | Gsplat, pull: Tensor) -> Callable[[], object]:
    """Drawing projected splats and finding their gradients, as one action."""

    def both() -> object:
        by.splats_forward()
        return by.backward(pull)

    return both


def row(what: str, size: int, frames: int, ours: Callable[[], object], theirs: Callable[[], object]) -> dict[str, Any]:
    """Time both and print a line."""
    found: dict[str, Any] = {"what": what, "size": size, "frames": frames}
    for name, action in (("ours", ours), ("gsplat", theirs)):
        found[f"{name}_ms"], found[f"{name}_kernels_ms"] = milliseconds(action), kernel_milliseconds(action)
    found["ratio"] = found["gsplat_ms"] / found["ours_ms"]
    found["kernels_ratio"] = found["gsplat_kernels_ms"] / max(found["ours_kernels_ms"], 1e-9)
    print(
        f"{what:22s} {size:5d} px {frames:3d} frames: ours {found['ours_ms']:7.3f} ({found['ours_kernels_ms']:7.3f})"
        f"  gsplat {found['gsplat_ms']:7.3f} ({found['gsplat_kernels_ms']:7.3f})"
        f"  ours is {found['ratio']:.2f} x as fast ({found['kernels_ratio']:.2f} x)",
        flush=True,
    )
    return found


def milliseconds(action: Callable[[], object]) -> float:
    """The median time of a call by the card's clock, waits of the card for the program included."""
    for _ in range(WARM):
        action()
    torch.cuda.synchronize()
    events = [(torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)) for _ in range(ROUNDS)]
    for began, ended in events:
        began.record()
        action()
        ended.record()
    torch.cuda.synchronize()
    return float(np.median([began.elapsed_time(ended) for began, ended in events]))


def kernel_milliseconds(action: Callable[[], object], calls: int = 10) -> float:
    """What the card's kernels and copies take for one call, gaps between them left out; 0 where nothing was seen."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CUDA]) as seen:
        for _ in range(calls):
            action()
        torch.cuda.synchronize()
    return sum(event.self_device_time_total for event in seen.key_averages()) / 1000 / calls


def distances(avatar: Avatar, device: torch.device) -> list[dict[str, Any]]:
    """How far each is from the reference, drawn in double precision, in the picture's middle; and from each other in a
    whole picture."""
    rows = []
    for size in SIZES:
        whole = Camera(avatar.viewmat, avatar.K).resized(size / avatar.size)
        corner = size // 2 - CROP // 2
        scene = posed(avatar, 1, whole.cropped(corner, corner), (CROP, CROP), device)
        pull = torch.randn(1, CROP, CROP, 4, generator=torch.Generator().manual_seed(1))
        expected = by_reference(scene, pull)
        found = {"ours": drawn(Ours(scene), pull.to(device))}
        if device.type == "cuda":
            found["gsplat"] = drawn(Gsplat(scene), pull.to(device))
        rows += [distance(name, size, *values, *expected) for name, values in found.items()]
        if device.type == "cuda":
            scene = posed(avatar, 1, whole, (size, size), device)
            off = 255 * (Ours(scene).forward() - Gsplat(scene).forward()).abs()
            print(f"{size} px whole: ours from gsplat at most {off.max():.3f} grey levels, mean {off.mean():.5f}")
            rows.append({"of": "ours from gsplat", "size": size, "levels": float(off.max())})
    return rows


def drawn(by: Ours | Gsplat, pull: Tensor) -> tuple[Tensor, list[Tensor]]:
    """A picture [1, H, W, 4] and the gradients by splats."""
    canvas = by.forward().clone()
    by.splats_forward()
    return canvas.cpu(), [gradient.detach().cpu() for gradient in by.backward(pull)]


def by_reference(scene: Scene, pull: Tensor) -> tuple[Tensor, list[Tensor]]:
    """The same by rendering/reference in double precision; splats that do not reach the picture are left out."""
    means, covariances, opacities, colors = (
        array[0].double().cpu() for array in (scene.means, scene.covariances, scene.opacities, scene.colors)
    )
    view, K = (torch.from_numpy(array).double() for array in (scene.camera.viewmat, scene.camera.K))
    splats = reference.project(means, reference.full_covariances(covariances), view, K)
    a, b, c = splats.conics.unbind(1)
    reach = 2 * (opacities.clamp(min=ALPHA_MIN) / ALPHA_MIN).log() / (a * c - b * b)
    half, limit = torch.stack([(reach * c).sqrt(), (reach * a).sqrt()], 1), torch.tensor(scene.size)
    near = ((splats.means2d + half > 0) & (splats.means2d - half < limit)).all(1) & (splats.depths > NEAR)
    leaves = [array[near].requires_grad_() for array in (splats.means2d, splats.conics, opacities, colors)]
    projection = reference.Projection(leaves[0], leaves[1], splats.depths[near])
    rgb, transmittance = reference.composite(projection, leaves[2], leaves[3], scene.size)
    canvas = torch.cat([rgb, transmittance[..., None]], -1)[None]
    found = torch.autograd.grad((canvas * pull).sum(), leaves)
    spread = [torch.zeros(len(near), *part.shape[1:], dtype=part.dtype) for part in found]
    for there, part in zip(spread, found, strict=True):
        there[near] = part
    return canvas.detach(), spread


def distance(
    name: str, size: int, canvas: Tensor, gradients: list[Tensor], right: Tensor, slopes: list[Tensor]
) -> dict[str, Any]:
    """Print and return how far a picture and gradients are from the right ones."""
    levels = float(255 * (canvas - right).abs().max())
    off = {
        array: float((ours - theirs).norm() / theirs.norm())
        for array, ours, theirs in zip(SPLAT_ARRAYS, gradients, slopes, strict=True)
    }
    told = ", ".join(f"{array} {100 * value:.3f} %" for array, value in off.items())
    print(f"{size} px, a crop of {CROP}: {name} from the reference {levels:.3f} grey levels; gradients by {told}")
    return {"of": f"{name} from the reference", "size": size, "levels": levels, "gradients": off}


if __name__ == "__main__":
    main()
