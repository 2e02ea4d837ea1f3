"""Learning how a person's face moves to sounds: ridge regression from what the speech network hears to the tracked
face units (training of motion/personal_map.py), its strength chosen by cross-validation in the training frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from face_tracking.face_units import MOUTH_UNITS
from face_tracking.points import MOUTH20

from talking_gaussian.audio.chunks import HOP, RATE
from talking_gaussian.audio.features import available, feature_names
from talking_gaussian.audio.features.mel import BANDS
from talking_gaussian.motion.personal_map import CONTEXT_HOPS, PersonalMap
from talking_gaussian.motion.speech_motion import SpeechMotion
from talking_gaussian.training.bearing import bearing_of, moods

STRENGTHS = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4)  # of the ridge penalty
SURE_BY = 0.03  # a strength whose error is this share larger than the best one's has 1 / e of its say
FOLDS = 8
APART = 12  # frames between a fold's training and its test: neighbours know each other's answer
FLOOR = 0.1  # signals whose spread is below this share of the usual count for less
NEAR = 1 - np.abs(CONTEXT_HOPS) / 16  # the say of each instant of the context: a half at its ends
OPENING_SHARE = 1.1  # how far beyond what was seen in training a unit may go
MOST_ROWS = 3000  # training frames used (a solve costs their cube)
MOST_TRIED = 1000  # and to choose the strength by
BEARING_SAYS = 0.1  # how face and head are held, beside 1 of all that is heard


@dataclass(frozen=True)
class Prior:
    """What is believed of units before the lesson. guesses_say: what anyone's mouth, by the network and by the phones
    heard, counts for, beside 1 of the bands and of either hidden layer. mood: what the sound does not say lasts; its
    share beside 1 of mere noise, and how long."""

    guesses_say: tuple[float, float]
    mood: float
    mood_frames: float


OPENING = Prior(guesses_say=(0.02, 0.3), mood=0.5, mood_frames=10.0)
WIDTH = Prior(guesses_say=(0.3, 1.0), mood=1.0, mood_frames=6.0)  # how round lips are is more a matter of phones
_WIDE = ("mouthFunnel", "mouthPucker", "mouthStretch", "mouthSmile", "mouthFrown")
IS_WIDE = np.array([unit.startswith(_WIDE) for unit in MOUTH_UNITS])


@dataclass(frozen=True)
class Seen:
    """What is seen of a person: coefficients [T, K] and basis [K, 478, 3] of the face units, MOUTH_UNITS first, and how
    the head moves [T, 4, 4]."""

    coefficients: np.ndarray
    basis: np.ndarray
    head: np.ndarray


@dataclass(frozen=True)
class Lesson:
    """heard [T, F], its last columns `guesses` (how many each), the units [T, K] that went with it and the numbers [T]
    of the frames; lips [K, 3 P]: where a full unit moves the lips' points; bearing [T, B]: see `bearing_of`."""

    heard: np.ndarray
    units: np.ndarray
    lips: np.ndarray
    numbers: np.ndarray
    bearing: np.ndarray
    guesses: tuple[int, ...] = ()


def learn_maps(
    samples: np.ndarray, seen: Seen, numbers: np.ndarray, fps: float
) -> tuple[dict[str, PersonalMap], np.ndarray]:
    """Maps for every kind of sound features that can be had here, and the mouth's mood in every frame
    [T, len(MOUTH_UNITS)], to be added to what they give. samples: 16 kHz sound of the frames; numbers: the training
    frames."""
    count = len(MOUTH_UNITS)
    lips = seen.basis[:count, list(MOUTH20)].reshape(count, -1)
    bearing = bearing_of(seen.coefficients, seen.head, numbers, fps)
    chosen = numbers[np.unique(np.linspace(0, len(numbers) - 1, MOST_ROWS).astype(int))]
    units = seen.coefficients[chosen, :count].astype(np.float64)
    maps, weights = {}, {}
    for name in filter(available, feature_names()):
        speech = SpeechMotion.load(name)
        heard = heard_at_frames(speech, samples, len(bearing), fps)
        lesson = Lesson(heard[chosen], units, lips, chosen, bearing[chosen], speech.guess_sizes)
        maps[name], weights[name] = learn_map(lesson)
    return maps, moods(bearing, weights.get("visemes", weights["mel"]))


def heard_at_frames(speech: SpeechMotion, samples: np.ndarray, frames: int, fps: float) -> np.ndarray:
    """What is heard [frames, F] at the middle of each frame."""
    heard = speech.heard([samples])
    at = np.round((np.arange(frames) + 0.5) / fps * RATE / HOP - 0.5).astype(int)
    return heard[np.clip(at, 0, len(heard) - 1)]


def learn_map(lesson: Lesson) -> tuple[PersonalMap, np.ndarray]:
    """How the units follow from what is heard, those that open the mouth and those that widen it each in its way, and
    from the bearing, weights [B, K]. Learnt together, or the sound would be held to account for moods."""
    low, high = np.quantile(lesson.units, (0.005, 0.995), axis=0) * OPENING_SHARE
    opening, width = (learn_units(lesson, prior) for prior in (OPENING, WIDTH))
    bias, by_sound, by_bearing = np.split(np.where(IS_WIDE, width, opening), [1, 1 + lesson.heard.shape[1]])
    arrays = (by_sound, bias[0], low, high)
    return PersonalMap(MOUTH_UNITS, *(np.asarray(array, np.float32) for array in arrays)), by_bearing


def learn_units(lesson: Lesson, prior: Prior) -> np.ndarray:
    """The bias and weights [1 + F + B, K] of the ridge regression with the strength that answers held-out stretches
    of the lesson well (small mean distance of the lips' points: LMD). Its noise lasts as moods do (generalised least
    squares, Aitken 1936), or the map would explain by the sound whatever the face did for half a second."""
    known = np.hstack([lesson.heard, lesson.bearing])
    scales = (scales_of(lesson.heard, lesson.guesses, prior.guesses_say), scales_of_bearing(lesson.bearing))
    middle, scale = known.mean(0), np.concatenate(scales)
    rows = (known - middle) / scale
    kernel, noise = rows @ rows.T, noise_of(lesson.numbers, prior)
    strength = likely_strength(kernel, noise, lesson.units @ lesson.lips)
    dual, mean = explained(kernel + strength * noise, lesson.units)
    weight = (rows.T @ dual) / scale[:, None]
    return np.vstack([mean - middle @ weight, weight])


def scales_of_bearing(bearing: np.ndarray) -> np.ndarray:
    """What to divide each column of a bearing [T, B] by: all say BEARING_SAYS together, those that keep still less."""
    return (bearing.std(0) + 1) * np.sqrt(bearing.shape[1] / BEARING_SAYS)


def scales_of(heard: np.ndarray, guesses: tuple[int, ...], says: tuple[float, ...]) -> np.ndarray:
    """What to divide each column of what is heard [T, F] by, so that every block has its own say in all, and in it the
    instants near by have more than those farther off."""
    spread = heard.std(0)
    out = np.empty_like(spread)
    blocks = blocks_of(len(spread), guesses, says)
    for block, say in blocks:
        usual = np.sqrt(np.square(spread[block]).mean())
        share = say / sum(say for _, say in blocks)
        near = np.repeat(NEAR / NEAR.mean(), len(block) // len(NEAR))
        out[block] = (spread[block] + FLOOR * usual + 1e-6) * np.sqrt(len(block) / (share * near))
    return out


def blocks_of(size: int, guesses: tuple[int, ...], says: tuple[float, ...]) -> list[tuple[np.ndarray, float]]:
    """The columns of bands, of both hidden layers and of the guesses in what is heard, one instant of the context after
    the other, each block with its say."""
    first = size - sum(guesses)
    columns = np.arange(first).reshape(len(CONTEXT_HOPS), -1)
    layer = (columns.shape[1] - BANDS) // 2
    parts = np.split(columns, [BANDS, BANDS + layer], axis=1)
    blocks = [(part.ravel(), 1.0) for part in parts]
    for count, say in zip(guesses, says, strict=False):  # `mel` features know no phones
        blocks.append((np.arange(first, first + count), say))
        first += count
    return blocks


def noise_of(numbers: np.ndarray, prior: Prior) -> np.ndarray:
    """Covariance [T, T] of what the sound does not say about frames number [T]: mere noise, and moods."""
    apart = (numbers[:, None] - numbers) / prior.mood_frames
    return np.eye(len(numbers)) + prior.mood * np.exp(-0.5 * np.square(apart))


def explained(covariance: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Dual weights [T, M] and mean [M] of what is wanted [T, M], covariance [T, T]. In the mean, frames that say the
    same as their neighbours count for less (Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006,
    section 2.7)."""
    solved = np.linalg.solve(covariance, np.column_stack([wanted, np.ones(len(wanted))]))
    dual, one = solved[:, :-1], solved[:, -1:]
    mean = dual.sum(0) / one.sum()
    return dual - one * mean, mean


def likely_strength(kernel: np.ndarray, noise: np.ndarray, places: np.ndarray) -> float:
    """The mean (of logarithms) of STRENGTHS, each weighed by how well it answers held-out stretches of the lips' places
    [T, 3 P]: which of them is best in a few seconds of speech is much a matter of chance. kernel, noise [T, T]."""
    tried = np.unique(np.linspace(0, len(kernel) - 1, MOST_TRIED).astype(int))
    kernel, noise, places = kernel[np.ix_(tried, tried)], noise[np.ix_(tried, tried)], places[tried]
    errors = [lip_error(held_out_answers(kernel, by * noise, places), places) for by in STRENGTHS]
    return float(np.exp(np.average(np.log(STRENGTHS), weights=says_of(np.array(errors)))))


def says_of(errors: np.ndarray) -> np.ndarray:
    """The say of each strength, from its error."""
    return np.exp(-(errors - errors.min()) / (SURE_BY * errors.min() + 1e-12))


def lip_error(answers: np.ndarray, places: np.ndarray) -> float:
    """Mean distance of the lips' points, [T, 3 P] both."""
    return float(np.linalg.norm((answers - places).reshape(len(places), -1, 3), axis=2).mean())


def held_out_answers(kernel: np.ndarray, noise: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The lips' places [T, M] in FOLDS stretches, each answered by what lies well apart from it. kernel, noise
    [T, T]."""
    answers = np.empty_like(places)
    everything = np.arange(len(kernel))
    whole = kernel + noise
    for test in np.array_split(everything, FOLDS):
        train = everything[(everything < test[0] - APART) | (everything > test[-1] + APART)]
        dual, mean = explained(whole[np.ix_(train, train)], places[train])
        answers[test] = kernel[np.ix_(test, train)] @ dual + mean
    return answers
