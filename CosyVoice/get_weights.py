"""CosyVoice's models: what there is, fetching one, taking one over from a folder. Any Python from 3.10 on.

bash get_weights.sh list [--json]
bash get_weights.sh CosyVoice2-0.5B [--hub huggingface|modelscope] [--yes]
bash get_weights.sh --from-folder DIR

Models come to models/cosyvoice under TFG_HOME (default: the project). A model folder's yaml can carry code: use only
folders that you trust.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from talking_gaussian.errors import UserError, file_fault
from talking_gaussian.progress import Progress
from voice_engine.models import check_source, default_source
from voice_engine.weights import HUBS, STAGES, fetch, import_folder, listing


def main(arguments: list[str]) -> int:
    """Do what the command line says; exit code 2 with one sentence where it cannot be done."""
    parser = argparse.ArgumentParser(
        prog="get_weights.sh", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", nargs="?", help="a name of the list, or: list")
    parser.add_argument("--hub", choices=tuple(HUBS), default=os.environ.get("TFG_HUB", "huggingface"))
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--from-folder", type=Path, metavar="DIR", help="copy a model folder from a disk")
    parser.add_argument("--json", action="store_true", help="list: for programs")
    options = parser.parse_args(arguments)
    try:
        if options.from_folder:
            print(f"{import_folder(options.from_folder, Progress(STAGES)).path.name} is ready.")
        elif options.model in (None, "list"):
            show_list(options.json)
        else:
            agreed = options.yes or bool(os.environ.get("TFG_JOB_DIR"))
            done = fetch(
                options.model, options.hub, Progress(STAGES), lambda *facts: agree(options.model, agreed, *facts)
            )
            print(f"{done.path.name} is ready.")
    except UserError as error:
        return refused(error)
    except OSError as error:
        return refused(file_fault(error))
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


def agree(name: str, agreed: bool, size: int, free: int, folder: Path) -> bool:
    """Say the size first, and ask at a terminal."""
    print(f"{name}: {size / 1e9:.2f} GB to fetch into {folder}; {free / 1e9:.0f} GB are free.", flush=True)
    if agreed:
        return True
    if not sys.stdin.isatty():
        raise UserError("not_confirmed", "Add --yes to fetch it.", "请加上 --yes 以开始下载。")
    return input("Fetch it? [y/N] ").strip().lower().startswith("y")


def show_list(as_json: bool) -> None:
    """The models, and whether CosyVoice's code is there."""
    rows = listing()
    try:
        check_source(default_source())
        source = True
    except UserError:
        source = False
    if as_json:
        print(json.dumps({"source": source, "models": rows}, ensure_ascii=False))
        return
    for row in rows:
        size = f"about {row['about_gb']} GB" if row["about_gb"] else ""
        print(f"{row['name']:26} {row['state']:11} {size:13} {row['about']['en']}")
    print(f"CosyVoice's code: {'there' if source else 'missing; bash CosyVoice/get_upstream.sh'}")


def refused(error: UserError) -> int:
    """One sentence; the exit code."""
    if os.environ.get("TFG_JOB_DIR"):
        report = {"code": error.code, "en": error.en, "zh": error.zh}
        print("@error", json.dumps(report, ensure_ascii=False), file=sys.stderr)
    print(f"error: {error.sentence(os.environ.get('TFG_LANG', 'en'))}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
