"""Light on the face."""

import numpy as np

from data_utils.preflight.look import Look
from data_utils.preflight.report import Row, both

DARK, GLARE, ONE_SIDED, UNSTEADY = 50.0, 0.12, 2.2, 0.18


def check(look: Look) -> list[Row]:
    """Dark, too bright, from one side, or changing."""
    skins = [moment.skin for moment in look.faces if moment.skin]
    if not skins:
        return []
    level = np.array([skin.light for skin in skins])
    glare = float(np.median([skin.glare for skin in skins]))
    sides = float(np.median([skin.sides for skin in skins]))
    light, sway = float(np.median(level)), float(np.std(level) / max(1.0, np.median(level)))
    facts = {"light": round(light), "glare": round(glare, 3), "sides": round(sides, 2), "sway": round(sway, 3)}
    title = both("Light", "光线")
    for wrong, value, fix in (
        (light < DARK, both("dark", "偏暗"), both("Put a lamp or a window in front of you.", "请在正前方补光。")),
        (glare > GLARE, both("too bright", "过曝"), both("Lower the exposure.", "请降低曝光。")),
        (sides > ONE_SIDED, both("from one side", "单侧光"), both("Light both sides.", "请让两侧光线均匀。")),
        (sway > UNSTEADY, both("changes", "忽明忽暗"), both("Lock the exposure.", "请锁定曝光。")),
    ):
        if wrong:
            return [Row("light", "warn", title, value, fix, facts=facts)]
    return [Row("light", "ok", title, both("even", "均匀"), facts=facts)]
