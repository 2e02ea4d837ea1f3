"""How far the head turns."""

import numpy as np

from data_utils.preflight.look import Look
from data_utils.preflight.pictures import turn_angles
from data_utils.preflight.report import Row, both

FAR_DEGREES, OFTEN = 35.0, 0.1


def check(look: Look) -> list[Row]:
    """Turned far for a part of the time: one side of the face is never seen."""
    faces = look.faces
    if not faces:
        return []
    angles = np.abs([turn_angles(moment.face) for moment in faces]).max(1)
    most = float(np.percentile(angles, 95))
    share = float((angles > FAR_DEGREES).mean())
    title, facts = both("Head turn", "头部转动"), {"degrees": round(most), "share": round(share, 3)}
    value = both(f"up to {most:.0f}°", f"最大 {most:.0f}°")
    if share > OFTEN:
        fix = both(
            "Look mostly into the camera: what turns away from it cannot be learnt well.",
            "请尽量面对镜头:转开的部分学不好。",
        )
        return [Row("turn", "warn", title, value, fix, facts=facts)]
    return [Row("turn", "ok", title, value, facts=facts)]
