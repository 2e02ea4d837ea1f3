"""Text for voices: numbers in words, languages, pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from talking_gaussian.errors import UserError
from voice_engine.settings import SpeakSettings
from voice_engine.text import numbers_en, numbers_zh
from voice_engine.text.languages import language_of, script_runs
from voice_engine.text.normalise import cleaned, spoken_form
from voice_engine.text.splitting import LIMIT, length_of, split_text

ANY_TEXT = st.text(alphabet=st.sampled_from("abc XYZ,.!?;: \n一二三中文,。!?…“”\"'123-/%$¥️😀\u200b"), max_size=400)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2026年11月23日", "二零二六年十一月二十三日"),
        ("2026-11-23", "二零二六年十一月二十三日"),
        ("气温-5℃", "气温零下五摄氏度"),
        ("涨了3.5%", "涨了百分之三点五"),
        ("共12,050元", "共一万二千零五十元"),
        ("8:05开会", "八点零五分开会"),
        ("下午2:00", "下午两点整"),
        ("2个人,第2名", "两个人,第二名"),
        ("占1/3", "占三分之一"),
        ("电话13812345678", "电话幺三八幺二三四五六七八"),
        ("需要3-5天", "需要三到五天"),
        ("¥25.5万", "二十五点五万元"),
        ("一共100000000", "一共一亿"),
        ("有10500人", "有一万零五百人"),
        ("有1000200人", "有一百万零二百人"),
        ("有10086人", "有一万零八十六人"),
        ("代号007", "代号零零七"),
        ("12月", "十二月"),
        ("15个", "十五个"),
        ("重0.5kg", "重零点五公斤"),
    ],
)
def test_chinese_figures_are_read(text: str, words: str) -> None:
    assert spoken_form(text, "zh") == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("$25.50", "twenty-five dollars and fifty cents"),
        ("$1", "one dollar"),
        ("£1.01 million", "one point zero one million pounds"),
        ("11/23/2026", "November twenty-third, twenty twenty-six"),
        ("2005-01-09", "January ninth, two thousand five"),
        ("Nov 3rd, 2026", "November third, twenty twenty-six"),
        ("in 1999", "in nineteen ninety-nine"),
        ("3:05 pm", "three oh five P M"),
        ("8:00", "eight o'clock"),
        ("1,250,000 fans", "one million two hundred fifty thousand fans"),
        ("21st", "twenty-first"),
        ("12th", "twelfth"),
        ("50%", "fifty percent"),
        ("3-5 days", "three to five days"),
        ("-5 °C", "minus five degrees Celsius"),
        ("10 km", "ten kilometres"),
        ("v2.0.1", "v two point zero point one"),
        ("B2B and 4K", "B two B and four K"),
        ("Dr. Smith & co", "Doctor Smith and co"),
        ("0.5", "zero point five"),
    ],
)
def test_english_figures_are_read(text: str, words: str) -> None:
    assert " ".join(spoken_form(text, "en").split()) == words


@given(st.integers(0, 10**15))
def test_any_number_has_words_without_figures(number: int) -> None:
    for words in (numbers_zh.read_numbers(str(number)), numbers_en.read_numbers(str(number))):
        assert words
        assert not any(character.isdigit() for character in words)


@given(ANY_TEXT)
def test_no_figure_is_left_in_any_text(text: str) -> None:
    for language in ("zh", "en"):
        assert not any(character in "0123456789" for character in spoken_form(cleaned(text), language))


@given(ANY_TEXT)
def test_pieces_hold_the_whole_text_and_none_is_too_long(text: str) -> None:
    pieces = split_text(cleaned(text))
    assert all(length_of(piece.text) <= LIMIT for piece in pieces)
    assert all(piece.pause_s >= 0 for piece in pieces)
    kept = [character for piece in pieces for character in piece.text if character.isalnum()]
    assert kept == [character for character in cleaned(text) if character.isalnum()]


def test_pieces_end_at_sentences_and_abbreviations_do_not_end_one() -> None:
    text = "Dr. Smith lives at No. 5, e.g. there, since 3.5 years now. He likes it very much indeed!\nA new paragraph."
    assert [piece.text for piece in split_text(text, limit=30)] == [
        "Dr. Smith lives at No. 5, e.g. there, since 3.5 years now.",
        "He likes it very much indeed!",
        "A new paragraph.",
    ]


def test_short_sentences_are_spoken_together_but_not_two_languages() -> None:
    texts = [piece.text for piece in split_text("Yes. I know. 好的。我知道。")]
    assert texts == ["Yes. I know.", "好的。我知道。"]


def test_long_text_without_sentence_marks_is_cut_at_commas_then_anywhere() -> None:
    commas = split_text("我们一起去公园散步," * 30)
    assert all(piece.text.endswith(",") for piece in commas)
    assert len(split_text("很" * 500)) == 7


def test_languages_are_told_by_letters() -> None:
    texts = {
        "你好": "zh",
        "hello": "en",
        "こんにちは世界": "ja",
        "안녕": "ko",
        "привет": "ru",
        "用Python写": "zh",
        "42": "en",
    }
    assert {text: language_of(text) for text in texts} == texts
    assert script_runs("我用Python写了OK,好") == [
        ("zh", "我用"),
        ("en", "Python"),
        ("zh", "写了"),
        ("en", "OK"),
        ("zh", ",好"),
    ]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"text": "…!"}, "no_text"),
        ({"text": "x" * 20_001}, "text_too_long"),
        ({"text": "<|endofprompt|>hi"}, "tag_in_text"),
        ({"text": "hi", "speed": float("nan")}, "bad_speed"),
        ({"text": "hi", "speed": 2.5}, "bad_speed"),
        ({"text": "hi", "language": "tlh"}, "bad_language"),
        ({"text": "hi", "mode": "sing"}, "bad_mode"),
        ({"text": "hi", "engine": "other"}, "bad_engine"),
        ({"text": "hi", "seed": -1}, "bad_seed"),
        ({"text": "hi", "dialect": "火星话"}, "bad_dialect"),
        ({"text": "hi", "prompt_text": "hello"}, "transcript_alone"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(fields: dict, code: str) -> None:
    with pytest.raises(UserError) as refused:
        SpeakSettings(**fields).check()
    assert refused.value.code == code
    assert refused.value.zh != refused.value.en
