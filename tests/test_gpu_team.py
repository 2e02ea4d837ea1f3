"""Several cards that train one head: real processes that meet over gloo, their kernels run by Warp on the CPU."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

wp = pytest.importorskip("warp", reason="warp-lang (the gpu part) is not installed")
torch = pytest.importorskip("torch", reason="training needs torch")

from talking_gaussian.progress import Progress  # noqa: E402
from talking_gaussian.training.card.learner import CardLearner  # noqa: E402
from talking_gaussian.training.checkpoint import load_checkpoint  # noqa: E402
from talking_gaussian.training.settings import TrainSettings  # noqa: E402
from talking_gaussian.training.trainer import train  # noqa: E402
from talking_gaussian.training.trial import trial_head, trial_set  # noqa: E402

pytestmark = pytest.mark.slow
SETTINGS = TrainSettings(
    steps=24, batch=3, densify_from=8, densify_until=16, densify_every=8, eval_every=12, lr_basis=2e-6
)
PROGRAM = """
import sys
from pathlib import Path
from talking_gaussian import command, stopping
from talking_gaussian.progress import Progress
from talking_gaussian.training.card.learner import CardLearner
from talking_gaussian.training.settings import TrainSettings
from talking_gaussian.training.trainer import train
from talking_gaussian.training.trial import trial_head, trial_set

if __name__ == "__main__":
    stopping.listen()
    learner = CardLearner("cpu", (None,))
    settings = TrainSettings(steps=100_000, batch=2, eval_every=10**9, lr_basis=2e-6)
    given = (trial_set(), trial_head(), Path(sys.argv[1]), settings, Progress(["train"]), None, learner)
    sys.exit(command.run(lambda: train(*given)))
"""


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compiled kernels that the processes share."""
    before, folder = (wp.config.kernel_cache_dir, str(tmp_path_factory.mktemp("warp")))
    os.environ["WARP_CACHE_PATH"] = wp.config.kernel_cache_dir = folder
    wp.init()
    yield
    del os.environ["WARP_CACHE_PATH"]
    wp.config.kernel_cache_dir = before


def test_a_team_learns_what_one_card_would(tmp_path: Path) -> None:
    def trained(folder: str, learner: CardLearner) -> dict[str, torch.Tensor]:
        looks = lambda head, step: {"psnr": 30.0}  # noqa: E731
        head = train(trial_set(), trial_head(), tmp_path / folder, SETTINGS, Progress(["train"]), looks, learner)
        return {name: array.detach() for name, array in head.arrays.items()}

    alone = trained("alone", CardLearner("cpu"))
    together = trained("together", CardLearner("cpu", (None, None, None)))  # one more than a step has frames for
    assert len(alone["means"]) > 80  # Gaussians were added, by both in the same places
    for name, expected in alone.items():
        assert torch.allclose(together[name].float(), expected.float(), atol=2e-3, rtol=2e-3), name


def helpers_of(pid: int) -> list[int]:
    told = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False).stdout.split()
    return [int(child) for child in told if b"multiprocessing.spawn" in Path(f"/proc/{child}/cmdline").read_bytes()]


@pytest.fixture
def learning(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A program of its own with one helper, some steps into a long training."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    line = [sys.executable, str(program), str(tmp_path / "work")]
    with subprocess.Popen(line, stderr=subprocess.PIPE, text=True, env=paths, start_new_session=True) as running:
        assert running.stderr
        for said in running.stderr:
            if '"step"' in said:
                break
        yield running
        running.kill()


def test_stopped_it_saves_and_its_helpers_end(learning: subprocess.Popen[str], tmp_path: Path) -> None:
    helpers = helpers_of(learning.pid)
    assert len(helpers) == 1
    os.killpg(learning.pid, signal.SIGTERM)  # as a job is stopped
    assert learning.wait(60) == 128 + signal.SIGTERM
    found = load_checkpoint(tmp_path / "work")
    assert found is not None and found[1]["step"] > 0
    assert not Path(f"/proc/{helpers[0]}").exists()


def test_a_helper_that_fails_ends_the_training_with_a_sentence(learning: subprocess.Popen[str]) -> None:
    os.kill(helpers_of(learning.pid)[0], signal.SIGKILL)
    assert learning.wait(60) == 2
    assert learning.stderr and "One of the GPUs that trained together failed" in learning.stderr.read()


def test_helpers_end_with_a_program_that_is_killed(learning: subprocess.Popen[str]) -> None:
    helper = helpers_of(learning.pid)[0]
    learning.kill()
    for _ in range(100):
        if not Path(f"/proc/{helper}").exists():
            return
        time.sleep(0.1)
    pytest.fail("the helper is still there")
