"""How late the sound is against the lips, and how surely."""

from __future__ import annotations

from evaluation.metric import Clip, Measured, Metric

NO_SOUND = {
    "en": "Neither video has a sound track.",
    "zh": "两个视频都没有音轨。",
}
UNSURE = {
    "en": "Inconclusive: no offset explains these lips by this sound better than chance would.",
    "zh": "无法判定:没有任何偏移能让该声音明显优于随机地解释这些口型。",
}
BORROWED = {
    "en": "The output has no sound; the reference's was taken.",
    "zh": "生成视频没有声音,使用了参考视频的声音。",
}


def sync_offset(clip: Clip) -> Measured:
    """Milliseconds by which the sound is late (+) or early (-); None where that cannot be told."""
    found = clip.sync
    if found is None:
        return Measured(None, note=NO_SOUND)
    detail = {"confidence": found.confidence, "correlation": found.correlation, "elsewhere": found.elsewhere}
    if not found.conclusive:
        return Measured(None, note=UNSURE, detail={**detail, "best_guess_ms": found.ms})
    return Measured(found.ms, note=BORROWED if clip.output_sound is None else None, detail=detail)


def sync_confidence(clip: Clip) -> Measured:
    """0..1; at 0.5 and above the offset can be relied on."""
    found = clip.sync
    return Measured(None, note=NO_SOUND) if found is None else Measured(found.confidence)


METRIC = Metric(
    name="sync_offset",
    title={"en": "Sound against lips", "zh": "音画偏移"},
    direction="zero",
    low=-800.0,
    high=800.0,
    unit="ms",
    digits=0,
    source="held-out ridge regression from log-mels to the lips at every lag, see evaluation/sync_offset.py; + = late",
    needs=("faces", "sound"),
    of_clip=sync_offset,
)
CONFIDENCE = Metric(
    name="sync_confidence",
    title={"en": "Lip-sync confidence", "zh": "口型同步置信度"},
    direction="higher",
    low=0.0,
    high=1.0,
    digits=2,
    source="lead of the best lag over its rivals; 0.5 and above: about 1 in 20 unrelated pairs gets so far",
    needs=("faces", "sound"),
    of_clip=sync_confidence,
)
