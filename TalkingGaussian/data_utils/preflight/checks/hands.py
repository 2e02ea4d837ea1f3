"""Hands over the face."""

from data_utils.preflight.look import Look
from data_utils.preflight.report import Row, both

OFTEN, AT_LEAST = 0.04, 2


def check(look: Look) -> list[Row]:
    """A hand that covers the face is learnt as part of it."""
    looked = [moment for moment in look.faces if moment.hand is not None]
    if not looked:
        return []
    covered = sum(bool(moment.hand) for moment in looked)
    share = covered / len(looked)
    title, facts = both("Hands", "手部"), {"share": round(share, 3)}
    if covered >= AT_LEAST and share > OFTEN:
        value = both(f"over the face in {share:.0%} of the video", f"{share:.0%} 的时间遮挡面部")
        fix = both("Keep the hands away from the face.", "请不要让手遮住脸。")
        return [Row("hands", "warn", title, value, fix, facts=facts)]
    return [Row("hands", "ok", title, both("not over the face", "没有遮挡面部"), facts=facts)]
