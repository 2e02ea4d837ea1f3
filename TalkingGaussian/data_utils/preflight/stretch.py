"""The best part of a video: one person, a face in every frame, no cut, sound; what a trim would keep."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np

from data_utils.preflight.look import Look
from data_utils.preflight.pictures import DENSE_FPS

MIN_S, GOOD_S, MAX_S = 6.0, 10.0, 600.0  # below is refused; below is warned of; above is cut
KEEP_S = 300.0  # what is kept of a video that is too long: more teaches little more
OTHER_FACE = 0.4  # further faces narrower than this share of the main one are pictures on the wall
CUT_LEVEL, CUT_RATIO = 9.0, 5.0  # a cut changes the picture this much in one frame, and this much more than its like
SCENE_LEVEL = 38.0  # between key frames that are seconds apart
SOUND_SLACK_S = 0.5


def best_repair(look: Look) -> dict[str, float] | None:
    """{"start_s", "end_s"} of the best part, or None where it would keep too little or everything."""
    start_s, end_s = best_stretch(look)
    if end_s - start_s < MIN_S or end_s - start_s > look.length_s - 0.2:
        return None
    return {"start_s": round(start_s, 2), "end_s": round(end_s, 2)}


@lru_cache(maxsize=8)
def best_stretch(look: Look) -> tuple[float, float]:
    """(start, end) in s of the longest good run, at most five minutes of it where the whole is too long."""
    edges = np.array([look.start_s, *cuts(look), look.end_s])
    step = max(0.2, look.length_s / 400)
    at = np.arange(look.start_s, look.end_s, step)
    good = good_at(look, at)
    best = (look.start_s, look.start_s)
    for low, high in pairwise(edges):
        for run in runs(good & (at >= low) & (at < high)):
            begin, end = max(low, at[run[0]]), min(high, at[run[1]] + step)
            if end - begin > best[1] - best[0]:
                best = (float(begin), float(end))
    if best[1] - best[0] > MAX_S:
        begin = look.lips.start_s if look.lips else best[0]
        begin = float(np.clip(begin, best[0], best[1] - KEEP_S))
        return begin, begin + KEEP_S
    return best


def good_at(look: Look, at: np.ndarray) -> np.ndarray:
    """[T] bool for times [T] in s: a face, only one, and sound."""
    times = np.array([moment.time_s for moment in look.moments])
    if not len(times):
        return np.zeros(len(at), bool)
    fine = np.array([moment.face is not None and not crowd(moment.others) for moment in look.moments])
    good = fine[np.abs(times[None] - at[:, None]).argmin(1)]
    if look.whole and look.lips is not None:
        frame = np.clip(((at - look.lips.start_s) * DENSE_FPS).astype(int), 0, len(look.lips.found) - 1)
        reach = DENSE_FPS // 5
        good &= np.array([look.lips.found[n : n + reach].all() for n in frame])
    if look.info.audio_s and look.info.audio_s < look.end_s - SOUND_SLACK_S:
        good &= at < look.info.audio_s - 0.2
    return good


def crowd(others: tuple[float, ...]) -> bool:
    """Whether further faces are large enough to be people."""
    return any(width >= OTHER_FACE for width in others)


def runs(good: np.ndarray) -> list[tuple[int, int]]:
    """[(first, last)] of the stretches of True."""
    padded = np.flatnonzero(np.diff(np.concatenate([[0], good.astype(np.int8), [0]])))
    return [(int(a), int(b) - 1) for a, b in zip(padded[::2], padded[1::2], strict=True)]


@lru_cache(maxsize=8)
def cuts(look: Look) -> tuple[float, ...]:
    """Times in s where the picture jumps: between frames, or between key frames of a long video."""
    if look.whole and look.lips is not None:
        change, start, step = look.lips.change, look.lips.start_s, 1 / DENSE_FPS
        level = CUT_LEVEL
    else:
        thumbs = [moment.thumb for moment in look.moments]
        change = np.array([0.0, *(np.abs(b - a).mean() for a, b in pairwise(thumbs))])
        times = [moment.time_s for moment in look.moments]
        start, step = (times[0] if times else 0.0), 0.0
        apart = look.length_s / max(1, len(look.moments))
        level = SCENE_LEVEL if apart > 0.5 else 2 * CUT_LEVEL
    found = []
    for n in range(1, len(change)):
        near = np.delete(change[max(1, n - 12) : n + 13], min(n - 1, 12))
        usual = float(np.percentile(near, 80)) if len(near) else 0.0
        if change[n] > max(level, CUT_RATIO * usual if step else 2 * usual):
            found.append(start + n * step if step else look.moments[n].time_s)
    return tuple(found)
