"""Speak the training sentences: `python build_corpus.py FOLDER` writes one NPZ per sentence.

Needs the programs flite and espeak-ng. English: four flite voices and espeak-ng; Mandarin: espeak-ng. The voice
`awb` and the last sentences of every voice are marked as held out. `--varied 2000` speaks text of random words
instead (varied_text.py), a twentieth of it held out: far more sounds in far more surroundings.
"""

from __future__ import annotations

import argparse
import random
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from sentences import sentences
from speech_synthesis import Utterance, speak_espeak, speak_flite
from varied_text import varied_sentences

FLITE_VOICES = ("kal", "rms", "slt", "awb")
_VARIANTS = ("m1", "m2", "m3", "m5", "m7", "f1", "f2", "f3", "f4", "f5")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--per_voice", type=int, default=110, help="sentences a flite voice")
    parser.add_argument("--varied", type=int, default=0, help="sentences of random words by the flite voices")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    if args.varied:
        speak_varied(args.folder, args.varied)
        return
    for k, voice in enumerate(FLITE_VOICES):
        rng = random.Random(k)
        for n, text in enumerate(sentences("en", args.per_voice, 100 + k)):
            held = "voice" if voice == "awb" else split_of(n, args.per_voice)
            said = speak_flite(text, voice, stretch=rng.uniform(0.8, 1.15))
            save(args.folder / f"en_{voice}_{n:03d}.npz", said, held)
    for language, voice, count in (("en", "en-us", 150), ("zh", "cmn-latn-pinyin", 330)):
        rng = random.Random(count)
        for n, text in enumerate(sentences(language, count, 200 + count)):
            said = speak_espeak(text, f"{voice}+{rng.choice(_VARIANTS)}", rng.randint(120, 200), rng.randint(25, 75))
            save(args.folder / f"{language}_espeak{count}_{n:03d}.npz", said, split_of(n, count))


def speak_varied(folder: Path, count: int) -> None:
    """`count` sentences by flite, a twelfth as many English and an eighth as many Mandarin ones by espeak-ng."""
    jobs = [("en", "flite", n, t) for n, t in enumerate(varied_sentences("en", count, 1))]
    jobs += [("en", "en-us", n, t) for n, t in enumerate(varied_sentences("en", count // 12, 2))]
    jobs += [("zh", "cmn-latn-pinyin", n, t) for n, t in enumerate(varied_sentences("zh", count // 8, 3))]
    with ProcessPoolExecutor() as pool:
        list(pool.map(speak_one, [(folder, *job) for job in jobs], chunksize=16))


def speak_one(job: tuple[Path, str, str, int, str]) -> None:
    """(folder, language, program's voice, number, text) -> one NPZ by a random voice; every 20th is held out."""
    folder, language, voice, n, text = job
    rng = random.Random(f"{voice} {n}")
    if voice == "flite":
        said = speak_flite(text, rng.choice(FLITE_VOICES), stretch=rng.uniform(0.85, 1.25))
    else:
        said = speak_espeak(text, f"{voice}+{rng.choice(_VARIANTS)}", rng.randint(120, 200), rng.randint(25, 75))
    save(folder / f"{language}_varied_{voice}_{n:05d}.npz", said, "sentence" if n % 20 == 0 else "train")


def split_of(index: int, count: int) -> str:
    """The last tenth of a voice's sentences is held out."""
    return "sentence" if index >= 0.9 * count else "train"


def save(path: Path, said: Utterance, split: str) -> None:
    """One utterance as NPZ: samples, rate, labels, times [P, 2], alphabet, split."""
    np.savez(
        path,
        samples=said.samples,
        rate=said.rate,
        labels=np.array([p.label for p in said.phones]),
        times=np.array([[p.start, p.end] for p in said.phones], np.float32),
        alphabet=said.alphabet,
        split=split,
    )


if __name__ == "__main__":
    main()
