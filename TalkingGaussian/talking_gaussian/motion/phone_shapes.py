"""What anyone's mouth does for the phones that the acoustic model hears, weighed by how sure it is of each.

A hidden Markov model with three states a phone and every phone as likely after every other (Rabiner, "A Tutorial on
Hidden Markov Models", 1989) turns the scores of the instants into shares that last as long as phones do.
"""

from __future__ import annotations

import numpy as np

from talking_gaussian.motion.visemes import ARTICULATORS, VISEMES, visemes_of

# the acoustic model's 42 phones in its own order: noise, spoken noise, and the others by the alphabet
PHONES = (
    *("+NSN+", "+SPN+", "AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY", "F", "G", "HH"),
    *("IH", "IY", "JH", "K", "L", "M", "N", "NG", "OW", "OY", "P", "R", "S", "SH", "SIL", "T", "TH", "UH", "UW", "V"),
    *("W", "Y", "Z", "ZH"),
)
STATES = 3 * len(PHONES)
SHAPES = (*ARTICULATORS, "close")
_STAY = 0.8  # how likely a state goes on for another 10 ms
_CERTAINTY = 3.0  # of scores that are a sixth of log posteriors: half of what the model thinks of itself
_LEAST = 1e-12


def phone_shapes(scores: np.ndarray) -> np.ndarray:
    """Scores [n, STATES or more] of `visemes` features, states first, 100 Hz -> expected SHAPES [n, S] in 0..1."""
    return phone_shares(scores[:, :STATES]) @ _shapes()


def phone_shares(scores: np.ndarray) -> np.ndarray:
    """Scores [n, STATES] (log posteriors / 6, any constant added) -> how likely each of PHONES sounds [n, 42]."""
    scores = scores.astype(np.float64)
    likely = np.exp(_CERTAINTY * (scores - scores.max(1, keepdims=True)))
    likely = likely.reshape(len(scores), len(PHONES), 3) + _LEAST
    shares = np.empty_like(likely)
    now = np.full(likely.shape[1:], 1.0)
    for k, seen in enumerate(likely):
        now = (_moved(now) if k else now) * seen
        now /= now.sum()
        shares[k] = now
    after = np.ones(likely.shape[1:])
    for k in range(len(likely) - 2, -1, -1):
        after = _moved_back(after * likely[k + 1])
        after /= after.sum()
        shares[k] *= after
        shares[k] /= shares[k].sum()
    return shares.sum(2)


def _moved(now: np.ndarray) -> np.ndarray:
    """Shares of the states [P, 3] 10 ms later: each stays or goes on, the last one to any phone's first."""
    later = _STAY * now
    later[:, 1:] += (1 - _STAY) * now[:, :-1]
    later[:, 0] += (1 - _STAY) * now[:, 2].sum() / len(now)
    return later


def _moved_back(later: np.ndarray) -> np.ndarray:
    """How well each state [P, 3] explains what came 10 ms after it, `later` [P, 3]: `_moved` transposed."""
    before = _STAY * later
    before[:, :-1] += (1 - _STAY) * later[:, 1:]
    before[:, 2] += (1 - _STAY) * later[:, 0].mean()
    return before


def _shapes() -> np.ndarray:
    """What the articulators do for each phone, [42, S]; in silence and noise the lips are closed."""
    out = np.zeros((len(PHONES), len(SHAPES)))
    for row, phone in zip(out, PHONES, strict=True):
        visemes = visemes_of(phone) or ("rest",)
        for viseme in visemes:
            aims = {"close": 1.0} if viseme == "rest" else VISEMES[viseme]
            row += [aims.get(name, 0.0) / len(visemes) for name in SHAPES]
    return out
