"""Training on a card: the card's whole step, its kernels run by Warp on the CPU, against the CPU's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

wp = pytest.importorskip("warp", reason="warp-lang (the gpu part) is not installed")
torch = pytest.importorskip("torch", reason="training needs torch")

from talking_gaussian.devices import Choice, Gpu  # noqa: E402
from talking_gaussian.errors import UserError  # noqa: E402
from talking_gaussian.progress import Progress  # noqa: E402
from talking_gaussian.training import card as training_card  # noqa: E402
from talking_gaussian.training.card.frames import CardFrames, card_batches  # noqa: E402
from talking_gaussian.training.card.learner import CardLearner  # noqa: E402
from talking_gaussian.training.card.step import CardStep  # noqa: E402
from talking_gaussian.training.learner import CpuLearner, Learner  # noqa: E402
from talking_gaussian.training.model import LEARNED, TrainableHead, moved  # noqa: E402
from talking_gaussian.training.settings import PRESETS, TrainSettings  # noqa: E402
from talking_gaussian.training.trainer import NEW_FRAME_EVERY, Run, drop_unseen, glimpses, train  # noqa: E402
from talking_gaussian.training.trial import trial_gradients, trial_head, trial_set  # noqa: E402
from talking_gaussian.training.views import Glimpse  # noqa: E402

DEVICE = "cuda:0" if wp.is_cuda_available() else "cpu"
H200 = Gpu(0, "NVIDIA H200", 143771, 143000, "580.95", (9, 0))


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    kept = wp.config.kernel_cache_dir
    wp.config.kernel_cache_dir = str(tmp_path_factory.mktemp("warp"))
    wp.init()
    yield
    wp.config.kernel_cache_dir = kept


def test_every_gradient_of_a_step_is_the_cpus() -> None:
    expected, found = trial_gradients(CpuLearner()), trial_gradients(CardLearner(DEVICE))
    assert found.keys() == expected.keys() == {"pull", "means", "quats", "scales", "opacities", "sh", "shade", "basis"}
    for name, value in expected.items():
        largest = float(value.abs().max())
        assert largest > 1e-5, name
        assert float((found[name] - value).abs().max()) < 2e-3 * largest, name


def test_a_head_looks_the_same_on_both() -> None:
    data, head = trial_set(), trial_head()
    on_cpu = CpuLearner().picture(head, data.shown(1))
    card = CardLearner(DEVICE)
    there = moved(head, card.device)
    assert float((card.picture(there, data.shown(1)) - on_cpu).abs().max()) < 1 / 255
    for number in (0, 2):  # another pose in the same buffers
        expected = CpuLearner().contributions(head, data.shown(number))
        assert np.allclose(card.contributions(there, data.shown(number)).cpu(), expected, atol=2e-3)


@pytest.fixture(params=["cpu", "card"])
def learner(request: pytest.FixtureRequest) -> Learner:
    return CpuLearner() if request.param == "cpu" else CardLearner(DEVICE)


def test_training_learns_and_adds_and_drops_gaussians_and_goes_on(learner: Learner, tmp_path: Path) -> None:
    """What there is to learn: everything is red."""
    data = replace(trial_set(), pictures=np.full_like(trial_set().pictures, 40))
    data.pictures[:, 0] = [220, 60, 40]
    settings = TrainSettings(steps=40, batch=2, densify_from=10, densify_until=30, densify_every=10)
    head = train(data, trial_head(), tmp_path, settings, Progress(["train"]), lambda *_: {}, learner)
    assert len(head) != len(trial_head())
    error = [
        float(
            (learner.picture(moved(one, learner.device), data.shown(0)) - data.shown(0).real)[8:-8, 8:-8].abs().mean()
        )
        for one in (trial_head(), head)
    ]
    assert error[1] < 0.9 * error[0]
    again = train(data, trial_head(), tmp_path, settings, Progress(["train"]), lambda *_: {}, learner)
    assert torch.equal(again.arrays["means"], head.arrays["means"])
    assert 0 < len(drop_unseen(head, data, 0.1, learner)) <= len(head)


def test_looking_at_a_head_does_not_change_what_it_learns(learner: Learner, tmp_path: Path) -> None:
    """Looks draw with the same arrays; what is learnt after one is what would have been learnt without."""
    settings = TrainSettings(steps=12, batch=2, densify_from=10**9, eval_every=3, lr_basis=2e-6)

    def trained(folder: str, every: int) -> dict[str, torch.Tensor]:
        given = (trial_set(), trial_head(), tmp_path / folder, replace(settings, eval_every=every))

        def look(head: TrainableHead, step: int) -> dict[str, float]:
            learner.contributions(head, trial_set().shown(0))
            return {"mean": float(learner.picture(head, trial_set().shown(1)).mean())}

        return train(*given, Progress(["train"]), look, learner).arrays

    seldom, often = trained("seldom", 10**9), trained("often", 3)
    for name in LEARNED:
        moved_by = (seldom[name].detach().cpu() - trial_head().arrays[name].detach()).abs().max()
        assert moved_by > 1e-6, name
        assert torch.allclose(often[name].cpu(), seldom[name].cpu(), atol=0.02 * float(moved_by)), name


def test_a_training_that_began_on_a_card_goes_on_without_one(tmp_path: Path) -> None:
    """A card looks at several frames a step; where one is looked at, the steps that are done still count."""
    on_card = PRESETS["draft"].on_card().mouth
    assert on_card.batch > PRESETS["draft"].mouth.batch == 1
    settings = replace(on_card, steps=3, densify_from=10**9)
    card = CardLearner(DEVICE)
    half = train(trial_set(), trial_head(), tmp_path, settings, Progress(["train"]), lambda *_: {}, card)
    again = Run(half, tmp_path, replace(settings, batch=1), CpuLearner())
    assert again.step == 3
    assert Run(half, tmp_path, replace(settings, lr_sh=1.0), CpuLearner()).step == 0


def test_more_frames_than_there_is_room_for_take_turns() -> None:
    """Two slots for three frames: what a batch needs is there, whatever came before."""
    data = trial_set()
    frames = CardFrames(data.size, 2, torch.device("cpu"))
    settings = TrainSettings(steps=30, batch=2)
    sent = 0
    for batch in card_batches(data, glimpses(data, settings, 0), frames.room):
        for upload in batch.uploads:
            frames.put(upload)
        sent += len(batch.uploads)
        for number, slot in zip(batch.numbers, batch.slots, strict=True):
            assert np.array_equal(frames.pixels[slot], data.layers(number).packed())
            rows, _ = data.layers(number).box
            assert frames.boxes[slot].tolist()[:2] == [rows.start, rows.stop]
    assert 3 < sent < 60


def test_frames_that_find_no_room_take_turns_the_same_way_every_time() -> None:
    """A hundred frames, room for ten: each step's come from ten neighbours in a fixed order, which moves on slowly."""
    data = trial_set()
    many = replace(data, coeffs=np.zeros((100, 3), np.float32))
    object.__setattr__(many, "numbers", lambda held_out: np.arange(100))
    settings = TrainSettings(steps=400, batch=4)
    steps = [{glimpse.number for glimpse in batch} for batch in glimpses(many, settings, 0, room=10)]
    assert all(len(set.union(*steps[k : k + 8])) <= 10 + 8 // NEW_FRAME_EVERY for k in range(300))
    assert len(set.union(*steps)) == 100
    later = [{glimpse.number for glimpse in batch} for batch in glimpses(many, settings, 150, room=10)]
    assert later == steps[150:]


def test_a_batch_larger_than_the_lists_had_room_for_is_drawn_whole_soon() -> None:
    """Nobody waits to hear how long the lists are: after a few steps there is room for all."""
    data, head = trial_set(), trial_head()
    learner = CardLearner("cpu")
    learner.begin(data, 1)
    batches = list(learner.batches(data, iter([[Glimpse(0, np.zeros(3, np.float32), data.coeffs[0])]] * 4)))
    small = trial_head()
    with torch.no_grad():
        small.arrays["scales"] -= 6
    densifier = type("Watch", (), {"pull": torch.zeros(80), "seen": torch.zeros(80)})
    learner.learn(small, batches[0], TrainSettings(), densifier)  # type: ignore[arg-type]
    with torch.no_grad():
        small.arrays["scales"] += 6
    for batch in batches[1:]:
        learner.learn(small, batch, TrainSettings(), densifier)  # type: ignore[arg-type]
    expected = trial_set().shown(0)
    canvas = torch.from_numpy(learner._step.canvas.numpy()[0])
    picture = canvas[..., :3] + canvas[..., 3:] * expected.plate
    assert float((picture - CpuLearner().picture(head, expected)).abs().max()) < 1 / 255


def test_a_card_with_wrong_gradients_is_refused_and_the_cpu_trains_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The check that stands before a training; the card is Warp on the CPU, with a broken step at the end."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")  # so that what take() sets is taken back
    monkeypatch.setattr(wp, "get_cuda_devices", lambda: ["cuda:0"])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(CardLearner.__init__, "__defaults__", ("cpu", ()))
    learner = training_card.open_learner(Choice(H200, named=True), PRESETS["high"])
    assert isinstance(learner, CardLearner)
    monkeypatch.setattr(CardStep, "_back_to_head", lambda *_: None)
    with pytest.raises(UserError, match="test gradients differ"):
        training_card.open_learner(Choice(H200, named=True), PRESETS["draft"])
    assert isinstance(training_card.open_learner(Choice(H200), PRESETS["draft"]), CpuLearner)
    assert "the CPU does the work: GPU 0" in capsys.readouterr().err


def test_a_torch_that_cannot_use_the_card_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setattr(wp, "get_cuda_devices", lambda: ["cuda:0"])
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match=r"the installed torch .* cannot use it"):
        training_card.open_learner(Choice(H200, named=True), PRESETS["draft"])


def test_a_card_too_small_for_the_preset_is_told_what_fits() -> None:
    small = Gpu(0, "NVIDIA GTX 1650", 4096, 1500, "580.95", (7, 5))
    with pytest.raises(UserError, match=r"1500 MiB free and this training needs \d+: .*--max_gaussians \d+"):
        training_card.open_learner(Choice(small, named=True), PRESETS["standard"])
    none = Gpu(0, "NVIDIA GT 1030", 2048, 300, "580.95", (6, 1))
    with pytest.raises(UserError, match="or use --gpu cpu"):
        training_card.open_learner(Choice(none, named=True), PRESETS["standard"])
