"""Numbers, dates, times, money and signs in Chinese words, for voices that do not read figures themselves."""

from __future__ import annotations

import re
from collections.abc import Callable

DIGITS = "零一二三四五六七八九"
_UNITS, _GROUPS = ("", "十", "百", "千"), ("", "万", "亿", "万亿")
_MEASURES = {
    "km/h": "公里每小时", "m/s": "米每秒", "km": "公里", "cm": "厘米", "mm": "毫米", "kg": "公斤", "mg": "毫克",
    "ml": "毫升", "GB": "吉字节", "MB": "兆字节", "TB": "太字节", "Hz": "赫兹", "kHz": "千赫兹", "℃": "摄氏度",
    "°C": "摄氏度", "°F": "华氏度", "m²": "平方米", "㎡": "平方米", "m³": "立方米", "kW": "千瓦", "W": "瓦",
    "m": "米", "g": "克", "L": "升", "s": "秒", "h": "小时",
}  # fmt: skip
_MONEY = {"¥": "元", "￥": "元", "$": "美元", "€": "欧元", "£": "英镑"}
_NUMBER = r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_COUNTED = "个只位名次天年岁本件条张家间台辆杯瓶块分种层遍周秒里米斤点钟月"


def read_numbers(text: str) -> str:
    """The text with every figure in words: 2026年11月23日 -> 二零二六年十一月二十三日, 3.5% -> 百分之三点五."""
    for pattern, reader in _RULES:
        text = pattern.sub(reader, text)
    return text


def cardinal(number: str) -> str:
    """A whole or decimal number in words: 10086 -> 一万零八十六, 3.50 -> 三点五零, 12,000 -> 一万二千."""
    whole, _, fraction = number.replace(",", "").partition(".")
    words = _whole(whole)
    return f"{words}点{digits(fraction)}" if fraction else words


def digits(text: str, one: str = "一") -> str:
    """Figure by figure: 2026 -> 二零二六. one: 幺 in telephone numbers."""
    return "".join(one if figure == "1" else DIGITS[int(figure)] for figure in text)


def _whole(number: str) -> str:
    number = number.lstrip("0")
    if not number:
        return DIGITS[0]
    if len(number) > 16:
        return digits(number)
    groups = [number[max(0, end - 4) : end] for end in range(len(number), 0, -4)]
    words, gap = "", False
    for index in range(len(groups) - 1, -1, -1):
        group = groups[index]
        value = int(group)
        if not value:
            gap = True
            continue
        if words and (gap or value < 1000):
            words += "零"
        words += _group(value) + _GROUPS[index]
        gap = False
    return words[1:] if words.startswith("一十") else words


def _group(value: int) -> str:
    """1 to 9999."""
    words, gap = "", False
    for power in range(3, -1, -1):
        figure = value // 10**power % 10
        if not figure:
            gap = bool(words)
            continue
        words += ("零" if gap else "") + DIGITS[figure] + _UNITS[power]
        gap = False
    return words


def _date(match: re.Match[str]) -> str:
    year, month, day = match.groups()
    return f"{digits(year)}年{cardinal(month)}月{cardinal(day)}日"


def _clock(match: re.Match[str]) -> str:
    hour, minute, second = int(match[1]), int(match[2]), match[3]
    words = ("两" if hour == 2 else cardinal(match[1])) + "点"
    words += "整" if not minute and not second else f"{'零' if 0 < minute < 10 else ''}{cardinal(match[2])}分"
    return words + (f"{cardinal(second)}秒" if second else "")


def _money(match: re.Match[str]) -> str:
    return cardinal(match[2]) + (match[3] or "") + _MONEY[match[1]]


def _range(match: re.Match[str]) -> str:
    return f"{cardinal(match[1])}到{cardinal(match[2])}"


def _telephone(match: re.Match[str]) -> str:
    return digits(re.sub(r"\D", "", match[0]), one="幺")


def _measure(match: re.Match[str]) -> str:
    sign = "零下" if match[1] and match[3] in ("℃", "°C") else ("负" if match[1] else "")
    return sign + cardinal(match[2]) + _MEASURES[match[3]]


def _counted(match: re.Match[str]) -> str:
    return "两" + match[1]


_MEASURE_NAMES = "|".join(map(re.escape, sorted(_MEASURES, key=len, reverse=True)))
_RULES: list[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]] = [
    (re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)"), _date),
    (re.compile(r"(?<!\d)(\d{1,2})[:：](\d{2})(?:[:：](\d{2}))?(?!\d)"), _clock),
    (re.compile(r"(\d{4})(?=年)"), lambda m: digits(m[1])),
    (re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)|(?<!\d)\d{3,4}-\d{7,8}(?!\d)"), _telephone),
    (re.compile(rf"([¥￥$€£])\s?({_NUMBER})([万亿]?)"), _money),
    (re.compile(rf"(-|−)?({_NUMBER})\s?[%％]"), lambda m: ("负" if m[1] else "") + "百分之" + cardinal(m[2])),
    (re.compile(r"(?<![\d/])(\d{1,3})/(\d{1,3})(?![\d/])"), lambda m: f"{cardinal(m[2])}分之{cardinal(m[1])}"),
    (re.compile(rf"(?<![\d.])({_NUMBER})\s?[-~～—–至]\s?({_NUMBER})(?![\d-])"), _range),
    (re.compile(rf"(-|−)?({_NUMBER})\s?({_MEASURE_NAMES})(?![A-Za-z])"), _measure),
    (re.compile(rf"(?<![\d第.])2(?=([{_COUNTED}])(?<!月)(?<!点钟))\1"), _counted),
    (re.compile(r"(?<![\d.,])0\d+(?![\d.])|(?<!\d)\d{17,}"), lambda m: digits(m[0])),
    (re.compile(rf"(?<![\w\d])[-−]({_NUMBER})"), lambda m: "负" + cardinal(m[1])),
    (re.compile(_NUMBER), lambda m: cardinal(m[0])),
    (re.compile(r"[%％]"), lambda m: "百分之"),
    (re.compile(r"(?<=[一-鿿])\s*[＋+]\s*(?=[一-鿿])"), lambda m: "加"),
    (re.compile(r"(?<=[一-鿿])\s*[＝=]\s*(?=[一-鿿])"), lambda m: "等于"),
    (re.compile(r"(?<=[一-鿿])\s*[×x*]\s*(?=[一-鿿])"), lambda m: "乘"),
]
