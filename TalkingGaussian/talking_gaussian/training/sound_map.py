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

STRENGTHS = (0.1, 0.3, 1.0, 3.0, 10.0)  # of the ridge penalty
FOLDS = 5
APART = 8  # frames between a fold's training and its test: neighbours know each other's answer
FLOOR = 0.1  # signals whose spread is below this share of the usual count for less
OPENING_SHARE = 1.1  # how far beyond what was seen in training a unit may go
MOST_ROWS = 6000  # training frames used (a solve costs their cube)


@dataclass(frozen=True)
class Lesson:
    """heard [T, F] and the units [T, K] that went with it."""

    heard: np.ndarray
    units: np.ndarray
    lips: np.ndarray


def learn_maps(
    samples: np.ndarray, coefficients: np.ndarray, basis: np.ndarray, numbers: np.ndarray, fps: float
) -> dict[str, PersonalMap]:
    """Maps for every kind of sound features that can be had here. samples: 16 kHz sound of the frames; coefficients
    [T, K] and basis [K, 478, 3] of the face units, MOUTH_UNITS first; numbers: the training frames."""
    count = len(MOUTH_UNITS)
    lips = basis[:count, list(MOUTH20)].reshape(count, -1)
    maps = {}
    for name in feature_names():
        if available(name):
            heard = heard_at_frames(SpeechMotion.load(name), samples, len(coefficients), fps)
            chosen = numbers[np.unique(np.linspace(0, len(numbers) - 1, MOST_ROWS).astype(int))]
            maps[name] = learn_map(Lesson(heard[chosen], coefficients[chosen, :count].astype(np.float64), lips))
    return maps


def heard_at_frames(speech: SpeechMotion, samples: np.ndarray, frames: int, fps: float) -> np.ndarray:
    """What is heard [frames, F] at the middle of each frame."""
    heard = speech.heard([samples])
    at = np.round((np.arange(frames) + 0.5) / fps * RATE / HOP - 0.5).astype(int)
    return heard[np.clip(at, 0, len(heard) - 1)]


def learn_map(lesson: Lesson) -> PersonalMap:
    """The ridge regression with the strength that answers held-out stretches of the lesson best."""
    middle, scale = lesson.heard.mean(0), scales_of(lesson.heard)
    rows = (lesson.heard - middle) / scale
    kernel = rows @ rows.T
    places = lesson.units @ lesson.lips
    answers = {strength: held_out_answers(kernel, places, strength) for strength in STRENGTHS}
    strength = min(answers, key=lambda strength: float(np.square(answers[strength] - places).sum()))
    mean = lesson.units.mean(0)
    dual = np.linalg.solve(kernel + strength * np.eye(len(kernel)), lesson.units - mean)
    weight = (rows.T @ dual) / scale[:, None]
    low, high = np.quantile(lesson.units, (0.005, 0.995), axis=0)
    arrays = (weight, mean - middle @ weight, low * OPENING_SHARE, high * OPENING_SHARE)
    return PersonalMap(MOUTH_UNITS, *(np.asarray(array, np.float32) for array in arrays))


def scales_of(heard: np.ndarray) -> np.ndarray:
    """What to divide each signal [T, F] by, so that bands and both hidden layers have the same say in all."""
    spread = heard.std(0).reshape(len(CONTEXT_HOPS), -1)
    blocks = np.split(np.arange(spread.shape[1]), [BANDS, BANDS + (spread.shape[1] - BANDS) // 2])
    out = np.empty_like(spread)
    for block in blocks:
        usual = np.sqrt(np.square(spread[:, block]).mean())
        share = np.sqrt(len(blocks) * len(block) * len(CONTEXT_HOPS))
        out[:, block] = (spread[:, block] + FLOOR * usual + 1e-6) * share
    return out.ravel()


def held_out_answers(kernel: np.ndarray, places: np.ndarray, strength: float) -> np.ndarray:
    """The lips' places [T, M] in FOLDS stretches, each answered by what lies well apart from it."""
    answers = np.empty_like(places)
    everything = np.arange(len(kernel))
    for test in np.array_split(everything, FOLDS):
        train = everything[(everything < test[0] - APART) | (everything > test[-1] + APART)]
        mean = places[train].mean(0)
        dual = np.linalg.solve(kernel[np.ix_(train, train)] + strength * np.eye(len(train)), places[train] - mean)
        answers[test] = kernel[np.ix_(test, train)] @ dual + mean
    return answers
