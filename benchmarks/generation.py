"""How long a video takes and how much memory, everything included: process start, features, drawing, encoding.

python benchmarks/generation.py SPEECH.wav [--seconds 9 60 600] [--avatar DIR]

The speech is repeated to each length. Prints a table: wall time, wall time over the sound's length (below 1 is faster
than real time), the peak memory of the whole process tree, and what the same job costs through the bridge.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import wave
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PROJECT))

from bridges import talking_gaussian  # noqa: E402

SCRIPT = PROJECT / "TalkingGaussian" / "run_talkinggaussian.sh"
DEFAULT_AVATAR = PROJECT / "TalkingGaussian" / "avatars" / "presenter"


def repeated(speech: Path, seconds: float, target: Path) -> Path:
    """`speech` (PCM WAV) played over and over to a length."""
    with wave.open(str(speech), "rb") as source:
        parameters, samples = source.getparams(), source.readframes(source.getnframes())
    size = int(seconds * parameters.framerate) * parameters.sampwidth * parameters.nchannels
    with wave.open(str(target), "wb") as sink:
        sink.setparams(parameters)
        sink.writeframes((samples * (size // len(samples) + 1))[:size])
    return target


def tree_memory(root: int) -> int:
    """Proportional memory (PSS) of a process and all below it, in bytes."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue  # it ended between listing and reading
            parents.setdefault(parent, []).append(int(entry.name))
    total, todo = 0, [root]
    while todo:
        process = todo.pop()
        todo += parents.get(process, [])
        try:
            rows = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(row.split()[1]) * 1024 for row in rows if row.startswith("Pss:"))
    return total


def by_hand(avatar: Path, sound: Path, out: Path) -> tuple[float, float]:
    """The script as a user calls it -> seconds, peak memory in MB."""
    line = [
        "bash",
        str(SCRIPT),
        "infer",
        "--avatar",
        str(avatar),
        "--audio_file",
        str(sound),
        "--output_file",
        str(out),
    ]
    started, peak = time.monotonic(), 0
    with subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, tree_memory(process.pid))
            time.sleep(0.1)
    if process.returncode:
        sys.exit(f"the script failed with exit code {process.returncode}")
    return time.monotonic() - started, peak / 1e6


def by_bridge(avatar: Path, sound: Path) -> float:
    """The same through the bridge -> seconds until its end is seen."""
    started = time.monotonic()
    status = talking_gaussian.generate(avatar, sound).wait()
    if status.state != "done":
        sys.exit(f"the job ended as {status.state}: {status.error}")
    return time.monotonic() - started


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("speech", type=Path)
    parser.add_argument("--seconds", type=float, nargs="+", default=[9, 60])
    parser.add_argument("--avatar", type=Path, default=DEFAULT_AVATAR)
    options = parser.parse_args()
    print(f"{os.cpu_count()} CPU cores, avatar {options.avatar.name}")
    print("| sound, s | wall, s | wall / sound | peak memory, MB | through the bridge, s |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        for seconds in options.seconds:
            sound = repeated(options.speech, seconds, Path(scratch) / f"{seconds:g}.wav")
            wall, memory = by_hand(options.avatar, sound, Path(scratch) / "out.mp4")
            bridge = by_bridge(options.avatar, sound)
            print(f"| {seconds:g} | {wall:.1f} | {wall / seconds:.2f} | {memory:.0f} | {bridge:.1f} |", flush=True)


if __name__ == "__main__":
    main()
