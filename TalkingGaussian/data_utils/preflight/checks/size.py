"""The size of the picture, and which way is up."""

import numpy as np

from data_utils.preflight.look import Look
from data_utils.preflight.pictures import roll_angle
from data_utils.preflight.report import Row, both

SMALL_PX, LYING_DEGREES = 240, 50.0


def check(look: Look) -> list[Row]:
    """Small pictures make soft avatars; phone videos that lie on their side are turned."""
    info = look.info
    told = f"{info.width} × {info.height}"
    facts = {"width": info.width, "height": info.height, "rotation": info.rotation}
    title = both("Picture", "画面")
    if min(info.width, info.height) < SMALL_PX:
        fix = both("Very small: record in 720p or more.", "画面太小:请用 720p 或更高分辨率录制。")
        return [Row("size", "warn", title, both(told, told), fix, facts=facts)]
    roll = float(np.median([roll_angle(moment.face) for moment in look.faces])) if look.faces else 0.0
    if abs(roll) > LYING_DEGREES:
        value = both(f"{told}, the person lies on the side", f"{told},人物是横躺的")
        fix = both(
            "Turn the video by 90° in any player or editor and use that.",
            "请用播放器或剪辑软件将视频旋转 90° 后再使用。",
        )
        return [Row("size", "bad", title, value, fix, facts={**facts, "roll": round(roll)})]
    if info.rotation:
        value = both(f"{told}, turned upright", f"{told},已自动转正")
        return [Row("size", "ok", title, value, facts=facts)]
    return [Row("size", "ok", title, both(told, told), facts=facts)]
