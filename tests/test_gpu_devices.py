"""The choice of a device, seats on cards, and what the System tab says of them; nvidia-smi is a script."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import fake_gpus
import pytest
from fake_gpus import H200, RTX_5090
from talking_gaussian import devices
from talking_gaussian.errors import UserError

from bridges import gpus, system_gpus
from bridges.errors import RequestError
from bridges.jobs import seats
from bridges.requests import GenerateRequest


@pytest.fixture
def two_cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_gpus.install(tmp_path / "bin", monkeypatch, {**H200, "free": 9000}, RTX_5090)


@pytest.fixture
def no_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices.shutil, "which", lambda name: None)


@pytest.fixture
def with_warp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "site" / "warp").mkdir(parents=True)
    (tmp_path / "site" / "warp" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path / "site"))


# --- the engine's --gpu -----------------------------------------------------------------------------------------------


def test_auto_takes_the_card_with_most_free_memory(two_cards: None, with_warp: None) -> None:
    chosen = devices.choose("auto")
    assert chosen.gpu is not None and chosen.gpu.name == RTX_5090["name"]
    assert chosen.gpu.capability == (12, 0)


def test_auto_takes_the_card_whose_seat_the_job_holds(
    two_cards: None, with_warp: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(devices.SEATS, "0")
    chosen = devices.choose("auto")
    assert chosen.gpu is not None and chosen.gpu.index == 0 and not chosen.others


@pytest.mark.parametrize(
    ("word", "seats", "taken"),
    [
        ("all", "", [0, 1]),
        ("1,0", "", [1, 0]),
        ("1,1", "", [1]),
        (None, "0,1", [0, 1]),
        (None, "", [1]),
        ("0", "1", [0]),
    ],
)
def test_what_can_use_several_cards_takes_those_that_were_named_or_whose_seats_it_holds(
    two_cards: None, with_warp: None, monkeypatch: pytest.MonkeyPatch, word: str | None, seats: str, taken: list[int]
) -> None:
    monkeypatch.setenv(devices.SEATS, seats)
    chosen = devices.choose(word, several=True)
    assert chosen.gpu is not None
    assert [gpu.index for gpu in (chosen.gpu, *chosen.others)] == taken
    with pytest.raises(UserError, match="all or the numbers"):
        devices.choose("0,", several=True)


def test_a_number_takes_that_card_and_a_wrong_one_is_refused(two_cards: None, with_warp: None) -> None:
    assert devices.choose("1").gpu == devices.list_gpus()[1]
    with pytest.raises(UserError) as refused:
        devices.choose("2")
    assert refused.value.code == "no_gpu"
    assert "0 (NVIDIA H200), 1 (NVIDIA GeForce RTX 5090)" in refused.value.en and "2" in refused.value.zh


@pytest.mark.parametrize("word", ["", "cuda", "-1", "0,1", "１"])  # the last is a full-width digit
def test_what_is_no_device_is_refused(word: str) -> None:
    with pytest.raises(UserError, match="--gpu"):
        devices.choose(word)


@pytest.mark.parametrize("word", ["auto", "0"])
def test_without_a_card_the_cpu_draws_and_says_why(no_card: None, word: str) -> None:
    chosen = devices.choose(word)
    assert chosen.gpu is None
    assert "no NVIDIA GPU was found" in chosen.sentence("en") and "CPU" in chosen.sentence("zh-CN")
    assert devices.choose("cpu") == devices.Choice(None)


def test_without_the_gpu_part_the_sentence_says_what_to_install(
    two_cards: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices.importlib.util, "find_spec", lambda name: None)
    chosen = devices.choose("0")
    assert chosen.gpu is None and devices.PREPARE in chosen.en and devices.PREPARE in chosen.zh


@pytest.mark.parametrize(("visible", "seen"), [("1", [1]), ("", []), ("-1", []), ("1,0", [0, 1]), ("GPU-5a", [0, 1])])
def test_cuda_visible_devices_is_obeyed(
    two_cards: None, monkeypatch: pytest.MonkeyPatch, visible: str, seen: list[int]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert [gpu.index for gpu in devices.list_gpus()] == seen


@pytest.mark.parametrize(
    ("says", "code"), [("NVIDIA-SMI has failed because it couldn't communicate", 9), ("No devices were found", 0)]
)
def test_a_driver_that_fails_is_no_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, code: int) -> None:
    fake_gpus.install(tmp_path / "bin", monkeypatch, says=says, code=code)
    assert devices.list_gpus() == []
    (row,) = system_gpus.gpu_rows()
    assert row.state == "warn" and row.value["en"] == says and row.fix is not None and "驱动" in row.fix["zh"]


def test_the_taken_card_is_the_only_one_cuda_shows(two_cards: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")  # so that what take() sets is taken back
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "FASTEST_FIRST")
    devices.take(devices.list_gpus()[1])
    assert [gpu.index for gpu in devices.list_gpus()] == [1]
    assert devices.os.environ["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"


def card(free: int) -> devices.Gpu:
    return devices.Gpu(0, "Small", 4096, free, "580.95", (8, 6))


def test_less_memory_means_fewer_frames_at_once() -> None:
    rooms = [devices.memory_needed_mib(30_000, 512, batch) for batch in (devices.BATCH, 4, 1)]
    assert [devices.batch_that_fits(card(room), 30_000, 512) for room in rooms] == [devices.BATCH, 4, 1]


def test_plates_keep_a_quarter_of_the_card_at_most_and_leave_room_to_draw() -> None:
    assert devices.plates_mib(card(143_000), 30_000, 512, devices.BATCH) == devices.PLATES_MIB
    assert devices.plates_mib(card(4000), 30_000, 512, devices.BATCH) == 1000
    needed = devices.memory_needed_mib(30_000, 512, 1)
    assert devices.plates_mib(card(needed + 30), 30_000, 512, 1) == 30
    assert devices.plates_mib(card(needed - 1), 30_000, 512, 1) == 0


def test_no_room_names_settings_that_fit() -> None:
    needed = devices.memory_needed_mib(100_000, 1024, 1)
    with pytest.raises(UserError) as short:
        devices.batch_that_fits(card(needed - 20), 100_000, 1024)
    assert short.value.code == "gpu_memory_short" and "--gpu cpu" in short.value.zh
    size = int(short.value.en.split("--size ")[1].split(",")[0])
    fewer = int(short.value.en.split("--max_gaussians ")[1].split(",")[0])
    assert devices.batch_that_fits(card(needed - 20), 100_000, size) >= 1
    assert devices.batch_that_fits(card(needed - 20), fewer, 1024) >= 1
    with pytest.raises(UserError, match=r"or use --gpu cpu\.$"):
        devices.batch_that_fits(card(10), 30_000, 512)


# --- seats ------------------------------------------------------------------------------------------------------------


def test_two_jobs_never_share_a_card_and_auto_takes_a_free_one(tmp_path: Path) -> None:
    first = seats.take_seat(tmp_path, "gpu-0,1")
    named = seats.take_seat(tmp_path, "gpu-0")
    second = seats.take_seat(tmp_path, "gpu-0,1")
    assert first is not None and first.gpus == (0,)
    assert named is None
    assert second is not None and second.gpus == (1,)
    assert seats.take_seat(tmp_path, "gpu-0,1") is None
    assert seats.take_seat(tmp_path, "gpus-0,1") is None
    devices.os.close(first.fds[0])
    assert seats.take_seat(tmp_path, "gpus-0,1") is None  # and it has not kept the one that was free
    devices.os.close(second.fds[0])
    both = seats.take_seat(tmp_path, "gpus-0,1")
    assert both is not None and both.gpus == (0, 1)
    assert seats.take_seat(tmp_path, "gpu-0,1") is None
    for fd in both.fds:
        devices.os.close(fd)


def test_a_training_on_all_cards_asks_for_the_seats_of_all(two_cards: None) -> None:
    assert gpus.seat_to_train("all") == "gpus-0,1"
    assert gpus.seat_to_train("auto") == "gpu-0,1"
    gpus.check_device("all", several=True)
    with pytest.raises(RequestError, match="device must be"):
        gpus.check_device("all")


def test_a_drawing_job_takes_a_cards_seat_only_where_a_card_can_draw(
    two_cards: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = GenerateRequest("robin", "a.wav")
    monkeypatch.setattr(gpus, "part_is_ready", lambda part: part == "gpu")
    assert request.seat() == "gpu-0,1"
    monkeypatch.setattr(gpus, "part_is_ready", lambda part: False)
    assert request.seat() == "cpu"
    assert GenerateRequest("robin", "a.wav", device="1").seat() == "gpu-1"
    assert GenerateRequest("robin", "a.wav", device="cpu").seat() == "cpu"


def test_a_request_for_a_card_that_is_not_there_is_refused(two_cards: None) -> None:
    gpus.check_device("1")
    with pytest.raises(RequestError, match="no GPU 5"):
        gpus.check_device("5")


def test_without_cards_any_number_is_taken_and_seats_are_as_ever(no_card: None) -> None:
    gpus.check_device("5")
    assert GenerateRequest("robin", "a.wav").seat() == "cpu"


# --- the System tab ---------------------------------------------------------------------------------------------------

TORCH = {"version": "2.13.0", "cuda": "13.0", "archs": ["sm_75", "sm_80", "sm_90", "sm_120"], "works": True}
OLD_TORCH = {**TORCH, "version": "2.4.1", "cuda": "12.1", "archs": ["sm_50", "sm_80", "sm_86", "sm_90"]}


def rows(monkeypatch: pytest.MonkeyPatch, torch: dict | None, warp: dict | None) -> dict[str, system_gpus.Row]:
    monkeypatch.setattr(gpus, "facts_of", lambda part: {"training": torch, "gpu": warp}[part])
    return {row.key: row for row in system_gpus.gpu_rows()}


def test_each_card_has_its_row_and_its_verdicts(two_cards: None, monkeypatch: pytest.MonkeyPatch) -> None:
    told = rows(monkeypatch, TORCH, {"version": "1.19.0", "cards": [90, 120]})
    assert "0.6 of 31.8 GB used, driver 580.95, sm_120" in told["gpu:1"].value["en"]
    assert [told[key].state for key in ("gpu:0:warp", "gpu:1:warp", "gpu:0:torch", "gpu:1:torch")] == ["ok"] * 4
    assert all(row.fix is None for row in told.values())


def test_a_torch_older_than_an_rtx_50_is_red_with_the_line_that_mends_it(
    two_cards: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = rows(monkeypatch, OLD_TORCH, None)
    assert told["gpu:0:torch"].state == "ok"
    red = told["gpu:1:torch"]
    assert red.state == "bad" and "no code for sm_120" in red.value["en"]
    assert red.fix is not None and system_gpus.TRAINING in red.fix["en"] and system_gpus.TORCH in red.fix["zh"]
    assert told["gpu:1:warp"].state == "info" and system_gpus.DRAWING in (told["gpu:1:warp"].fix or {})["en"]


@pytest.mark.parametrize(
    ("facts", "state", "word"),
    [
        (None, "info", "not installed"),
        ({}, "bad", "does not load"),
        ({**TORCH, "cuda": None, "archs": []}, "warn", "without CUDA"),
        ({**TORCH, "works": False}, "bad", "cannot start CUDA 13.0"),
    ],
)
def test_torch_verdicts(
    two_cards: None, monkeypatch: pytest.MonkeyPatch, facts: dict | None, state: str, word: str
) -> None:
    row = rows(monkeypatch, facts, {})["gpu:1:torch"]
    assert row.state == state and word in row.value["en"]


def test_a_card_that_warp_does_not_see_is_red(two_cards: None, monkeypatch: pytest.MonkeyPatch) -> None:
    told = rows(monkeypatch, TORCH, {"version": "1.19.0", "cards": [90]})
    assert told["gpu:1:warp"].state == "bad" and "driver" in (told["gpu:1:warp"].fix or {})["en"]


def test_the_pinned_torch_is_the_one_that_the_fix_names() -> None:
    pins = (Path(__file__).parents[1] / "environments/talking_gaussian/requirements-training.txt").read_text()
    assert system_gpus.TORCH in pins.splitlines()


@pytest.mark.parametrize(
    ("archs", "sm", "runs"),
    [
        (["sm_80"], 86, True),  # machine code of the same major number, not newer
        (["sm_86"], 80, False),
        (["sm_90"], 120, False),
        (["compute_90"], 120, True),  # PTX is compiled by the driver
        (["sm_90a"], 90, True),
        (["compute_90a"], 120, False),
        (["sm_120"], 120, True),
        (["gfx90a"], 90, False),
        ([], 90, False),
    ],
)
def test_which_code_runs_on_which_card(archs: list[str], sm: int, runs: bool) -> None:
    assert gpus.built_for(archs, sm) is runs


def test_facts_are_asked_of_the_environments_own_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "env"
    (folder / "bin").mkdir(parents=True)
    program = folder / "bin" / "python"
    program.write_text(
        f'#!/bin/sh\n[ "$1" = -I ] || exit 1\nexec {sys.executable} -c \'print("{{\\"works\\": true}}")\'\n'
    )
    program.chmod(0o755)
    monkeypatch.setattr(gpus, "_engine", lambda: SimpleNamespace(parts=("inference", "training"), folder=str(folder)))
    assert gpus.facts_of("training") == {"works": True}
    assert gpus.facts_of("gpu") is None
    program.write_text("#!/bin/sh\necho Segmentation fault; exit 139\n")
    gpus._ask_python.cache_clear()
    assert gpus.facts_of("training") == {}
