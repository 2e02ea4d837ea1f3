"""Metrics against published implementations, and on inputs with a known answer."""

from __future__ import annotations

import numpy as np
import pytest
from evaluation.landmarks import mouth_frozen, mouth_opening
from evaluation.metric import FramePair
from evaluation.metrics import METRICS, chosen, listing
from evaluation.no_reference.niqe import block_features
from evaluation.no_reference.statistics import asymmetric_fit, halved, symmetric_fit
from evaluation_kit import clip, face_points
from face_tracking.points import LIP_CORNERS, LOWER_LIP, MOUTH20, NOSE_TIP
from skimage import data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from talking_gaussian.errors import UserError

# MS-SSIM of `pictures()` by piq 0.8.0 (multi_scale_ssim, data_range 255, torch 2.13)
PIQ_MS_SSIM = {"even": 0.931350, "odd": 0.926960}
# SSIM of the same by torchmetrics 1.9.0, the mean of its map inside the border of 5 px that it fills by reflection
TORCHMETRICS_SSIM = {"even": 0.550320, "odd": 0.570647}


def pictures(odd: bool = False) -> FramePair:
    """A photograph and the same with noise and a shift of light."""
    photo = data.astronaut()[: 301 if odd else 512, : 333 if odd else 512]
    noise = np.random.default_rng(3).normal(0, 12, photo.shape)
    return FramePair(np.clip(photo * 0.95 + 4 + noise, 0, 255).astype(np.uint8), np.ascontiguousarray(photo))


def of_frame(name: str, pair: FramePair) -> float:
    measure = METRICS[name].of_frame
    assert measure is not None
    return measure(pair)


def of_clip(name: str, output: np.ndarray, reference: np.ndarray) -> float | None:
    measure = METRICS[name].of_clip
    assert measure is not None
    return measure(clip(output, reference)).value


def test_psnr_agrees_with_scikit_image() -> None:
    pair = pictures()
    assert of_frame("psnr", pair) == pytest.approx(peak_signal_noise_ratio(pair.reference, pair.output), abs=1e-4)


def test_psnr_agrees_with_the_formula_of_torchmetrics() -> None:
    torch = pytest.importorskip("torch", reason="its formula is computed in torch")
    pair = pictures()
    first, second = (torch.tensor(picture).double() for picture in (pair.output, pair.reference))
    expected = 10 * torch.log10(255.0**2 / torch.nn.functional.mse_loss(first, second))
    assert of_frame("psnr", pair) == pytest.approx(float(expected), abs=1e-4)


@pytest.mark.parametrize("odd", [False, True])
def test_ssim_agrees_with_scikit_image(odd: bool) -> None:
    pair = pictures(odd)
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
    expected = structural_similarity(pair.reference, pair.output, channel_axis=2, **options)
    assert of_frame("ssim", pair) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("name", ["even", "odd"])
def test_ssim_agrees_with_torchmetrics(name: str) -> None:
    assert of_frame("ssim", pictures(name == "odd")) == pytest.approx(TORCHMETRICS_SSIM[name], abs=1e-4)


@pytest.mark.parametrize("name", ["even", "odd"])
def test_ms_ssim_agrees_with_piq(name: str) -> None:
    assert of_frame("ms_ssim", pictures(name == "odd")) == pytest.approx(PIQ_MS_SSIM[name], abs=1e-4)


def test_identical_pictures_score_best() -> None:
    pair = FramePair(data.astronaut(), data.astronaut(), FramePair(data.astronaut(), data.astronaut()))
    assert [of_frame(name, pair) for name in ("psnr", "ssim", "ms_ssim", "flicker")] == [100.0, 1.0, 1.0, 0.0]


def test_regions_too_small_for_a_metric_are_not_numbers() -> None:
    pair = pictures().cut((0, 0, 100, 9))
    assert np.isnan(of_frame("ms_ssim", pair))
    assert np.isnan(of_frame("ssim", pair))
    assert np.isfinite(of_frame("psnr", pair))


def test_flicker_is_change_that_the_reference_does_not_have() -> None:
    grey = np.full((20, 20, 3), 100, np.uint8)
    moving = FramePair(grey + 10, grey + 10, FramePair(grey, grey))  # both get lighter
    flashing = FramePair(grey + 10, grey, FramePair(grey, grey))
    assert of_frame("flicker", moving) == 0
    assert of_frame("flicker", flashing) == 10


def test_lmd_is_the_distance_after_the_nose_is_aligned() -> None:
    reference = face_points(30)
    output = reference + np.array([7.0, -3.0, 0.0])  # a head elsewhere is no wrong mouth
    output[:, list(MOUTH20), 0] += 3.0
    output[:, list(MOUTH20), 1] += 4.0
    assert of_clip("lmd", output, reference) == pytest.approx(5.0)
    assert of_clip("lmd_centred", output, reference) == pytest.approx(0.0)
    assert of_clip("lmd_normalised", output, reference) == pytest.approx(5.0)  # the eyes are 100 px apart
    assert of_clip("f_lmd", output, reference) == pytest.approx(5.0 * len(MOUTH20) / 468)


def test_frames_without_a_face_do_not_count() -> None:
    reference = face_points(30)
    output = reference.copy()
    output[:, list(MOUTH20), 0] += 3.0
    output[4:9] = np.nan
    assert of_clip("lmd", output, reference) == pytest.approx(3.0)


def test_mouth_correlations_see_opening_and_rounding_apart() -> None:
    reference, other = face_points(60), face_points(60)
    shut = reference.copy()
    shut[:, LOWER_LIP, :2] = shut[:, 13, :2] + [0, 2]
    assert of_clip("opening", other, reference) == pytest.approx(1.0)
    assert of_clip("opening", shut, reference) == 0.0
    assert of_clip("rounding", shut, reference) == pytest.approx(1.0)
    mirrored = reference.copy()
    middle = mirrored[:, list(LIP_CORNERS), 0].mean(axis=1, keepdims=True)
    width = mirrored[:, LIP_CORNERS[1], :1] - mirrored[:, LIP_CORNERS[0], :1]
    mirrored[:, list(LIP_CORNERS), 0] = middle + (100 - width) * [-0.5, 0.5]
    assert of_clip("rounding", mirrored, reference) == pytest.approx(-1.0)


def test_the_frozen_mouth_is_the_zero_of_the_scale() -> None:
    reference = face_points(60)
    frozen = mouth_frozen(reference)
    nose = reference[:, NOSE_TIP : NOSE_TIP + 1, :2]
    lips = reference[:, list(MOUTH20), :2] - nose
    expected = np.linalg.norm(lips - lips.mean(axis=0), axis=-1).mean()
    assert of_clip("lmd", frozen, reference) == pytest.approx(expected)
    assert of_clip("opening", frozen, reference) == 0.0
    assert of_clip("rounding", frozen, reference) == 0.0
    assert np.ptp(mouth_opening(frozen)) == pytest.approx(0.0, abs=1e-9)


def test_every_metric_says_what_it_is() -> None:
    for row in listing():
        assert row["title"]["en"] and row["title"]["zh"] and row["source"]
        assert row["direction"] in ("higher", "lower", "zero", "none")


def test_an_unknown_metric_is_refused_by_name() -> None:
    assert [metric.name for metric in chosen("lmd,psnr")] == ["lmd", "psnr"]
    with pytest.raises(UserError, match="'sharpness'"):
        chosen("psnr,sharpness")


def test_fits_of_natural_scene_statistics_find_the_shape_of_known_noise() -> None:
    draw = np.random.default_rng(0)
    shape, variance = symmetric_fit(draw.normal(0, 2, 200_000))
    assert (shape, variance) == (pytest.approx(2.0, abs=0.05), pytest.approx(4.0, rel=0.02))
    assert symmetric_fit(draw.laplace(0, 1, 200_000))[0] == pytest.approx(1.0, abs=0.03)
    sizes, on_left = np.abs(draw.normal(0, 1, 200_000)), draw.random(200_000) < 0.75  # the wide side has more mass
    shape, left, right = asymmetric_fit(np.where(on_left, -3 * sizes, sizes))
    assert shape == pytest.approx(2.0, abs=0.1)
    assert left / right == pytest.approx(3.0, rel=0.02)
    assert np.isnan(block_features(np.ones((96, 96)), 96)[0, 0])  # a flat patch has no shape


def test_halving_keeps_light_and_straight_lines() -> None:
    ramp = np.add.outer(np.arange(41.0), 2 * np.arange(30.0))
    small = halved(ramp)
    assert small.shape == (21, 15)
    assert small[3:-3, 3:-3] == pytest.approx(np.add.outer(np.arange(21) * 2 + 0.5, np.arange(15) * 4 + 1)[3:-3, 3:-3])
