"""Compare a generated video with its reference.

python metrics.py OUT GT [--region full face mouth] [--start S] [--metrics psnr,lmd,…] [--json] [--folder DIR]

Prints a table, or with --json the report (see evaluation/report.py). With --folder also report.json, metrics.csv,
frames.csv, frames.json (a curve a metric), table.tex, the worst frames and a video of both side by side go there.
Exit codes: 0 done, 2 bad input (one sentence on stderr), anything else a crash. Runs in the environment tg_eval.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from evaluation.measure import Comparison, Settings, compare
from evaluation.metrics import METRICS, REGIONS, chosen
from evaluation.pictures import write_pair, write_worst
from evaluation.report import as_csv, as_json, as_latex, as_text, curves_csv, curves_json
from talking_gaussian import stopping
from talking_gaussian.errors import UserError, file_fault
from talking_gaussian.progress import Progress


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError("bad_arguments", f"{message}. See --help.", f"参数有误:{message}。请参阅 --help。")


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = _Parser(prog="metrics.py", description="Compare a generated video with its reference.")
    parser.add_argument("output", metavar="OUT", type=Path, help="the generated video")
    parser.add_argument("reference", metavar="GT", type=Path, help="the real video")
    parser.add_argument("--region", nargs="+", choices=REGIONS, default=["full"], help="where pixels are compared")
    parser.add_argument("--start", type=float, default=0.0, metavar="S", help="second of GT that OUT begins with")
    parser.add_argument("--metrics", default="all", help="names with commas between: " + ", ".join(METRICS))
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--folder", type=Path, help="where report, curves and pictures are written")
    parser.add_argument("--name", default="", help="what the output is called in table.tex")
    return parser


def evaluate(options: argparse.Namespace) -> Comparison:
    """Measure, and write what was asked for."""
    settings = Settings(
        options.output, options.reference, chosen(options.metrics), tuple(options.region), options.start
    )
    progress = Progress(["measure", "pictures"] if options.folder else ["measure"])
    progress.stage("measure")
    comparison = compare(settings, progress.step)
    if options.folder:
        progress.stage("pictures")
        write_folder(comparison, options.folder, options.name or options.output.stem, progress)
    return comparison


def write_folder(comparison: Comparison, folder: Path, name: str, progress: Progress) -> None:
    """Report, tables, curves, worst frames, and both videos side by side."""
    folder.mkdir(parents=True, exist_ok=True)
    write_pair(comparison.alignment, folder / "pair.mp4", progress.step)
    worst = write_worst(comparison, folder)
    report = {**as_json(comparison), "worst": worst}
    texts = {
        "report.json": json.dumps(report, ensure_ascii=False, indent=1),
        "frames.json": json.dumps(curves_json(comparison)),
        "metrics.csv": as_csv(comparison),
        "frames.csv": curves_csv(comparison),
        "table.tex": as_latex(comparison, name),
    }
    for file, text in texts.items():
        (folder / file).write_text(text, encoding="utf-8")


def main(arguments: Sequence[str]) -> int:
    """Run; a fault of the input becomes one sentence and exit code 2."""
    lang = os.environ.get("TFG_LANG", "en")
    try:
        options = build_parser().parse_args(arguments)
        comparison = evaluate(options)
    except UserError as error:
        return refused(error, lang)
    except OSError as error:
        return refused(file_fault(error), lang)
    except stopping.Stopped as stopped:
        return 128 + stopped.number
    print(json.dumps(as_json(comparison), ensure_ascii=False) if options.json else as_text(comparison, lang))
    return 0


def refused(error: UserError, lang: str) -> int:
    """Say what cannot be used, for a person and in a job for the page; the exit code."""
    if os.environ.get("TFG_JOB_DIR"):
        report = {"code": error.code, "en": error.en, "zh": error.zh}
        print("@error", json.dumps(report, ensure_ascii=False), file=sys.stderr)
    print(f"error: {error.sentence(lang)}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    stopping.listen()
    sys.exit(main(sys.argv[1:]))
