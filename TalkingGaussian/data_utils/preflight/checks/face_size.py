"""The size of the face, and whether it is all in the picture."""

import numpy as np
from face_tracking.points import FACE_OVAL

from data_utils.preflight.look import Look
from data_utils.preflight.pictures import face_width
from data_utils.preflight.report import Row, both

TINY_PX, SMALL_PX = 48, 96
OUTSIDE = 0.1


def check(look: Look) -> list[Row]:
    """Small faces have no detail; cut ones have no chin."""
    faces = look.faces
    if not faces:
        return []
    width = float(np.median([face_width(moment.face) for moment in faces])) * look.scale
    told = both(f"{width:.0f} px wide", f"宽 {width:.0f} 像素")
    title, facts = both("Face size", "人脸大小"), {"width_px": round(width)}
    closer = both("Come closer to the camera or record in a higher resolution.", "请靠近镜头,或提高录制分辨率。")
    if width < SMALL_PX:
        return [Row("face_size", "bad" if width < TINY_PX else "warn", title, told, closer, facts=facts)]
    limits = np.array([look.info.width, look.info.height]) / look.scale
    ovals = [moment.face[list(FACE_OVAL), :2] for moment in faces]
    cut = float(np.mean([(oval < 1).any() or (oval > limits - 1).any() for oval in ovals]))
    if cut > OUTSIDE:
        value = both(f"{told['en']}, cut by the edge in {cut:.0%}", f"{told['zh']},{cut:.0%} 的时间超出画面")
        fix = both("Move back: the whole head with some room around it.", "请后退一些:整个头部在画面内并留有余地。")
        return [Row("face_size", "warn", title, value, fix, facts={**facts, "cut": round(cut, 3)})]
    return [Row("face_size", "ok", title, told, facts=facts)]
