"""How fast a GPU makes whole videos, sound to MP4, which part is the limit, and how far they are from the CPU's.

PYTHONPATH=TalkingGaussian python benchmarks/video_gpu.py [--gpu ID] [--seconds 120] [--audio_file WAV] [--json FILE]
Runs in the talking_gaussian environment with its gpu part. `--gpu cpu` shows this program without a card.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import wave
from pathlib import Path
from typing import Any

import av
import numpy as np
from talking_gaussian.avatar import load_avatar
from talking_gaussian.video.intra import IntraVideo, IntraWriter
from talking_gaussian.video.plates import damaged

PROJECT = Path(__file__).resolve().parents[1]
ENGINE = PROJECT / "TalkingGaussian" / "run_talkinggaussian.sh"
COMPARED_S = 4  # of sound, drawn by both


def main() -> None:
    """Print a block a size and kind of sound features; --json writes the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--avatar", type=Path, default=PROJECT / "TalkingGaussian" / "avatars" / "presenter")
    parser.add_argument("--audio_file", type=Path, default=PROJECT / "TalkingGaussian" / "samples" / "en.wav")
    parser.add_argument("--gpu", default="0")
    parser.add_argument("--seconds", type=int, default=120, help="length of the video: the sound is repeated")
    parser.add_argument("--sizes", type=int, nargs="*", default=[512, 1024])
    parser.add_argument("--features", nargs="*", default=["visemes", "mel"])
    parser.add_argument(
        "--one_plate", action="store_true", help="keep the avatar's plates; else every pose gets its own"
    )
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        long, short = Path(folder) / "long.wav", Path(folder) / "short.wav"
        repeat(options.audio_file, long, options.seconds)
        repeat(options.audio_file, short, COMPARED_S)
        if not options.one_plate:
            options.avatar = with_plates(options.avatar, Path(folder) / "avatar")
        for size in options.sizes:
            ours, theirs = Path(folder) / "ours.mp4", Path(folder) / "theirs.mp4"
            made(options, short, ours, size, "visemes", options.gpu)  # compiles what is not compiled, too
            made(options, short, theirs, size, "visemes", "cpu")
            print(f"{size} px: {likeness(ours, theirs):.1f} dB between the MP4s of {options.gpu} and cpu")
            for features in options.features:
                rows.append(made(options, long, ours, size, features, options.gpu))
                print(json.dumps({key: value for key, value in rows[-1].items() if key != "said"}))
                print(rows[-1]["said"], flush=True)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


def made(options: argparse.Namespace, sound: Path, video: Path, size: int, features: str, gpu: str) -> dict[str, Any]:
    """Run the engine as a user would -> its figures; raises RuntimeError with its words where it fails."""
    line = ["infer", "--avatar", str(options.avatar), "--audio_file", str(sound), "--output_file", str(video)]
    line += ["--size", str(size), "--audio_features", features, "--gpu", gpu, "--profile"]
    began = time.perf_counter()
    done = subprocess.run(["bash", str(ENGINE), *line], capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    words = [text for text in done.stderr.splitlines() if not text.startswith("@")]
    if done.returncode:
        raise RuntimeError("\n".join(words))
    with av.open(str(video)) as container:
        frames = container.streams.video[0].frames
    said = re.search(r"note: \d+ frames in .* s, (\d+) a second", done.stderr)
    return {
        **{"size": size, "features": features, "gpu": gpu, "cores": os.cpu_count(), "frames": frames},
        **{"whole_run_s": round(seconds, 2), "frames_a_second_with_start": round(frames / seconds, 1)},
        **{"frames_a_second_once_begun": int(said[1]) if said else None, "mb": round(video.stat().st_size / 1e6, 2)},
        "said": "\n".join([*done.stdout.splitlines(), *words]),
    }


def with_plates(avatar: Path, folder: Path) -> Path:
    """A copy of an avatar with a plate for every pose, as one has that was trained from a video: the first of its
    plates, which moves a little, so that each has to be decoded and sent."""
    shutil.copytree(avatar, folder)
    loaded = load_avatar(avatar)
    source = IntraVideo(avatar / "plates.mp4", loaded.size, damaged)
    plate = source.frame(0)
    source.close()
    with IntraWriter(folder / "plates.mp4", plate.shape[:2], loaded.fps, preset="veryfast") as writer:
        for number in range(len(loaded.head)):
            writer.write(np.roll(plate, number % 8, axis=1))
    return folder


def repeat(sound: Path, target: Path, seconds: int) -> None:
    """The sound (16-bit wav) over and over until it lasts `seconds`."""
    with wave.open(str(sound)) as source:
        rate, channels = source.getframerate(), source.getnchannels()
        samples = np.frombuffer(source.readframes(source.getnframes()), "<i2").reshape(-1, channels)
    with wave.open(str(target), "wb") as sink:
        sink.setparams((channels, 2, rate, 0, "NONE", ""))
        sink.writeframes(np.resize(samples, (seconds * rate, channels)).tobytes())


def likeness(ours: Path, theirs: Path) -> float:
    """PSNR of two videos, dB."""
    error = [
        np.mean((one.to_ndarray(format="rgb24").astype(float) - other.to_ndarray(format="rgb24")) ** 2)
        for one, other in zip(av.open(str(ours)).decode(video=0), av.open(str(theirs)).decode(video=0), strict=True)
    ]
    return float(10 * np.log10(255**2 / max(np.mean(error), 1e-9)))


if __name__ == "__main__":
    main()
