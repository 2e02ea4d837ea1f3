"""One person, not two."""

from data_utils.preflight.checks.face import trim_words
from data_utils.preflight.look import Look
from data_utils.preflight.report import Row, both
from data_utils.preflight.stretch import best_repair, crowd

SOME, MANY = 0.03, 0.25


def check(look: Look) -> list[Row]:
    """Further faces of a person's size."""
    faces = look.faces
    if not faces:
        return []
    share = sum(crowd(moment.others) for moment in faces) / len(faces)
    title, facts = both("People", "人数"), {"share": round(share, 3)}
    if share <= SOME:
        return [Row("people", "ok", title, both("one person", "一个人"), facts=facts)]
    repair = best_repair(look)
    value = both(f"more than one face in {share:.0%} of the video", f"{share:.0%} 的时间里有不止一张脸")
    state = "bad" if share > MANY else "warn"
    fix = trim_words(repair)
    if repair is None:
        fix = both(
            "Only one person may be in the picture: crop the others away or record again.",
            "画面中只能有一个人:请裁掉其他人,或重新录制。",
        )
    return [Row("people", state, title, value, fix, repair, facts)]
