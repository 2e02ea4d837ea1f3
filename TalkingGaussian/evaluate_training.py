"""Judge a trained avatar by the frames it never saw, and write the figures into its facts.

python evaluate_training.py WORKSPACE     (after train_fuse.py; in `tg_eval`)
Writes WORKSPACE/report.json: the figures of the drawn frames (lips from the sound) and, beside them, of the same
avatar with its mouth frozen: what a figure is worth shows in the difference.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from evaluation.measure import Settings, compare
from evaluation.metrics import chosen
from talking_gaussian import command, stopping
from talking_gaussian.progress import Progress
from talking_gaussian.training.workspace_files import HELD_OUT, HELD_OUT_FROZEN, HELD_OUT_REAL

FIGURES = "lmd,lmd_centred,opening,rounding,psnr,ssim"
REGIONS = ("full", "face", "mouth")


def judge(workspace: Path) -> None:
    """Write report.json and add its figures to the avatar's facts; nothing is judged where no frame was held out."""
    progress = Progress(("evaluate",))
    progress.stage("evaluate")
    report: dict[str, dict[str, float | None]] = {}
    if (workspace / HELD_OUT).is_file():
        for name, file in (("avatar", HELD_OUT), ("frozen", HELD_OUT_FROZEN)):
            settings = Settings(workspace / file, workspace / HELD_OUT_REAL, chosen(FIGURES), REGIONS)
            report[name] = {row.key: row.value for row in compare(settings, progress.step).rows}
    (workspace / "report.json").write_text(json.dumps(report, indent=1))
    path = workspace / "avatar" / "avatar.json"
    facts = json.loads(path.read_text(encoding="utf-8"))
    facts["training"]["held_out"] = report
    path.write_text(json.dumps(facts, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def main() -> int:
    """Judge; a fault is one sentence and exit code 2."""
    workspace = Path(sys.argv[1])
    stopping.listen()
    return command.run(lambda: judge(workspace))


if __name__ == "__main__":
    sys.exit(main())
