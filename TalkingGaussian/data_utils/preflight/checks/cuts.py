"""One take: no cuts."""

from data_utils.preflight import stretch
from data_utils.preflight.checks.face import trim_words
from data_utils.preflight.look import Look
from data_utils.preflight.report import Row, both, clock


def check(look: Look) -> list[Row]:
    """Places where the picture jumps."""
    found = stretch.cuts(look)
    title, facts = both("Cuts", "剪辑"), {"times_s": [round(time, 2) for time in found[:50]]}
    if not found:
        return [Row("cuts", "ok", title, both("none, one take", "无,一镜到底"), facts=facts)]
    repair = stretch.best_repair(look)
    places = ", ".join(clock(time) for time in found[:4]) + (" …" if len(found) > 4 else "")
    value = both(f"{len(found)}: at {places}", f"{len(found)} 处:{places}")
    return [Row("cuts", "warn" if repair else "bad", title, value, trim_words(repair), repair, facts)]
