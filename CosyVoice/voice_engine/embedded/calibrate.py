"""Measures the embedded speakers once, for prints.json.

python -m voice_engine.embedded.calibrate    in the environment, with PYTHONPATH as run_cosyvoice.sh sets it
"""

from __future__ import annotations

import json

import numpy as np

from voice_engine.conversion import ANALYSIS_RATE, voice_print
from voice_engine.embedded.voice import PRINTS, EmbeddedVoice
from voice_engine.pitch import track_pitch
from voice_engine.sound import resample
from voice_engine.tempo import syllable_rate

SENTENCES = {
    "en": (
        "The weather is nice today, and the sun is shining over the hills.",
        "We bought three apples and a loaf of bread at the market this morning.",
        "Please tell me how long it takes to walk from the station to the river.",
        "She opened the window because the room had become too warm for everyone.",
    ),
    "zh": (
        "今天天气很好,我们一起去公园散步。",
        "请问从火车站走到河边需要多长时间?",
        "这个城市有很多高楼,也有很多安静的小路。",
        "他们昨天晚上在家里做了一桌好吃的饭菜。",
    ),
}


def main() -> None:
    """Speak the sentences plainly and write down pitch, spread, tempo and mean spectrum of each speaker."""
    prints = {}
    with EmbeddedVoice(None) as voice:
        for language, sentences in SENTENCES.items():
            parts = [voice.plain(sentence, language, 1.0) for sentence in sentences]
            samples = np.concatenate([resample(sound, rate, ANALYSIS_RATE) for sound, rate in parts])
            track = track_pitch(samples, ANALYSIS_RATE)
            print_ = voice_print(samples, track)
            prints[language] = {
                "pitch": round(print_.pitch, 1),
                "spread": round(print_.spread, 3),
                "tempo": round(syllable_rate(samples, ANALYSIS_RATE, track), 2),
                "envelope": [round(float(level), 2) for level in print_.envelope],
            }
    PRINTS.write_text(json.dumps(prints, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
