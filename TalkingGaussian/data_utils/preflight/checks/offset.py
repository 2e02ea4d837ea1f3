"""Whether the sound runs ahead of the lips or behind them."""

from evaluation.sync_offset import sound_offset

from data_utils.preflight.hearing import RATE
from data_utils.preflight.look import Look
from data_utils.preflight.pictures import DENSE_FPS
from data_utils.preflight.report import Row, both

NOTICED_MS = 60.0  # below lies what the measurement itself is unsure of
ENOUGH = 0.5  # share of frames that must show the face


def check(look: Look) -> list[Row]:
    """A shift that brings them together, where it can be told."""
    if look.sound is None or look.sound.silent or look.lips is None or look.lips.found.mean() < ENOUGH:
        return []
    title = both("Lips and sound", "音画同步")
    first = max(0, round((look.lips.start_s - look.sound.start_s) * RATE))
    heard = look.sound.samples[first:]
    found = sound_offset(look.lips.opening, look.lips.width, DENSE_FPS, heard, RATE)
    facts = {"offset_ms": round(found.ms), "confidence": round(found.confidence, 2)}
    if not found.conclusive:
        return [Row("offset", "info", title, both("cannot be told from this video", "无法从该视频判断"), facts=facts)]
    late = 20 * round(found.ms / 20)
    if abs(late) < NOTICED_MS:
        return [Row("offset", "ok", title, both("together", "同步"), facts=facts)]
    value = both(
        f"the sound comes {abs(late)} ms too {'late' if late > 0 else 'early'}",
        f"声音{'晚' if late > 0 else '早'}了 {abs(late)} 毫秒",
    )
    way = ("earlier", "提前") if late > 0 else ("later", "推后")
    fix = both(f"Play the sound {abs(late)} ms {way[0]}.", f"将声音{way[1]} {abs(late)} 毫秒。")
    return [Row("offset", "warn", title, value, fix, {"sound_shift_ms": late}, facts)]
