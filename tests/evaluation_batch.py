"""What the tests ask of the real engine, in one process of tg_eval: figures of the known pair, offsets of real clips.

python tests/evaluation_batch.py TEST_DATA OUT.json
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from evaluation.faces import Meshes, face_difference
from evaluation.landmarks import mouth_opening, mouth_width
from evaluation.measure import Settings, compare
from evaluation.metrics import chosen
from evaluation.sound import sound_of
from evaluation.sync_offset import sound_offset
from evaluation.threads import in_threads
from talking_gaussian.audio.chunks import RATE
from talking_gaussian.errors import UserError
from talking_gaussian.video.frames import read_frames

FIGURES = "lmd,lmd_centred,opening,rounding,aue_mouth,sync_confidence,psnr,ssim"
CLIPS = ("man_en_20s.mp4", "man_en_15s.mp4", "man_en_8s.mp4")
SHIFTS_MS = (-400, -160, 160, 400)


def known_pair(data: Path) -> dict[str, Any]:
    """Value, real and frozen of every figure of the official pair."""
    output, reference = (data / "official" / f"man_en_20s_test_{name}.mp4" for name in ("official", "real"))
    comparison = compare(Settings(output, reference, chosen(FIGURES), ("full", "face", "mouth")))
    return {row.key: {"value": row.value, "real": row.real, "frozen": row.frozen} for row in comparison.rows}


def track(path: Path) -> np.ndarray:
    """Face points [T, 478, 3] of a video."""
    with Meshes(2) as meshes:
        return np.stack(list(in_threads(meshes.points, read_frames(path), 2)))


def offsets(points: np.ndarray, sound: np.ndarray) -> dict[str, Any]:
    """The clip's offset, and that of the same clip with its sound moved by hand."""
    opening, width = mouth_opening(points), mouth_width(points)
    found = {"0": asdict(sound_offset(opening, width, 25, sound, RATE))}
    for shift in SHIFTS_MS:
        count = abs(shift) * RATE // 1000
        moved = np.pad(sound, (count, 0)) if shift > 0 else sound[count:]
        found[str(shift)] = asdict(sound_offset(opening, width, 25, moved, RATE))
    return found


def refusal(output: Path, reference: Path) -> str:
    """The code of the sentence by which a pair is refused, or its notes'."""
    try:
        comparison = compare(Settings(output, reference, chosen("lmd,sync_offset")))
    except UserError as error:
        return error.code
    return ",".join(note.code for note in comparison.notes)


def main() -> None:
    """Write all answers."""
    data, out = Path(sys.argv[1]), Path(sys.argv[2])
    tracks = {name: track(data / "clips" / name) for name in CLIPS}
    sounds = {name: sound_of(data / "clips" / name) for name in CLIPS}
    silent = data / "bad" / "silent_audio_5s.mp4"
    answers = {
        "pair": known_pair(data),
        "offsets": {name: offsets(tracks[name], sounds[name]) for name in CLIPS},
        "swapped": asdict(
            sound_offset(
                *(measure(tracks[CLIPS[0]]) for measure in (mouth_opening, mouth_width)), 25, sounds[CLIPS[1]], RATE
            )
        ),
        "people": face_difference(tracks[CLIPS[0]][:375], tracks[CLIPS[1]]),
        "person": face_difference(tracks[CLIPS[0]][:250], tracks[CLIPS[0]][250:]),
        "no_face": refusal(data / "bad" / "no_face_30s.mp4", data / "bad" / "no_face_30s.mp4"),
        "silent": refusal(silent, silent),
        "no_video": refusal(data / "bad" / "text_named.mp4", silent),
    }
    out.write_text(json.dumps(answers))


if __name__ == "__main__":
    main()
