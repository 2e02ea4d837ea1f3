"""A voice for checking: `python speak_piper.py VOICE.onnx FOLDER [--count 40]` in an environment with piper-tts.

Writes NPZ files as build_corpus.py does, split "voice". The voice must have been patched to tell its alignment
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
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    voice = PiperVoice.load(args.voice)
    for n, text in enumerate(sentences("en", args.count, 900)):
        sound, labels, times, at = [], [], [], 0
        rate = 22_050
        for chunk in voice.synthesize(text, include_alignments=True):
            rate = chunk.sample_rate
            for item in chunk.phoneme_alignments or ():
                silent = item.phoneme in " ^$.,?!;:_"
                labels.append("_" if silent else item.phoneme)
                times.append((at / rate, (at + item.num_samples) / rate))
                at += item.num_samples
            sound.append(chunk.audio_float_array)
            at = sum(map(len, sound))
        np.savez(
            args.folder / f"en_piper_{n:03d}.npz",
            samples=np.concatenate(sound).astype(np.float32),
            rate=rate,
            labels=np.array(labels),
            times=np.array(times, np.float32),
            alphabet="ipa",
            split="voice",
        )


if __name__ == "__main__":
    main()
