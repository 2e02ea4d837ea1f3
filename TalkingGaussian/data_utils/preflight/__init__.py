"""The preflight: what is good and what is wrong with a video, in seconds, before anything long. Runs in `tg_eval`.

`check_video(path)` gives the rows; `python -m data_utils.preflight VIDEO` and `process.py VIDEO --check` print them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from talking_gaussian.errors import UserError

from data_utils.preflight.report import Report, Row, both

__all__ = ["Report", "Row", "check_video", "run_check"]

MARKS = {"ok": "ok  ", "info": "    ", "warn": "WARN", "bad": "BAD "}
BAD_INPUT = 2


def check_video(
    path: str | Path,
    progress: Callable[[float], None] = lambda share: None,
    start_s: float = 0.0,
    end_s: float | None = None,
) -> Report:
    """Look at a video, or only at [start_s, end_s) of it, and judge it for training; never raises for a bad file.

    progress: hears the share done, 0 to 1.
    """
    # late: what only wants the words of a report needs no models
    from data_utils.preflight.checks import every_check
    from data_utils.preflight.look import take_look

    try:
        look = take_look(Path(path), start_s, end_s, progress)
    except UserError as error:
        return Report(
            [Row("file", "bad", both("File", "文件"), both("unusable", "无法使用"), both(error.en, error.zh))]
        )
    return Report([row for check in every_check() for row in check(look)])


def run_check(video: Path, as_json: bool = False) -> int:
    """Print the report for a person (TFG_LANG) or a program; 0, or 2 where a bad row forbids the training."""
    report = check_video(video)
    if as_json:
        print(json.dumps(report.as_json(), ensure_ascii=False))
    else:
        lang = "zh" if os.environ.get("TFG_LANG", "").startswith("zh") else "en"
        for row in report.rows:
            fix = f"  -> {row.fix[lang]}" if row.fix else ""
            print(f"{MARKS[row.state]} {row.title[lang]:18} {row.value[lang]}{fix}")
    return BAD_INPUT if report.state == "bad" else 0
