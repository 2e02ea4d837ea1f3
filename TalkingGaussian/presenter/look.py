"""Look at the presenter: one picture of chosen face units.

usage: python look.py DATA OUT.png [--samples N] [--yaw DEG] [unit=weight ...]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from motion_schedule import coefficients, head_matrix
from presenter import build
from scene import Studio


def main() -> None:
    """Render one pose."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("units", nargs="*")
    parser.add_argument("--samples", type=int, default=10)
    parser.add_argument("--yaw", type=float, default=0.0)
    args = parser.parse_intermixed_args()
    start = time.time()
    studio = Studio(build(args.data), args.samples)
    print(f"built in {time.time() - start:.1f} s")
    for picture in args.units or [""]:
        shape = dict(setting.split("=") for setting in filter(None, picture.split(",")))
        coeffs = coefficients({name: float(weight) for name, weight in shape.items()})
        studio.pose(coeffs, head_matrix(args.yaw, 0, 0, np.zeros(3)))
        start = time.time()
        out = args.out if not picture else args.out.with_stem(f"{args.out.stem}_{picture.replace(',', '_')}")
        studio.render(out)
        print(f"{out} in {time.time() - start:.1f} s")


if __name__ == "__main__":
    main()
