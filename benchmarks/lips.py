"""Do the lips move with the sound? Measured on the finished video by mediapipe's face mesh.

PYTHONPATH=TalkingGaussian:TalkingGaussian/motion_training python benchmarks/lips.py [--plot lips.svg --speech WAV …]

Sentences that no training saw are spoken by flite (Debian package `flite`), which tells when each phone is. One video
is driven by those times (what the lips should do), one by the sound alone (what they do), one is frozen at rest. Their
mouth openings, measured alike, are correlated. `--speech` adds recordings: the opening is drawn over their loudness.
Runs in an environment with the engine; the mesh is measured in `tg_eval`
(python environments/manage.py create tg_eval).
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import tempfile
import wave
from itertools import pairwise
from pathlib import Path

import numpy as np
from speech_synthesis import speak_flite
from talking_gaussian.audio.reader import probe_audio, read_audio
from talking_gaussian.avatar import load_avatar
from talking_gaussian.inference import GenerateSettings, generate
from talking_gaussian.motion.mapping import place_units
from talking_gaussian.motion.visemes import SPEECH_UNITS, phones_to_motion
from talking_gaussian.stage import Stage
from talking_gaussian.video.mp4_writer import Mp4Writer

PROJECT = Path(__file__).resolve().parents[1]
VOICES = ("slt", "rms", "awb", "kal")
SENTENCES = (
    "My brother painted the wooden fence purple before anybody woke up.",
    "If you move the lamp, the whole room becomes warmer and far more peaceful.",
    "Five brave young women built a bridge above the muddy river.",
    "Please bring me a cup of black coffee, and a map of the old harbour.",
)
FPS = 25
FROZEN = "frozen at rest"


def spoken(voice: str, folder: Path) -> tuple[Path, np.ndarray]:
    """All sentences by one voice -> a WAV, and what the speech units should do [T, U]."""
    said = speak_flite(" ".join(SENTENCES), voice)
    path = folder / f"{voice}.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, said.rate, 0, "NONE", ""))
        file.writeframes((np.clip(said.samples, -1, 1) * 32767).astype("<i2").tobytes())
    frames = math.ceil(len(said.samples) / said.rate * FPS - 1e-6)
    return path, phones_to_motion(said.phones, FPS, frames, said.alphabet)


def render(avatar: Path, motion: np.ndarray, out: Path) -> Path:
    """A video of given speech-unit motion [T, U]."""
    loaded = load_avatar(avatar)
    stage = Stage(loaded, loaded.size)
    with Mp4Writer(out, loaded.size, FPS, None) as writer:
        for index, row in enumerate(place_units(motion, SPEECH_UNITS, loaded.units)):
            writer.write(stage.draw(row, index / FPS))
    return out


def measured(videos: list[Path]) -> list[np.ndarray]:
    """The mouth openings of videos, NaN where no face was found."""
    script = (
        f"source environments/resolve.sh; tfg_exec tg_eval python '{Path(__file__).parent / 'measure_lips.py'}' \"$@\""
    )
    line = ["bash", "-c", script, "lips", *map(str, videos)]
    answer = subprocess.run(line, cwd=PROJECT, capture_output=True, text=True, check=True)
    return [np.array(json.loads(row), float) for row in answer.stdout.splitlines() if row.startswith("[")]


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's r over the frames in which both have a face; 0 where one does not move."""
    count = min(len(a), len(b))
    both = np.isfinite(a[:count]) & np.isfinite(b[:count])
    if a[:count][both].std() < 1e-3 or b[:count][both].std() < 1e-3:
        return 0.0
    return float(np.corrcoef(a[:count][both], b[:count][both])[0, 1])


def loudness(path: Path, frames: int) -> np.ndarray:
    """RMS of the sound in each video frame."""
    samples = np.concatenate(list(read_audio(path)))
    edges = np.linspace(0, len(samples), frames + 1).astype(int)
    return np.array([np.sqrt(np.mean(samples[a:b] ** 2)) if b > a else 0 for a, b in pairwise(edges)])


def plot(curves: dict[str, tuple[np.ndarray, np.ndarray]], path: Path) -> None:
    """An SVG: the measured opening (line) over the loudness (area), one row a recording."""
    width, height, rows = 900, 130, []
    for row, (name, (opened, loud)) in enumerate(curves.items()):
        base, scale = (row + 1) * height - 15, height - 45
        area = " ".join(f"{width * i / len(loud):.1f},{base - scale * v / loud.max():.1f}" for i, v in enumerate(loud))
        top = np.nanmax(opened)
        line = " ".join(
            f"{width * i / len(opened):.1f},{base - scale * v / top:.1f}" for i, v in enumerate(opened) if v == v
        )
        rows.append(
            f'<text x="4" y="{row * height + 18}">{name}: mouth opening (line, up to {top:.2f} eye distances) over '
            f"loudness (grey)</text>"
            f'<polygon points="0,{base} {area} {width},{base}" fill="#cbd5e1"/>'
            f'<polyline points="{line}" fill="none" stroke="#0d9488" stroke-width="1.5"/>'
        )
    size = f'width="{width}" height="{height * len(curves)}"'
    style = 'font-family="sans-serif" font-size="13" style="background:#fff"'
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>{"".join(rows)}</svg>\n')


def synthetic(avatar: Path, folder: Path) -> None:
    """The table of correlations, the frozen face beside it."""
    print("| voice | r, driven by sound | r, frozen face | opening in silence | opening, 90th percentile |")
    print("|---|---|---|---|---|")
    for voice in VOICES:
        sound, motion = spoken(voice, folder)
        heard = folder / f"{voice}.mp4"
        generate(GenerateSettings(avatar, sound, heard))
        truth = render(avatar, motion, folder / f"{voice}-truth.mp4")
        frozen = render(avatar, np.zeros_like(motion), folder / f"{voice}-frozen.mp4")
        wanted, got, rest = measured([truth, heard, frozen])
        silent = motion.sum(1) == 0
        print(
            f"| {voice} | {correlation(wanted, got):.2f} | {correlation(wanted, rest):.2f} | "
            f"{np.nanmedian(got[: len(silent)][silent[: len(got)]]):.3f} | {np.nanpercentile(got, 90):.3f} |",
            flush=True,
        )


def recordings(avatar: Path, speech: list[Path], folder: Path, picture: Path) -> None:
    """Openings of real recordings, in their quietest and loudest tenths, and the plot."""
    curves = {}
    print("| recording | r with loudness | median opening: quietest fifth | loudest fifth |")
    print("|---|---|---|---|")
    for sound in speech:
        out = folder / f"{sound.stem}-real.mp4"
        generate(GenerateSettings(avatar, sound, out))
        opened = measured([out])[0]
        loud = loudness(sound, math.ceil(probe_audio(sound).duration_s * FPS - 1e-6))[: len(opened)]
        quiet, noisy = loud <= np.percentile(loud, 20), loud >= np.percentile(loud, 80)
        row = (correlation(opened, loud), np.nanmedian(opened[quiet]), np.nanmedian(opened[noisy]))
        print(f"| {sound.name} | {row[0]:.2f} | {row[1]:.3f} | {row[2]:.3f} |", flush=True)
        curves[sound.name] = (opened, loud)
    plot(curves, picture)


def main() -> None:
    """Print the tables, draw the plot."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--avatar", type=Path, default=PROJECT / "TalkingGaussian" / "avatars" / "presenter")
    parser.add_argument("--speech", type=Path, nargs="*", default=[])
    parser.add_argument("--plot", type=Path, default=Path("lips.svg"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        synthetic(options.avatar, Path(folder))
        if options.speech:
            recordings(options.avatar, options.speech, Path(folder), options.plot)


if __name__ == "__main__":
    main()
