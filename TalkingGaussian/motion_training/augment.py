"""Make clean synthetic speech sound like recordings: speed, rooms, microphones, noise, breaths, silence around it."""

from __future__ import annotations

import numpy as np
from talking_gaussian.audio.chunks import RATE


def resample(samples: np.ndarray, rate: float) -> np.ndarray:
    """Linear resampling from `rate` to 16 kHz after a low-pass by FFT; good enough for training data."""
    count = int(len(samples) * RATE / rate)
    if rate > RATE:
        spectrum = np.fft.rfft(samples)
        spectrum[int(len(spectrum) * RATE / rate * 0.98) :] = 0
        samples = np.fft.irfft(spectrum, len(samples))
    return np.interp(np.arange(count) * rate / RATE, np.arange(len(samples)), samples).astype(np.float32)


def coloured_noise(rng: np.random.Generator, count: int, slope: float) -> np.ndarray:
    """Noise of unit level whose power falls as frequency ** -slope (0 white, 1 pink)."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    spectrum *= np.maximum(np.arange(len(spectrum)), 20.0) ** (-slope / 2)
    noise = np.fft.irfft(spectrum, count)
    return (noise / (noise.std() + 1e-9)).astype(np.float32)


def filtered(samples: np.ndarray, response) -> np.ndarray:
    """Apply a magnitude response(hertz) by FFT."""
    spectrum = np.fft.rfft(samples)
    hertz = np.fft.rfftfreq(len(samples), 1 / RATE)
    return np.fft.irfft(spectrum * response(hertz), len(samples)).astype(np.float32)


def microphone(rng: np.random.Generator, samples: np.ndarray) -> np.ndarray:
    """A random tilt and ripple of the spectrum, or a telephone's band."""
    if rng.random() < 0.15:
        return filtered(samples, lambda f: 1 / (1 + (250 / (f + 1)) ** 4) / (1 + (f / 3400) ** 8))
    tilt, depth, period = rng.uniform(-6, 6), rng.uniform(0, 4), rng.uniform(0.5, 2)
    phase = rng.uniform(0, 6.3)

    def response(f: np.ndarray) -> np.ndarray:
        octaves = np.log2(np.maximum(f, 50) / 1000)
        return 10 ** ((tilt / 3 * octaves + depth * np.sin(octaves * 6.28 / period + phase)) / 20)

    return filtered(samples, response)


def room(rng: np.random.Generator, samples: np.ndarray) -> np.ndarray:
    """A short synthetic reverberation: direct sound and exponentially decaying noise."""
    seconds = rng.uniform(0.1, 0.5)
    tail = rng.standard_normal(int(seconds * RATE)) * np.exp(-6.9 * np.arange(int(seconds * RATE)) / (seconds * RATE))
    tail *= rng.uniform(0.1, 0.6) / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    size = len(samples) + len(tail)
    return np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(tail, size), size)[: len(samples)].astype(np.float32)


def breath(rng: np.random.Generator, level: float) -> np.ndarray:
    """A breath of 0.2-0.6 s: band noise that swells and fades."""
    count = int(rng.uniform(0.2, 0.6) * RATE)
    noise = filtered(coloured_noise(rng, count, 0.5), lambda f: np.exp(-(((f - 1800) / 1500) ** 2)))
    return noise / (noise.std() + 1e-9) * np.hanning(count).astype(np.float32) * level


def augmented(
    samples: np.ndarray, rate: int, babble: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, float, float]:
    """Speech at `rate` -> (16 kHz speech as if recorded, seconds of silence put before it, speed).

    babble: other speech at 16 kHz, at least as long, mixed in as noise. A phone at t is then at before + t / speed.
    """
    clean = rng.random() < 0.2
    speed = 1.0 if clean else rng.uniform(0.85, 1.2)
    speech = resample(samples, rate * speed)
    level = float(np.sqrt(np.mean(speech**2))) + 1e-6
    before, after = rng.uniform(0.2, 1.2, 2)
    count = len(speech) + int(before * RATE) + int(after * RATE)
    out = np.zeros(count, np.float32)
    start = int(before * RATE)
    out[start : start + len(speech)] = speech
    if not clean:
        if rng.random() < 0.4:
            puff = breath(rng, level * rng.uniform(0.03, 0.3))[: max(0, start - 800)]
            out[start - 800 - len(puff) : start - 800] += puff
        if rng.random() < 0.5:
            out = room(rng, out)
        if rng.random() < 0.8:
            out = microphone(rng, out)
        noise = coloured_noise(rng, count, rng.uniform(0, 1.6))
        if rng.random() < 0.25:
            noise = np.resize(babble, count) / (babble.std() + 1e-9)
        out += noise * level * 10 ** (-rng.uniform(6, 40) / 20)
    gain = 0.9 / (np.abs(out).max() + 1e-6) * 10 ** (-rng.uniform(0, 35) / 20)
    return out * np.float32(gain), start / RATE, speed
