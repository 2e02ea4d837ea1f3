"""Compare a generated video with its reference.

python metrics.py OUT GT [--region full face mouth] [--start S] [--metrics psnr,lmd,…] [--json] [--folder DIR]
python metrics.py --list

Prints a table, or with --json the report (see evaluation/report.py; a list of two with --also OUT2, a second output
against the same reference). With --folder, report.json, metrics.csv and table.tex go there, and into DIR/1 (and DIR/2)
frames.csv, frames.json (a curve a metric), the worst frames, and a video of both side by side.
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

from evaluation.measure import Settings, compare
from evaluation.metrics import METRICS, REGIONS, chosen, listing
from evaluation.report import Result, as_json, as_text, write_pictures, write_tables
from talking_gaussian import stopping
from talking_gaussian.errors import UserError, file_fault
from talking_gaussian.progress import Progress


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError("bad_arguments", f"{message}. See --help.", f"参数有误:{message}。请参阅 --help。")


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = _Parser(prog="metrics.py", description="Compare a generated video with its reference.")
    parser.add_argument("output", metavar="OUT", type=Path, nargs="?", help="the generated video")
    parser.add_argument("reference", metavar="GT", type=Path, nargs="?", help="the real video")
    parser.add_argument("--also", metavar="OUT2", type=Path, help="a second output, compared with the same reference")
    parser.add_argument("--region", nargs="+", choices=REGIONS, default=["full"], help="where pixels are compared")
    parser.add_argument("--start", type=float, default=0.0, metavar="S", help="second of GT that OUT begins with")
    parser.add_argument("--metrics", default="all", help="names with commas between: " + ", ".join(METRICS))
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument("--folder", type=Path, help="where report, curves and pictures are written")
    parser.add_argument("--name", help="what OUT is called in tables (default: its file's name)")
    parser.add_argument("--also_name", help="what OUT2 is called in tables")
    parser.add_argument("--list", action="store_true", help="print all metrics as JSON, with what each lacks here")
    return parser


def evaluate(options: argparse.Namespace) -> list[Result]:
    """Measure each output, and write what was asked for."""
    outputs = [(options.name or options.output.stem, options.output)]
    if options.also:
        outputs.append((options.also_name or options.also.stem, options.also))
    metrics = chosen(options.metrics)
    parts = ["measure", "pictures"] if options.folder else ["measure"]
    progress = Progress([f"{part}{suffix}" for suffix in ("", "_second")[: len(outputs)] for part in parts])
    results = []
    for number, (name, output) in enumerate(outputs, 1):
        suffix = "_second" if number == 2 else ""
        progress.stage(f"measure{suffix}")
        settings = Settings(output, options.reference, metrics, tuple(options.region), options.start)
        result = Result(name, compare(settings, progress.step))
        if options.folder:
            progress.stage(f"pictures{suffix}")
            result = write_pictures(result, options.folder / str(number), progress)
        results.append(result)
    if options.folder:
        write_tables(results, options.folder)
    return results


def main(arguments: Sequence[str]) -> int:
    """Run; a fault of the input becomes one sentence and exit code 2."""
    lang = os.environ.get("TFG_LANG", "en")
    try:
        options = build_parser().parse_args(arguments)
        if options.list:
            print(json.dumps(listing(), ensure_ascii=False))
            return 0
        if options.reference is None:
            raise UserError("bad_arguments", "Give two videos: OUT and GT.", "请提供两个视频:OUT 与 GT。")
        results = evaluate(options)
    except UserError as error:
        return refused(error, lang)
    except OSError as error:
        return refused(file_fault(error), lang)
    except stopping.Stopped as stopped:
        return 128 + stopped.number
    if options.json:
        reports = [as_json(result) for result in results]
        print(json.dumps(reports if options.also else reports[0], ensure_ascii=False))
    for result in results if not options.json else ():
        print(as_text(result, lang))
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
