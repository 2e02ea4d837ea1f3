"""Frames a second: any rate is brought to a constant 25."""

from data_utils.preflight.look import Look
from data_utils.preflight.report import Row, both

SLOW_FPS = 20.0


def check(look: Look) -> list[Row]:
    """Slow video misses lip closures; variable rates are made constant."""
    info, title = look.info, both("Frame rate", "帧率")
    told = f"{info.fps:.4g}"
    facts = {"fps": round(info.fps, 3), "variable": info.variable_rate}
    if info.fps < SLOW_FPS:
        fix = both(
            "Too slow to see lips close: record with 25 frames a second or more.",
            "帧率太低,看不清嘴唇闭合:请以每秒 25 帧或以上录制。",
        )
        return [Row("rate", "warn", title, both(f"{told} a second", f"每秒 {told} 帧"), fix, facts=facts)]
    if info.variable_rate:
        value = both(f"variable, {told} on average; made a constant 25", f"可变帧率,平均 {told};将转换为固定 25 帧")
        return [Row("rate", "info", title, value, facts=facts)]
    if abs(info.fps - 25) > 0.05:
        value = both(f"{told} a second; brought to 25", f"每秒 {told} 帧;将转换为 25 帧")
        return [Row("rate", "ok", title, value, facts=facts)]
    return [Row("rate", "ok", title, both(f"{told} a second", f"每秒 {told} 帧"), facts=facts)]
