"""A video of a person -> a dataset to train an avatar from.

python data_utils/process.py VIDEO [--out DIR] [--size 512] [--start_s S] [--end_s S] [--sound_shift_ms MS]
python data_utils/process.py --check VIDEO [--json]     only look whether the video will do
Run again it goes on after the last finished stage. Runs in `tg_eval` (scripts/process.sh enters it).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from talking_gaussian import command, stopping
from talking_gaussian.errors import UserError
from talking_gaussian.progress import Progress

from data_utils.dataset import Dataset, ProcessSettings

SIZES = (256, 1024)
STAGES = ("frames", "track", "fit", "masks", "plates")


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("video", type=Path)
    parser.add_argument("--out", type=Path, help="folder to write (default: beside the video)")
    parser.add_argument("--size", type=int, default=512, help="side of the picture, 256 to 1024, even (%(default)s)")
    parser.add_argument("--start_s", type=float, default=0.0, help="where the used part begins")
    parser.add_argument("--end_s", type=float, help="where it ends")
    parser.add_argument("--sound_shift_ms", type=float, default=0.0, help="how late the sound is against the lips")
    parser.add_argument("--check", action="store_true", help="only say whether the video will do")
    parser.add_argument("--json", action="store_true", help="with --check: as JSON")
    return parser


def process(video: Path, out: Path, settings: ProcessSettings) -> None:
    """Run what is not done yet. Raises UserError for a video that cannot be used."""
    if not (SIZES[0] <= settings.size <= SIZES[1] and settings.size % 2 == 0):
        raise UserError(
            "bad_size",
            f"--size must be an even number from {SIZES[0]} to {SIZES[1]}.",
            f"--size 必须是 {SIZES[0]} 到 {SIZES[1]} 的偶数。",
        )
    if not video.is_file():
        raise UserError("video_missing", f"There is no video file {video.name!r}.", f"找不到视频文件 {video.name!r}。")
    from data_utils import crop, masks, plates, track  # after the arguments are checked: mediapipe takes a second

    stages: dict[str, Callable[[Dataset, Progress], dict[str, Any]]] = {
        "frames": lambda data, progress: crop.cut_frames(video, data, progress),
        "track": track.track,
        "fit": track.fit,
        "masks": masks.segment,
        "plates": plates.make_plates,
    }
    progress = Progress(STAGES)
    data = Dataset(out, video, settings)
    for name, run in stages.items():
        progress.stage(name)
        if not data.is_done(name):
            data.finish(name, run(data, progress))


def main() -> int:
    """Check or process; a fault of the video is one sentence and exit code 2."""
    options = build_parser().parse_args()
    stopping.listen()
    if options.check:
        from data_utils.preflight import run_check

        return run_check(options.video, options.json)
    out = options.out or options.video.with_suffix("")
    settings = ProcessSettings(options.size, options.start_s, options.end_s, options.sound_shift_ms)
    return command.run(lambda: process(options.video, out, settings))


if __name__ == "__main__":
    sys.exit(main())
