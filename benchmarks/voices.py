"""The embedded voice on one core: how fast, how well understood, how near a prompt's pitch.

PYTHONPATH=CosyVoice:TalkingGaussian environments/.envs/cosyvoice/bin/python benchmarks/voices.py [PROMPT …]

PROMPT: recordings of voices, any sound file or video of 3 s or more. Word errors are those of pocketsphinx, which hears
clean speech with errors of its own: an upper bound. --plot needs matplotlib (the environment's cloning part).
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import time
from pathlib import Path

import numpy as np
from voice_engine.conversion import ANALYSIS_RATE
from voice_engine.embedded.voice import EmbeddedVoice
from voice_engine.pitch import track_pitch
from voice_engine.prompt import prepare_prompt
from voice_engine.sound import OUTPUT_RATE, resample
from voice_engine.text.normalise import spoken_form
from voice_engine.text.splitting import split_text
from voice_engine.transcribe import hear_english

ENGLISH = (
    "The weather is nice today, and the sun is shining over the hills.",
    "We bought three apples and a loaf of bread at the market this morning.",
    "Please tell me how long it takes to walk from the station to the river.",
    "She opened the window because the room had become too warm for everyone.",
    "The meeting will begin at nine o'clock and should be over before noon.",
    "He had never seen such a large crowd in the streets of the old town.",
    "If you want to learn a language, you have to practise it every day.",
    "The children played in the garden until their mother called them for dinner.",
)
MANDARIN = (
    "今天天气很好,我们一起去公园散步。请问从火车站走到河边需要多长时间?"
    "这个城市有很多高楼,也有很多安静的小路。他们昨天晚上在家里做了一桌好吃的饭菜。"
)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prompts", nargs="*", type=Path)
    parser.add_argument("--plot", type=Path, help="spectrograms of the first English sentence in every voice")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    shown: list[tuple[str, np.ndarray]] = []
    print(f"{'voice':28} {'s of speech':>11} {'CPU s/s':>8} {'wall s/s':>9} {'first s':>8} {'WER %':>6} {'pitch':>15}")
    for prompt in (None, *options.prompts):
        shown.append(row(prompt))
    if options.plot:
        plot(shown, options.plot)


def row(prompt: Path | None) -> tuple[str, np.ndarray]:
    """One voice: its line of the table; (name, its first sentence)."""
    prepared = None if prompt is None else prepare_prompt(prompt)
    name = prompt.stem if prompt else "built-in man"
    before = cpu_seconds()
    began = time.monotonic()
    with EmbeddedVoice(None if prepared is None else prepared.samples) as voice:
        pieces = [part.text for sentence in ENGLISH for part in split_text(sentence)]
        english, first = [], 0.0
        for piece in pieces:
            english.append(np.concatenate(list(voice.speak(piece))))
            first = first or time.monotonic() - began
        mandarin = [np.concatenate(list(voice.speak(part.text))) for part in split_text(MANDARIN)]
    wall, cpu = time.monotonic() - began, cpu_seconds() - before
    spoken = np.concatenate([*english, *mandarin])
    seconds = len(spoken) / OUTPUT_RATE
    errors = np.mean([word_errors(text, sound) for text, sound in zip(pieces, english, strict=True)])
    pitches = [track_pitch(resample(np.concatenate(part), OUTPUT_RATE, ANALYSIS_RATE), ANALYSIS_RATE).median
               for part in (english, mandarin)]  # fmt: skip
    wanted = f"{prepared.pitch:.0f} -> " if prepared else ""
    heard = "/".join(f"{pitch:.0f}" for pitch in pitches)
    print(f"{name:28} {seconds:11.1f} {cpu / seconds:8.3f} {wall / seconds:9.3f} {first:8.2f} {100 * errors:6.1f} "
          f"{wanted + heard:>15}")  # fmt: skip
    return name, english[0]


def cpu_seconds() -> float:
    """Processor seconds of this process and of those that it has ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def word_errors(text: str, sound: np.ndarray) -> float:
    """Edit distance of words over the number of words, as pocketsphinx hears them."""
    heard = hear_english(resample(sound, OUTPUT_RATE, ANALYSIS_RATE)).text
    wanted, got = words(spoken_form(text, "en")), words(heard)
    costs = np.arange(len(got) + 1)
    for i, word in enumerate(wanted, 1):
        before, costs = costs, np.full(len(got) + 1, i)
        for j, other in enumerate(got, 1):
            costs[j] = min(before[j] + 1, costs[j - 1] + 1, before[j - 1] + (word != other))
    return float(costs[-1]) / len(wanted)


def words(text: str) -> list[str]:
    """Lower-case words without marks."""
    return re.sub(r"[^a-z' ]", " ", text.lower()).split()


def plot(shown: list[tuple[str, np.ndarray]], path: Path) -> None:
    """Spectrograms, one a voice."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(len(shown), 1, figsize=(10, 2.4 * len(shown)), squeeze=False)
    for (name, samples), axis in zip(shown, axes[:, 0], strict=True):
        axis.specgram(samples + 1e-6, NFFT=600, noverlap=480, Fs=OUTPUT_RATE, cmap="magma", vmin=-120)
        axis.set(title=name, ylim=(0, 8000))
    figure.tight_layout()
    figure.savefig(path, dpi=80)


if __name__ == "__main__":
    main()
