"""Whether the face is sharp."""

import numpy as np

from data_utils.preflight.look import Look
from data_utils.preflight.report import Row, both

SOFT = 0.16


def check(look: Look) -> list[Row]:
    """Out of focus, or smeared by compression."""
    skins = [moment.skin.sharpness for moment in look.faces if moment.skin]
    if not skins:
        return []
    sharpness = float(np.median(skins))
    title, facts = both("Sharpness", "清晰度"), {"sharpness": round(sharpness, 3)}
    if sharpness < SOFT:
        fix = both(
            "Focus on the face, clean the lens, or use the original file rather than a forwarded one.",
            "请对焦到脸部、清洁镜头,或使用未经转发压缩的原始文件。",
        )
        return [Row("blur", "warn", title, both("blurred", "模糊"), fix, facts=facts)]
    return [Row("blur", "ok", title, both("sharp", "清晰"), facts=facts)]
