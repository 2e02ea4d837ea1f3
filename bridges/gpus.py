"""NVIDIA cards of this machine, the seats of jobs on them, and whether what is installed can use them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from bridges.errors import RequestError
from bridges.jobs.seats import cards_of

QUERY = "index,name,memory.total,memory.used,driver_version,compute_cap"
ASK_S, FACTS_S = 20.0, 90.0
ENVIRONMENT = "talking_gaussian"
OLDEST_SM = 75  # what Warp, which draws on cards, compiles for: Turing and newer
TORCH_FACTS = """
import json, torch
print(json.dumps({"version": torch.__version__, "cuda": torch.version.cuda, "archs": torch.cuda.get_arch_list(),
                  "works": torch.cuda.is_available()}))
"""
WARP_FACTS = """
import json, warp
warp.config.log_level = warp.LOG_WARNING
warp.init()
print(json.dumps({"version": warp.__version__, "cards": [int(device.arch) for device in warp.get_cuda_devices()]}))
"""


@dataclass(frozen=True)
class Card:
    """A card as nvidia-smi tells. index: its number there; memory_mb, used_mb: MiB; capability: (12, 0) for sm_120."""

    index: int
    name: str
    memory_mb: int
    used_mb: int
    driver: str
    capability: tuple[int, int]

    @property
    def sm(self) -> int:
        """The capability as compilers write it: 90, 120."""
        return self.capability[0] * 10 + self.capability[1]


def ask_driver() -> tuple[list[Card], str]:
    """The cards, and what nvidia-smi says where it is there but cannot tell of them ("" otherwise)."""
    program = shutil.which("nvidia-smi")
    if not program:
        return [], ""
    query = [program, f"--query-gpu={QUERY}", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=ASK_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return [], f"nvidia-smi: {type(error).__name__}"
    lines = answer.stdout.splitlines()
    cards = [card for card in map(_read_row, lines) if card] if answer.returncode == 0 else []
    said = (lines or answer.stderr.splitlines() or [f"nvidia-smi: {answer.returncode}"])[0].strip()
    return cards, "" if cards else said[:200]


def list_gpus() -> list[Card]:
    """NVIDIA cards; empty where there is no driver."""
    return ask_driver()[0]


def _read_row(line: str) -> Card | None:
    parts = [part.strip() for part in line.split(",")]
    if len(parts) != len(QUERY.split(",")):
        return None
    index, name, total, used, driver, capability = parts
    major, _, minor = capability.partition(".")
    if not all(number.isdecimal() for number in (index, total, used, major, minor)):
        return None
    return Card(int(index), name, int(total), int(used), driver, (int(major), int(minor)))


# --- seats ------------------------------------------------------------------------------------------------------------


def check_device(device: str, several: bool = False) -> None:
    """Raises RequestError unless it is auto, cpu or a card's number. several: `all` will do too. A machine without
    cards takes any of them (all is done on its CPU, as scripts written for other machines expect)."""
    if device in ("auto", "cpu") or (several and device == "all"):
        return
    if not (device.isascii() and device.isdecimal() and len(device) <= 2):
        raise RequestError(
            "bad_device",
            f"device must be auto, cpu or the number of a GPU, not {device!r}.",
            f"设备必须是 auto、cpu 或 GPU 编号,而不是 {device!r}。",
        )
    cards = list_gpus()
    if cards and int(device) not in [card.index for card in cards]:
        listed = ", ".join(f"{card.index} ({card.name})" for card in cards)
        raise RequestError(
            "no_gpu",
            f"There is no GPU {device}; device can be auto, cpu or one of: {listed}.",
            f"没有编号为 {device} 的显卡;设备可以是 auto、cpu 或以下之一:{listed}。",
        )


def seat_to_draw(device: str) -> str:
    """The seat of a job that draws: that of the card that was named; for auto one of any card that can be used; a
    CPU's where there is none, where what draws on it is not installed, or where trainings, which take long, have all
    of them."""
    if device.isdecimal():
        return f"gpu-{int(device)}"
    cards = list_gpus() if device == "auto" else []
    if not cards or not part_is_ready("gpu") or trainings_on_cards() >= len(cards):
        return "cpu"
    return _seat_of_any(cards)


def seat_to_train(device: str) -> str:
    """The seat of a job that trains, before which what works on a card is installed: that of the card that was named;
    for auto one of any card, for all those of every card; the CPU trainings' where there is none."""
    if device.isdecimal():
        return f"gpu-{int(device)}"
    cards = list_gpus() if device in ("auto", "all") else []
    if not cards:
        return "train"
    return _seat_of_any(cards) if device == "auto" else "gpus-" + ",".join(str(card.index) for card in cards)


def trainings_on_cards() -> int:
    """How many cards trainings have or wait for."""
    from bridges.jobs.job import adopt  # requests, which jobs are made of, need this module

    kinds = [job.seat for job in adopt() if job.status().kind == "train"]
    return sum(len(cards_of(kind)) if kind.startswith("gpus-") else kind.startswith("gpu-") for kind in kinds)


def _seat_of_any(cards: list[Card]) -> str:
    return "gpu-" + ",".join(str(card.index) for card in cards)


def part_is_ready(part: str) -> bool:
    """Whether the avatar engine's environment has this part."""
    return part in _engine().parts


def _engine() -> Any:
    from bridges import environments  # requests, which environments are made of, need this module

    return environments.check(ENVIRONMENT)


# --- whether what is installed can use a card -------------------------------------------------------------------------


def facts_of(part: str) -> dict[str, Any] | None:
    """What torch (part training) or Warp (part gpu) say of the cards; None where the part is not there; {} where the
    package fails to load. Asked once for each state of the environment, since importing torch takes seconds."""
    state = _engine()
    if part not in state.parts:
        return None
    folder = Path(state.folder)
    return _ask_python(str(folder / "bin" / "python"), part, folder.stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _ask_python(python: str, part: str, _changed: int) -> dict[str, Any]:
    question = {"training": TORCH_FACTS, "gpu": WARP_FACTS}[part]
    try:
        answer = subprocess.run(
            [python, "-I", "-c", question], capture_output=True, text=True, timeout=FACTS_S, check=False
        )
        return json.loads(answer.stdout.splitlines()[-1]) if answer.returncode == 0 else {}
    except (OSError, subprocess.TimeoutExpired, ValueError, IndexError):
        return {}


def built_for(archs: list[str], sm: int) -> bool:
    """Whether code built for `archs` (torch.cuda.get_arch_list) runs on a card of capability `sm` (90 for 9.0).

    Machine code (sm_80) runs on cards of the same major number that are not older; PTX (compute_80) is compiled by the
    driver for any newer card; variants for one card alone (sm_90a) on that card only. (CUDA C++ Programming Guide,
    "Binary Compatibility" and "PTX Compatibility".)
    """
    for arch in archs:
        found = re.fullmatch(r"(sm|compute)_(\d+)([a-z]?)", arch)
        if not found:
            continue
        kind, number, only = found[1], int(found[2]), found[3]
        if number == sm or (not only and number < sm and (kind == "compute" or number // 10 == sm // 10)):
            return True
    return False
