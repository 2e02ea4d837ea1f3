"""How much of the time somebody speaks."""

from data_utils.preflight.look import Look
from data_utils.preflight.report import Row, both

LITTLE, NONE = 0.4, 0.08


def check(look: Look) -> list[Row]:
    """Too little speech to learn lips from."""
    if look.sound is None or look.sound.silent:
        return []
    share = float(look.sound.speech.mean())
    title, facts = both("Speech", "语音"), {"share": round(share, 3)}
    value = both(f"{share:.0%} of the time", f"占 {share:.0%} 的时间")
    if share < NONE:
        fix = both("Nobody seems to speak: use a video of a person talking.", "似乎没有人说话:请使用人物讲话的视频。")
        return [Row("speech", "bad", title, value, fix, facts=facts)]
    if share < LITTLE:
        fix = both("More speech gives better lips.", "讲话越多,口型越好。")
        return [Row("speech", "warn", title, value, fix, facts=facts)]
    return [Row("speech", "ok", title, value, facts=facts)]
