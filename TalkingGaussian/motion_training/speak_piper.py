"""A voice for checking: `python speak_piper.py VOICE.onnx FOLDER [--count 40]` in an environment with piper-tts.

Writes NPZ files as build_corpus.py does, marked with a split. The voice must have been patched to tell its alignment
(`python -m piper.patch_voice_with_alignment VOICE.onnx`). piper-tts is GPL: a tool of this step, never imported
by the product.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from piper import PiperVoice
from sentences import sentences


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("voice", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--split", default="voice", choices=["voice", "train"], help="of all but the last 15 %%")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    voice = PiperVoice.load(args.voice)
    for n, text in enumerate(sentences("en", args.count, 900)):
        sound, labels, times, at = [], [], [], 0
        rate, pending = 22_050, 0.0
        for chunk in voice.synthesize(text, include_alignments=True):
            rate = chunk.sample_rate
            for item in chunk.phoneme_alignments or ():
                pending = add_phone(labels, times, item.phoneme, pending, (at + item.num_samples) / rate)
                at += item.num_samples
            sound.append(chunk.audio_float_array)
            at = sum(map(len, sound))
            pending = at / rate
        np.savez(
            args.folder / f"en_piper_{n:03d}.npz",
            samples=np.concatenate(sound).astype(np.float32),
            rate=rate,
            labels=np.array(labels),
            times=np.array(times, np.float32),
            alphabet="ipa",
            split=args.split if n < 0.85 * args.count else "sentence",
        )


def add_phone(labels: list, times: list, symbol: str, start: float, end: float) -> float:
    """Append a symbol that sounds until `end` and return where the next starts: stress marks (which the voice
    gives time of their own) belong to the sound after them, length marks to the one before."""
    if symbol in "ˈˌ":
        return start
    if symbol == "ː" and times:
        times[-1] = (times[-1][0], end)
        return end
    labels.append("_" if symbol in " ^$.,?!;:_" else symbol)
    times.append((start, end))
    return end


if __name__ == "__main__":
    main()
