"""English by piper, as a program of its own: piper is GPL-3.0-or-later, so nothing else of this project imports it.

python piper_program.py VOICE.onnx    reads {"text", "tempo"} a line on stdin; answers {"rate", "samples"} and the
samples (16-bit little-endian) on stdout. tempo: 2 speaks twice as fast.
"""

from __future__ import annotations

import json
import os
import sys

import numpy as np
from piper import PiperVoice, SynthesisConfig


def main() -> None:
    """Answer lines until stdin ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not reach the answers
    voice = PiperVoice.load(sys.argv[1])
    for line in sys.stdin:
        asked = json.loads(line)
        config = SynthesisConfig(length_scale=1.0 / asked["tempo"])
        chunks = [chunk.audio_int16_array for chunk in voice.synthesize(asked["text"], config)]
        samples = np.concatenate(chunks) if chunks else np.zeros(0, np.int16)
        head = {"rate": voice.config.sample_rate, "samples": len(samples)}
        answers.write(json.dumps(head).encode() + b"\n" + samples.astype("<i2").tobytes())
        answers.flush()


if __name__ == "__main__":
    main()
