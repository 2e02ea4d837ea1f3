"""The size of the picture, and which way is up."""

from data_utils.preflight.look import Look
from data_utils.preflight.report import Row, both

SMALL_PX = 240


def check(look: Look) -> list[Row]:
    """Small pictures make soft avatars; phone videos that lie on their side are turned."""
    info = look.info
    told = f"{info.width} × {info.height}"
    facts = {"width": info.width, "height": info.height, "rotation": info.rotation}
    title = both("Picture", "画面")
    if min(info.width, info.height) < SMALL_PX:
        fix = both("Very small: record in 720p or more.", "画面太小:请用 720p 或更高分辨率录制。")
        return [Row("size", "warn", title, both(told, told), fix, facts=facts)]
    if info.rotation:
        value = both(f"{told}, turned upright", f"{told},已自动转正")
        return [Row("size", "ok", title, value, facts=facts)]
    return [Row("size", "ok", title, both(told, told), facts=facts)]
