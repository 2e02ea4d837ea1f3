"""Numbers, dates, times, money and abbreviations in English words."""

from __future__ import annotations

import re
from collections.abc import Callable

_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_THOUSANDS = ("", "thousand", "million", "billion", "trillion")
_IRREGULAR = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_MONEY = {"$": ("dollar", "cent"), "€": ("euro", "cent"), "£": ("pound", "penny"), "¥": ("yuan", "fen")}
_MEASURES = {
    "km/h": "kilometres an hour", "mph": "miles an hour", "km": "kilometres", "cm": "centimetres", "mm": "millimetres",
    "kg": "kilograms", "mg": "milligrams", "ml": "millilitres", "GB": "gigabytes", "MB": "megabytes", "TB": "terabytes",
    "kHz": "kilohertz", "Hz": "hertz", "°C": "degrees Celsius", "℃": "degrees Celsius", "°F": "degrees Fahrenheit",
    "ft": "feet", "lbs": "pounds", "lb": "pounds", "min": "minutes", "ms": "milliseconds",
}  # fmt: skip
_WORDS = {
    "Mr.": "Mister", "Mrs.": "Missis", "Ms.": "Miss", "Dr.": "Doctor", "Prof.": "Professor", "vs.": "versus",
    "e.g.": "for example", "i.e.": "that is", "etc.": "et cetera", "approx.": "approximately", "&": "and",
}  # fmt: skip
_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_SHORT_MONTHS = {month[:3].lower(): month for month in MONTHS} | {"sept": "September"}


def read_numbers(text: str) -> str:
    """The text with every figure in words: $25.50 -> twenty-five dollars and fifty cents, 3rd -> third."""
    for pattern, reader in _RULES:
        text = pattern.sub(reader, text)
    return text


def cardinal(number: str) -> str:
    """A whole or decimal number in words: 1,250 -> one thousand two hundred fifty, 0.5 -> zero point five."""
    whole, _, fraction = number.replace(",", "").partition(".")
    words = _whole(whole)
    return f"{words} point {_digits(fraction)}" if fraction else words


def ordinal(number: int) -> str:
    """1 -> first, 21 -> twenty-first."""
    words = cardinal(str(number))
    head, last = re.fullmatch(r"(.*?)([a-z]+)", words).groups()  # type: ignore[union-attr]
    if last in _IRREGULAR:
        return head + _IRREGULAR[last]
    return head + (last[:-1] + "ieth" if last.endswith("y") else last + "th")


def year(number: int) -> str:
    """1999 -> nineteen ninety-nine, 2005 -> two thousand five, 2026 -> twenty twenty-six."""
    century, rest = divmod(number, 100)
    if number < 1000 or 2000 <= number < 2010 or number % 1000 == 0:
        return _below_thousand_groups(number)
    if rest == 0:
        return f"{_below_hundred(century)} hundred"
    return f"{_below_hundred(century)} {'oh ' if rest < 10 else ''}{_below_hundred(rest)}"


def _digits(figures: str) -> str:
    return " ".join(_ONES[int(figure)] for figure in figures)


def _whole(number: str) -> str:
    number = number.lstrip("0") or "0"
    return _digits(number) if len(number) > 15 else _below_thousand_groups(int(number))


def _below_thousand_groups(number: int) -> str:
    if number == 0:
        return _ONES[0]
    words = []
    for power in range(len(_THOUSANDS) - 1, -1, -1):
        group = number // 1000**power % 1000
        if group:
            words.append(f"{_below_thousand(group)} {_THOUSANDS[power]}".strip())
    return " ".join(words)


def _below_thousand(number: int) -> str:
    hundreds, rest = divmod(number, 100)
    words = [f"{_ONES[hundreds]} hundred"] if hundreds else []
    return " ".join([*words, _below_hundred(rest)] if rest else words)


def _below_hundred(number: int) -> str:
    if number < 20:
        return _ONES[number]
    tens, ones = divmod(number, 10)
    return _TENS[tens] + (f"-{_ONES[ones]}" if ones else "")


def _day_of(month: str, day: str, full_year: str | None) -> str:
    words = f"{month} {ordinal(int(day))}"
    return f"{words}, {year(int(full_year))}" if full_year else words


def _iso_date(match: re.Match[str]) -> str:
    number = int(match[2])
    return _day_of(MONTHS[number - 1], match[3], match[1]) if 1 <= number <= 12 else match[0]


def _american_date(match: re.Match[str]) -> str:
    number = int(match[1])
    return _day_of(MONTHS[number - 1], match[2], match[3]) if 1 <= number <= 12 else match[0]


def _named_date(match: re.Match[str]) -> str:
    return _day_of(_SHORT_MONTHS[match[1].rstrip(".").lower()[:3]], match[2], match[3])


def _clock(match: re.Match[str]) -> str:
    hour, minute = cardinal(match[1]), int(match[2])
    half = match[3]
    words = hour if not minute else f"{hour} {'oh ' if minute < 10 else ''}{cardinal(match[2])}"
    if half:
        return f"{words} {_half_of_day(half)}"
    return words if minute else f"{words} o'clock"


def _half_of_day(text: str) -> str:
    """p.m. -> P M."""
    return " ".join(text.replace(".", "").upper())


def _among_letters(match: re.Match[str]) -> str:
    """A figure with spaces to the letters beside it: B2B -> B two B, 4K -> four K."""
    before, after = match.string[: match.start()][-1:], match.string[match.end() :][:1]
    return f"{' ' if before.isalpha() else ''}{cardinal(match[0])}{' ' if after.isalpha() else ''}"


def _after_word(match: re.Match[str]) -> str:
    """in 1999 -> in nineteen ninety-nine."""
    return f"{match[1]} {year(int(match[2]))}"


def _range(match: re.Match[str]) -> str:
    return f"{cardinal(match[1])} to {cardinal(match[2])}"


def _version(match: re.Match[str]) -> str:
    return " " + " point ".join(_whole(part) for part in match[0].split("."))


def _money(match: re.Match[str]) -> str:
    unit, small = _MONEY[match[1]]
    whole, _, cents = match[2].replace(",", "").partition(".")
    plural = "s" if unit not in ("yuan",) else ""
    if match[3]:
        return f"{cardinal(match[2])} {match[3]} {unit}{plural}"
    words = f"{cardinal(whole)} {unit}{'' if whole == '1' else plural}"
    if not cents or not int(cents):
        return words
    number = int(cents.ljust(2, "0")[:2])
    name = small if number == 1 else {"penny": "pence", "fen": "fen"}.get(small, f"{small}s")
    return f"{words} and {cardinal(str(number))} {name}"


def _measure(match: re.Match[str]) -> str:
    sign = "minus " if match[1] else ""
    return f"{sign}{cardinal(match[2])} {_MEASURES[match[3]]}"


def _telephone(match: re.Match[str]) -> str:
    return ", ".join(_digits(part) for part in re.findall(r"\d+", match[0]))


_MONTH_NAMES = "|".join([*MONTHS, *(rf"{short}\.?" for short in _SHORT_MONTHS)])
_MEASURE_NAMES = "|".join(map(re.escape, sorted(_MEASURES, key=len, reverse=True)))
_RULES: list[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]] = [
    (re.compile("|".join(rf"(?<!\w){re.escape(short)}" for short in _WORDS)), lambda m: _WORDS[m[0]]),
    (re.compile(r"\b(\d{4})-(\d{1,2})-(\d{1,2})\b"), _iso_date),
    (re.compile(r"\b(\d{1,2})/(\d{1,2})/(\d{4})\b"), _american_date),
    (re.compile(rf"\b({_MONTH_NAMES})\s(\d{{1,2}})(?:st|nd|rd|th)?(?:,?\s(\d{{4}}))?\b", re.IGNORECASE), _named_date),
    (re.compile(r"\b(\d{1,2}):(\d{2})(?:\s?([AaPp][Mm]\b|[AaPp]\.[Mm]\.))?"), _clock),
    (re.compile(r"\b(\d{1,2})\s?([AaPp][Mm]\b|[AaPp]\.[Mm]\.)"), lambda m: f"{cardinal(m[1])} {_half_of_day(m[2])}"),
    (re.compile(r"(?<!\d)(?:\+\d{1,3}[ -])?\(?\d{3}\)?[ -]\d{3}-\d{4}\b"), _telephone),
    (re.compile(rf"([$€£¥])\s?({_NUMBER})(?:\s(thousand|million|billion|trillion))?"), _money),
    (re.compile(rf"({_NUMBER})\s?%"), lambda m: f"{cardinal(m[1])} percent"),
    (re.compile(rf"(-|−)?({_NUMBER})\s?({_MEASURE_NAMES})(?![A-Za-z])"), _measure),
    (re.compile(r"\b(\d+)(?:st|nd|rd|th)\b"), lambda m: ordinal(int(m[1])) if len(m[1]) < 16 else _digits(m[1])),
    (re.compile(r"\b(in|since|by|until|of|from|year|to)\s([12]\d{3})\b(?![,.]\d)", re.IGNORECASE), _after_word),
    (re.compile(rf"(?<![\w.])({_NUMBER})\s?[-–]\s?({_NUMBER})(?![\w-])"), _range),
    (re.compile(rf"(?<![\w)])[-−]({_NUMBER})"), lambda m: f"minus {cardinal(m[1])}"),
    (re.compile(r"(?<!\d)\d+(?:\.\d+){2,}"), _version),
    (re.compile(_NUMBER), _among_letters),
]  # fmt: skip
