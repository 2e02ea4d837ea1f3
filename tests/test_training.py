"""Training on pictures that a known head drew: it must find its way back."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from talking_gaussian.progress import Progress  # noqa: E402
from talking_gaussian.rendering import Camera  # noqa: E402
from talking_gaussian.training.evaluation import evaluate  # noqa: E402
from talking_gaussian.training.export import Identity, export_avatar, resting_backdrop, turning_point  # noqa: E402
from talking_gaussian.training.learner import CpuLearner  # noqa: E402
from talking_gaussian.training.losses import psnr, ssim_map  # noqa: E402
from talking_gaussian.training.model import TrainableHead, first_head, frames_to_quats, rotations  # noqa: E402
from talking_gaussian.training.optimizer import GaussianOptimizer  # noqa: E402
from talking_gaussian.training.pictures import over, read_picture, write_picture  # noqa: E402
from talking_gaussian.training.rendered_set import RenderedSet, load_rendered_set  # noqa: E402
from talking_gaussian.training.settings import TrainSettings  # noqa: E402
from talking_gaussian.training.ssim_kernels import dissimilarity  # noqa: E402
from talking_gaussian.training.trainer import Run, drop_unseen, glimpses, learn, train  # noqa: E402

SIZE, FRAMES, UNITS = 64, 6, 3


def write_rgba(path: Path, picture: np.ndarray) -> None:
    """A PNG with an alpha channel (the dataset's own writer is for previews and has none)."""
    import av

    with av.open(str(path), "w", format="image2", options={"update": "1"}) as container:
        stream = container.add_stream("png")
        stream.width, stream.height, stream.pix_fmt = picture.shape[1], picture.shape[0], "rgba"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgba")))
        container.mux(stream.encode(None))


def write_dataset(folder: Path, count: int = 120) -> Path:
    """Coloured points on a disc that two units stretch and one pose turns; frames are drawn by the model itself."""
    rng = np.random.default_rng(0)
    (folder / "frames").mkdir(parents=True)
    means = np.stack([*rng.uniform(-0.15, 0.15, (2, count)), np.zeros(count)], 1).astype(np.float32)
    basis = np.zeros((UNITS, count, 3), np.float16)
    basis[0, :, 1], basis[1, :, 0] = means[:, 1] * 0.3, means[:, 0] * 0.3
    viewmat, K = np.eye(4, dtype=np.float32), np.array([[133, 0, 32], [0, 133, 32], [0, 0, 1]], np.float32)
    viewmat[2, 3] = 1
    arrays = {
        "means": means,
        "normals": np.tile(np.float32([0, 0, -1]), (count, 1)),
        "tangents": np.tile(np.float32([1, 0, 0]), (count, 1)),
        "extents": np.full(count, 0.05, np.float32),
        "colors": rng.random((count, 3)).astype(np.float32),
        "basis": basis,
        "head_weight": np.ones(count, np.float32),
        "part": (np.arange(count) % 2).astype(np.uint8),
    }
    np.savez(folder / "init.npz", part_names=np.array(["skin", "teeth_upper"]), **arrays)
    head = np.tile(np.eye(4, dtype=np.float32), (FRAMES, 1, 1))
    head[:, 0, 3] = np.linspace(-0.02, 0.02, FRAMES)
    np.savez(
        folder / "frames.npz",
        coeffs=rng.random((FRAMES, UNITS)).astype(np.float32),
        head=head,
        units=np.array(["jawOpen", "mouthStretchLeft", "eyeBlinkLeft"]),
        viewmat=viewmat,
        K=K,
        is_test=np.arange(FRAMES) == FRAMES - 1,
    )
    blank = np.zeros((SIZE, SIZE, 4), np.uint8)
    write_rgba(folder / "torso.png", blank)
    write_rgba(folder / "frames" / "00000.png", blank)
    data = load_rendered_set(folder)
    true_head = first_head(data, 1)
    for number in range(FRAMES):
        coefficients, pose = torch.from_numpy(data.coeffs[number]), torch.from_numpy(data.head[number])
        canvas, _ = true_head.draw(coefficients, pose, data.camera, (SIZE, SIZE))
        rgb, alpha = canvas[..., :3].detach().numpy(), 1 - canvas[..., 3:].detach().numpy()
        picture = np.concatenate([rgb / np.maximum(alpha, 1e-3), alpha], -1)
        write_rgba(folder / "frames" / f"{number:05d}.png", (picture.clip(0, 1) * 255 + 0.5).astype(np.uint8))
    with np.load(folder / "init.npz") as file:  # what training starts from knows neither colours nor places well
        worse = {
            **file,
            "colors": np.full((count, 3), 0.5, np.float32),
            "means": means + rng.normal(0, 0.004, means.shape),
        }
    np.savez(folder / "init.npz", **worse)
    return folder


def trained(data: RenderedSet, folder: Path, settings: TrainSettings) -> TrainableHead:
    """A short training from the data set's own first cloud."""
    return train(data, first_head(data, 1), folder, settings, Progress(["train"]))


def test_training_finds_colours_and_places_of_frames_it_never_saw(tmp_path: Path) -> None:
    data = load_rendered_set(write_dataset(tmp_path / "data"))
    settings = TrainSettings(steps=250, eval_every=250, densify_from=100, densify_until=150, densify_every=50)
    before = evaluate(first_head(data, 1), data, tmp_path / "before.jpg")["psnr"]
    head = trained(data, tmp_path / "work", settings)
    after = evaluate(head, data, tmp_path / "after.jpg")["psnr"]
    assert after > before + 6
    assert len(head) != 120
    assert (tmp_path / "work" / "settings.json").is_file()


def test_the_same_seed_gives_the_same_avatar(tmp_path: Path) -> None:
    data = load_rendered_set(write_dataset(tmp_path / "data"))
    settings = TrainSettings(steps=30, eval_every=30)
    first, second = (trained(data, tmp_path / name, settings).arrays["means"] for name in "ab")
    assert torch.equal(first, second)


def test_the_torch_head_draws_what_the_engine_draws(tmp_path: Path) -> None:
    from avatars import write_avatar
    from talking_gaussian.avatar import load_avatar
    from talking_gaussian.stage import Stage

    avatar = load_avatar(write_avatar(tmp_path / "a", plates=1))
    data = load_rendered_set(write_dataset(tmp_path / "data"))
    head = first_head(data, 1)
    for name in ("means", "quats", "scales", "opacities", "sh", "head_weight", "basis"):
        head.arrays[name] = torch.from_numpy(getattr(avatar, name))
    head.arrays["shade"] = torch.zeros(len(avatar.units), len(avatar.means), 3)
    coefficients = np.float32([0.5, 0.1, 0.3, 0.0, 1.0])
    canvas, _ = head.draw(
        torch.from_numpy(coefficients), torch.eye(4), Camera(avatar.viewmat, avatar.K), (avatar.size,) * 2
    )
    expected = canvas[..., :3] + canvas[..., 3:] * 40 / 255
    drawn = Stage(avatar, avatar.size).draw(coefficients, 0.0)
    assert np.abs(drawn / 255 - expected.numpy().clip(0, 1)).max() < 2.5 / 255


def test_an_exported_avatar_is_the_head_that_was_trained(tmp_path: Path) -> None:
    from talking_gaussian.avatar import load_avatar

    data = load_rendered_set(write_dataset(tmp_path / "data"))
    write_rgba(tmp_path / "data" / "background.png", np.full((SIZE, SIZE, 4), 128, np.uint8))
    head = first_head(data, 1)
    with torch.no_grad():
        head.arrays["quats"] += 0.3 * torch.randn(len(head), 4)
        head.arrays["shade"] += 0.1
    name = {"en": "Disc", "zh": "圆盘"}
    identity = Identity("disc", name, "nobody", "none needed", "CC0-1.0")
    export_avatar(head, data, tmp_path / "avatar", identity, resting_backdrop(data))
    avatar = load_avatar(tmp_path / "avatar")
    for array in ("means", "scales", "opacities", "sh", "basis", "shade"):
        assert np.allclose(getattr(avatar, array), head.arrays[array].detach(), atol=5e-3), array
    unit = torch.nn.functional.normalize(head.arrays["quats"].detach(), dim=1)
    assert np.allclose(avatar.quats, unit, atol=5e-3)
    assert (tmp_path / "avatar" / "poster.jpg").stat().st_size > 500


def test_what_a_long_training_drives_beyond_bounds_is_exported_within_them(tmp_path: Path) -> None:
    from talking_gaussian.avatar import load_avatar

    data = load_rendered_set(write_dataset(tmp_path / "data"))
    write_rgba(tmp_path / "data" / "background.png", np.full((SIZE, SIZE, 4), 128, np.uint8))
    head = first_head(data, 1)
    with torch.no_grad():
        head.arrays["scales"][:, 2] = -35  # a disc without thickness
        head.arrays["opacities"][:9] = 130
    identity = Identity("thin", {"en": "Thin", "zh": "薄"}, "nobody", "none needed", "CC0-1.0")
    before = evaluate(head, data, tmp_path / "x.jpg")["psnr"]
    export_avatar(head, data, tmp_path / "avatar", identity, resting_backdrop(data))
    avatar = load_avatar(tmp_path / "avatar")  # which refuses numbers beyond bounds
    with torch.no_grad():
        for name in ("scales", "opacities"):
            head.arrays[name][:] = torch.from_numpy(getattr(avatar, name))
    assert abs(evaluate(head, data, tmp_path / "x.jpg")["psnr"] - before) < 0.05


def test_gaussians_that_no_frame_shows_are_dropped(tmp_path: Path) -> None:
    data = load_rendered_set(write_dataset(tmp_path / "data"))
    head = first_head(data, 1)
    with torch.no_grad():
        head.arrays["means"][7] += 50
        head.arrays["opacities"][9] = -12
    kept = drop_unseen(head, data, 0.1)
    assert 0 < len(kept) <= 118
    assert not (kept.arrays["means"] > 40).any()
    before, after = (evaluate(h, data, tmp_path / "x.jpg")["psnr"] for h in (head, kept))
    assert abs(before - after) < 0.3


def test_dropped_and_copied_rows_keep_their_moments(tmp_path: Path) -> None:
    data = load_rendered_set(write_dataset(tmp_path / "data"))
    head = first_head(data, 1)
    optimizer = GaussianOptimizer(head, TrainSettings())
    view = data.shown(0)
    head.draw(view.coefficients, view.head, view.camera, view.size)[0].sum().backward()
    optimizer.step(1)
    moments = optimizer._adam.state[head.arrays["sh"]]["exp_avg"].clone()
    optimizer.keep_rows(torch.tensor([5, 7, 7]))
    assert torch.equal(optimizer._adam.state[head.arrays["sh"]]["exp_avg"], moments[[5, 7, 7]])
    assert head.arrays["shade"].shape == (UNITS, 3, 3)


def test_axes_become_the_quaternion_that_turns_into_them() -> None:
    rng = np.random.default_rng(1)
    normals = rng.normal(size=(50, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    matrices = rotations(torch.from_numpy(frames_to_quats(rng.normal(size=(50, 3)), normals))).numpy()
    assert np.allclose(matrices[:, :, 2], normals, atol=1e-5)
    assert np.allclose(np.linalg.det(matrices), 1, atol=1e-5)


def test_the_turning_point_of_a_nodding_head_is_found() -> None:
    from talking_gaussian.training.export import about

    pivot = np.array([0.01, 0.05, 1.4])
    head = np.tile(np.eye(4), (9, 1, 1))
    for matrix, angle in zip(head, np.linspace(-0.2, 0.2, 9), strict=True):
        matrix[:3, :3] = about(np.array([1.0, 0, 0]), angle) @ about(np.array([0, 0, 1.0]), angle * 0.5)
        matrix[:3, 3] = pivot - matrix[:3, :3] @ pivot
    assert np.allclose(turning_point(head), pivot, atol=1e-3)


def test_equal_pictures_are_alike() -> None:
    picture = torch.rand(3, 24, 24)
    assert torch.allclose(ssim_map(picture, picture), torch.ones(3, 14, 14), atol=1e-4)
    assert psnr(picture, picture) > 100


def test_pictures_survive_the_disk(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)
    write_picture(tmp_path / "a.png", picture)
    assert np.array_equal(read_picture(tmp_path / "a.png")[..., :3], picture)


def test_straight_alpha_lies_over_its_backdrop() -> None:
    picture = np.full((1, 1, 4), (255, 0, 0, 51), np.uint8)
    assert np.allclose(over(picture, np.float32([0, 1, 0])), [[[0.2, 0.8, 0]]], atol=1e-3)


def test_the_compiled_similarity_is_the_reference_and_so_is_its_slope() -> None:
    generator = torch.Generator().manual_seed(0)
    drawn = torch.rand(40, 52, 3, generator=generator, requires_grad=True)
    real = (drawn.detach() + 0.2 * torch.rand(40, 52, 3, generator=generator)).clamp(0, 1)
    weight = torch.rand(40, 52, generator=generator)
    inner = weight[5:-5, 5:-5]
    similar = ssim_map(drawn.permute(2, 0, 1), real.permute(2, 0, 1))
    reference = ((1 - similar) * inner).sum() / (3 * inner.sum())
    compiled = dissimilarity(drawn, real, weight)
    assert float(compiled.detach()) == pytest.approx(float(reference.detach()), abs=1e-5)
    slopes = [torch.autograd.grad(loss, drawn)[0] for loss in (reference, compiled)]
    assert torch.allclose(slopes[0], slopes[1], atol=1e-3 * float(slopes[0].abs().max()))


def test_a_run_goes_on_from_its_checkpoint_as_if_it_had_never_stopped(tmp_path: Path) -> None:
    data = load_rendered_set(write_dataset(tmp_path / "data"))
    settings = TrainSettings(steps=24, densify_from=4, densify_until=20, densify_every=6, checkpoint_every=7)
    whole = trained(data, tmp_path / "whole", settings)
    halves = Run(first_head(data, 1), tmp_path / "halves", settings, CpuLearner())
    for batch in itertools.islice(halves.learner.batches(data, glimpses(data, settings, 0)), 13):
        learn(halves, batch)
    halves.save()
    again = trained(data, tmp_path / "halves", settings)
    assert len(again) == len(whole)
    assert torch.allclose(again.arrays["means"], whole.arrays["means"], atol=1e-6)


def test_the_tracked_units_are_noisy_by_a_share_of_what_each_does(tmp_path: Path) -> None:
    data = load_rendered_set(write_dataset(tmp_path / "data"))
    numbers = data.numbers(held_out=False)
    data.coeffs[numbers, 1] = 0.2  # it never moves
    settings = TrainSettings(steps=400, batch=2, unit_noise=0.5)
    looks = [glimpse for batch in glimpses(data, settings, 0) for glimpse in batch]
    noise = np.array([glimpse.coefficients - data.coeffs[glimpse.number] for glimpse in looks])
    assert noise.std(0) == pytest.approx(0.5 * data.coeffs[numbers].std(0), rel=0.15)
    assert not noise[:, 1].any()
    seen = data.view(looks[0]).coefficients.numpy()
    assert np.allclose(seen, data.coeffs[looks[0].number] + noise[0])
    later = next(glimpses(data, settings, 100))[0]
    assert np.array_equal(later.coefficients, looks[200].coefficients)
    assert np.array_equal(data.shown(looks[0].number).coefficients.numpy(), data.coeffs[looks[0].number])


def test_a_damaged_checkpoint_begins_the_stage_again(tmp_path: Path) -> None:
    data = load_rendered_set(write_dataset(tmp_path / "data"))
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "checkpoint.safetensors").write_bytes(b"half a file")
    assert Run(first_head(data, 1), tmp_path / "work", TrainSettings(), CpuLearner()).step == 0
