"""python -m data_utils.preflight VIDEO [--json | --report FILE] [--start_s S] [--end_s S]

--report: write the JSON there and end with 0 whatever it says (for the job of the page).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from talking_gaussian.progress import Progress

from data_utils.preflight import check_video, run_check


def main() -> int:
    """Exit code 0, or 2 where the video cannot be trained on."""
    parser = argparse.ArgumentParser(prog="preflight", description="Is this video good enough to train an avatar?")
    parser.add_argument("video", type=Path)
    parser.add_argument("--json", action="store_true", help="print the report for a program")
    parser.add_argument("--report", type=Path, help="write the report here as JSON; exit code 0 whatever it says")
    parser.add_argument("--start_s", type=float, default=0.0, help="look only from here on")
    parser.add_argument("--end_s", type=float, help="look only up to here")
    options = parser.parse_args()
    if not options.report:
        return run_check(options.video, options.json)
    hush_models()
    progress = Progress(["check"])
    progress.stage("check")
    report = check_video(
        options.video, lambda share: progress.step(round(100 * share), 100), options.start_s, options.end_s
    )
    options.report.write_text(json.dumps(report.as_json(), ensure_ascii=False, indent=1), encoding="utf-8")
    return 0


def hush_models() -> None:
    """Keep stderr for ourselves: mediapipe's C++ part talks there past every switch, and a person reads our log."""
    ours = os.dup(sys.stderr.fileno())
    with open(os.devnull, "wb") as nothing:  # noqa: PTH123 (a device)
        os.dup2(nothing.fileno(), sys.stderr.fileno())
    sys.stderr = os.fdopen(ours, "w", encoding="utf-8", buffering=1)


if __name__ == "__main__":
    sys.exit(main())
