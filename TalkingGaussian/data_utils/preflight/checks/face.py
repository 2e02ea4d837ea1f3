"""A face in nearly every frame."""

import numpy as np

from data_utils.preflight.look import Look
from data_utils.preflight.report import Row, both, clock
from data_utils.preflight.stretch import best_repair

NEARLY_ALL, MOST, ANY = 0.985, 0.85, 0.05


def check(look: Look) -> list[Row]:
    """No face at all, or one that comes and goes."""
    title = both("Face", "人脸")
    if look.whole and look.lips is not None:
        share = float(look.lips.found.mean())
    else:
        share = float(np.mean([moment.face is not None for moment in look.moments])) if look.moments else 0.0
    facts = {"share": round(share, 3)}
    if share < ANY:
        fix = both("Use a video of one person who looks into the camera.", "请使用一个人面对镜头的视频。")
        return [Row("face", "bad", title, both("no face found", "没有找到人脸"), fix, facts=facts)]
    if share >= NEARLY_ALL:
        return [Row("face", "ok", title, both("in every frame", "每一帧都有"), facts=facts)]
    missing = (1 - share) * look.length_s
    repair = best_repair(look)
    state = "warn" if share >= MOST else "bad"
    value = both(f"missing for {clock(missing)} in all", f"共缺失 {clock(missing)}")
    return [Row("face", state, title, value, trim_words(repair), repair, facts)]


def trim_words(repair: dict[str, float] | None) -> dict[str, str]:
    """What a trim would keep, or what to do where none helps."""
    if repair is None:
        return both(
            "Record again: one person, always in the picture, in one take.", "请重新录制:单人、始终在画面内、一镜到底。"
        )
    start, end = clock(repair["start_s"]), clock(repair["end_s"])
    return both(f"Use only the good part, {start} to {end}.", f"只使用完好的一段:{start} 至 {end}。")
