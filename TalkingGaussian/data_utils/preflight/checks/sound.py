"""The sound track: there, audible, as long as the picture, not clipped, not noisy."""

import numpy as np

from data_utils.preflight.hearing import Sound
from data_utils.preflight.look import Look
from data_utils.preflight.report import Row, both, clock
from data_utils.preflight.stretch import MIN_S, SOUND_SLACK_S, best_repair

CLIPPED, NOISY_DB, QUIET_DB = 0.002, 28.0, -45.0
TITLE = both("Sound", "声音")


def check(look: Look) -> list[Row]:
    """One row, and one for noise where there is sound."""
    sound = look.sound
    if sound is None:
        fix = both(
            "Record with the microphone on: lips are learnt from sound.", "请打开麦克风录制:口型要从声音中学习。"
        )
        return [Row("sound", "bad", TITLE, both("no sound track", "没有音轨"), fix)]
    if sound.silent:
        fix = both(
            "The sound track is silent: record again with the microphone on.", "音轨是静音:请打开麦克风重新录制。"
        )
        return [Row("sound", "bad", TITLE, both("silent", "静音"), fix)]
    return [ends_early(look) or level(sound), noise(sound)]


def ends_early(look: Look) -> Row | None:
    """A track that stops before the picture does."""
    audio_s = look.info.audio_s or 0.0
    if audio_s >= look.end_s - SOUND_SLACK_S:
        return None
    repair = best_repair(look)
    value = both(
        f"ends {clock(look.end_s - audio_s)} before the picture", f"比画面早结束 {clock(look.end_s - audio_s)}"
    )
    if repair is None:
        fix = both(
            f"Too little is left with sound: at least {MIN_S:.0f} s are needed.",
            f"有声部分太短:至少需要 {MIN_S:.0f} 秒。",
        )
        return Row("sound", "bad", TITLE, value, fix)
    start, end = clock(repair["start_s"]), clock(repair["end_s"])
    fix = both(f"Use only the part with sound, {start} to {end}.", f"只使用有声音的部分:{start} 至 {end}。")
    return Row("sound", "warn", TITLE, value, fix, repair)


def level(sound: Sound) -> Row:
    """How loud it is."""
    loud = float(np.percentile(sound.level, 95))
    facts = {"level_db": round(loud, 1), "clipped": round(sound.clipped, 5)}
    if sound.clipped > CLIPPED:
        fix = both("Lower the microphone's level and record again.", "请降低麦克风音量后重新录制。")
        return Row("sound", "warn", TITLE, both("clipped (too loud)", "削波(音量过大)"), fix, facts=facts)
    if loud < QUIET_DB:
        return Row(
            "sound",
            "warn",
            TITLE,
            both("very quiet", "声音很小"),
            both("Speak closer to the microphone.", "请靠近麦克风。"),
            facts=facts,
        )
    return Row("sound", "ok", TITLE, both("good level", "音量合适"), facts=facts)


def noise(sound: Sound) -> Row:
    """How far speech stands out."""
    title, facts = both("Background noise", "背景噪声"), {"gap_db": round(gap := sound.gap_db, 1)}
    if gap < NOISY_DB:
        fix = both("Record in a quiet room, without music.", "请在安静、没有音乐的房间录制。")
        return Row("noise", "warn", title, both("noisy", "噪声较大"), fix, facts=facts)
    return Row("noise", "ok", title, both("low", "低"), facts=facts)
