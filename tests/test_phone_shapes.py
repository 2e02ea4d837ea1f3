"""What anyone's mouth does for the phones heard: sure where the model is, lasting as phones do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from talking_gaussian.motion.phone_shapes import PHONES, SHAPES, STATES, phone_shapes, phone_shares

SURE, UNLIKELY = 0.9, -1.0  # scores are log posteriors / 6, plus 1


def heard(*stretches: tuple[str, int]) -> np.ndarray:
    """Scores [n, STATES] of phones that last so many instants, their three states one after the other."""
    rows = []
    for phone, length in stretches:
        for k in range(length):
            row = np.full(STATES, UNLIKELY)
            row[3 * PHONES.index(phone) + 3 * k // length] = SURE
            rows.append(row)
    return np.array(rows, np.float32)


def test_lips_close_for_m_and_open_for_aa() -> None:
    shapes = phone_shapes(heard(("AA", 12), ("M", 12), ("AA", 12)))
    close, jaw = shapes[:, SHAPES.index("close")], shapes[:, SHAPES.index("jaw")]
    assert close[18] > 0.9 > 0.1 > close[6]
    assert jaw[6] > jaw[18] + 0.2


def test_lips_are_closed_in_silence() -> None:
    assert phone_shapes(heard(("SIL", 20)))[10, SHAPES.index("close")] > 0.9


def test_a_phone_heard_for_an_instant_does_not_take_over() -> None:
    scores = heard(("AA", 30))
    scores[15] = 0.0
    scores[15, 3 * PHONES.index("M")] = 0.3
    shares = phone_shares(scores)
    assert scores[15].argmax() // 3 == PHONES.index("M")
    assert shares[15, PHONES.index("AA")] > 0.9


def test_shares_sum_to_one_whatever_the_scores() -> None:
    wild = np.random.default_rng(0).normal(0, 30, (50, STATES)).astype(np.float32)
    shares = phone_shares(np.concatenate([wild, np.zeros((5, STATES), np.float32)]))
    np.testing.assert_allclose(shares.sum(1), 1)
    assert shares.min() >= 0


def test_no_sound_has_no_shapes() -> None:
    assert phone_shapes(np.zeros((0, STATES + 40), np.float32)).shape == (0, len(SHAPES))


def test_phones_stand_in_the_order_of_the_acoustic_model() -> None:
    pocketsphinx = pytest.importorskip("pocketsphinx")
    model = Path(pocketsphinx.get_model_path("en-us/en-us/mdef")).read_bytes()
    assert b"\0".join(phone.encode() for phone in PHONES) + b"\0" in model
