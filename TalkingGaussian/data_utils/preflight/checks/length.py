"""How long the video is: 10 s to 10 min."""

from data_utils.preflight.look import Look
from data_utils.preflight.report import Row, both, clock
from data_utils.preflight.stretch import GOOD_S, KEEP_S, MAX_S, MIN_S, best_repair, best_stretch


def check(look: Look) -> list[Row]:
    """Too short to learn from, or longer than it needs to be."""
    title, told = both("Length", "时长"), clock(look.length_s)
    facts = {"seconds": round(look.length_s, 2)}
    if look.length_s < MIN_S:
        fix = both(
            f"Too short: record at least {GOOD_S:.0f} s of speech, better one to three minutes.",
            f"太短:请录制至少 {GOOD_S:.0f} 秒的讲话,最好一到三分钟。",
        )
        return [Row("length", "bad", title, both(told, told), fix, facts=facts)]
    if look.length_s < GOOD_S:
        fix = both(
            f"It will work, but {GOOD_S:.0f} s or more, better a minute, give livelier lips.",
            f"可以使用,但 {GOOD_S:.0f} 秒以上(最好一分钟)口型会更生动。",
        )
        return [Row("length", "warn", title, both(told, told), fix, facts=facts)]
    if look.length_s > MAX_S:
        start, end = best_stretch(look)
        fix = both(
            f"Longer than {MAX_S / 60:.0f} minutes: use its best {clock(min(KEEP_S, end - start))} "
            f"({clock(start)} to {clock(end)}); more would only take longer.",
            f"超过 {MAX_S / 60:.0f} 分钟:请使用其中最好的一段({clock(start)} 至 {clock(end)}),更长只会更慢。",
        )
        return [Row("length", "bad", title, both(told, told), fix, best_repair(look), facts)]
    return [Row("length", "ok", title, both(told, told), facts=facts)]
