"""Machines with NVIDIA cards, as far as nvidia-smi tells of them."""

from __future__ import annotations

from pathlib import Path

import pytest

H200 = {
    "index": 0,
    "name": "NVIDIA H200",
    "total": 143771,
    "free": 143000,
    "used": 771,
    "driver": "580.95",
    "cap": "9.0",
}
RTX_5090 = {
    **{"index": 1, "name": "NVIDIA GeForce RTX 5090", "total": 32607, "free": 32000, "used": 607},
    **{"driver": "580.95", "cap": "12.0"},
}
FIELDS = {
    **{"index": "index", "name": "name", "memory.total": "total", "memory.free": "free", "memory.used": "used"},
    **{"driver_version": "driver", "compute_cap": "cap"},
}


def install(folder: Path, monkeypatch: pytest.MonkeyPatch, *cards: dict, says: str = "", code: int = 0) -> None:
    """Put an nvidia-smi on the PATH that answers `--query-gpu=…` for these cards, or `says` a line instead."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = "\n".join("|".join(str(card[key]) for key in FIELDS.values()) for card in cards)
    order = " ".join(FIELDS)
    script = f"""#!/usr/bin/env python3
import sys
if {says!r} or {code}:
    print({says!r}); sys.exit({code})
names = [word for word in sys.argv if word.startswith("--query-gpu=")][0].split("=")[1].split(",")
for row in {rows!r}.splitlines():
    facts = dict(zip({order!r}.split(), row.split("|")))
    print(", ".join(facts[name] for name in names))
"""
    program = folder / "nvidia-smi"
    program.write_text(script)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("TFG_GPU", raising=False)
