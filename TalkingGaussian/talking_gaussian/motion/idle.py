"""What a face does besides speaking: blinks, glances, brows that rise on emphasis. Never the lips."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_CLOSE_S, _SHUT_S, _OPEN_S = 0.09, 0.03, 0.16  # a blink: quick down, slower up
_BLINK_MEAN_S = 4.0
_GLANCE_MEAN_S = 2.5
_GLANCE_MOVE_S = 0.05
_BROW_RISE_S, _BROW_FALL_S = 0.18, 0.45

_BLINK_UNITS = ("eyeBlinkLeft", "eyeBlinkRight")
_BROW_UNITS = ("browInnerUp", "browOuterUpLeft", "browOuterUpRight")


class IdleMotion:
    """A stream of blinks, glances and brow raises for an avatar with `units` at `fps`; the same for the same seed."""

    def __init__(self, units: Sequence[str], fps: float, seed: int = 0) -> None:
        self._units = tuple(units)
        self._column = {name: k for k, name in enumerate(self._units)}
        self._fps = fps
        self._rng = np.random.default_rng(seed)
        self._frame = 0
        self._blink_at = float(self._rng.uniform(0.8, 2.5))
        self._glance_at = 1.0
        self._gaze = self._gaze_target = np.zeros(2)
        self._brow = 0.0
        self._brow_peak = 0.0
        self._brow_rest_until = 0.0
        self._usual_opening = 0.12

    def frames(self, spoken: np.ndarray) -> np.ndarray:
        """The next frames: spoken [n, K] is the speech in the avatar's units (for emphasis) -> [n, K] float32."""
        out = np.zeros((len(spoken), len(self._units)), np.float32)
        jaw = self._column.get("jawOpen")
        for k in range(len(spoken)):
            time = self._frame / self._fps
            self._set(out[k], _BLINK_UNITS, self._blink(time))
            self._glance(time, out[k])
            self._set(out[k], _BROW_UNITS, self._brows(time, float(spoken[k, jaw]) if jaw is not None else 0.0))
            self._frame += 1
        return out

    def _set(self, row: np.ndarray, names: Sequence[str], value: float) -> None:
        for name in names:
            if name in self._column:
                row[self._column[name]] = value

    def _blink(self, time: float) -> float:
        """How far the lids are shut, 0..1."""
        since = time - self._blink_at
        if since < 0:
            return 0.0
        if since >= _CLOSE_S + _SHUT_S + _OPEN_S:
            double = self._rng.random() < 0.1
            wait = 0.35 if double else float(np.clip(self._rng.gamma(5.0, _BLINK_MEAN_S / 5.0), 1.5, 8.0))
            self._blink_at = time + wait
            return 0.0
        if since < _CLOSE_S:
            return float(0.5 - 0.5 * np.cos(np.pi * since / _CLOSE_S))
        opening = max(0.0, since - _CLOSE_S - _SHUT_S) / _OPEN_S
        return float(0.5 + 0.5 * np.cos(np.pi * opening))

    def _glance(self, time: float, row: np.ndarray) -> None:
        """Small saccades around the camera: yaw and pitch in -1..1, in single units or left/right and up/down ones."""
        if time >= self._glance_at:
            back = self._rng.random() < 0.6
            self._gaze_target = np.zeros(2) if back else self._rng.normal(0.0, (0.10, 0.05))
            self._glance_at = time + float(np.clip(self._rng.exponential(_GLANCE_MEAN_S), 0.4, 6.0))
        step = min(1.0, 1.0 / (self._fps * _GLANCE_MOVE_S))
        self._gaze = self._gaze + step * (self._gaze_target - self._gaze)
        yaw, pitch = (float(v) for v in np.clip(self._gaze, -0.3, 0.3))
        self._set(row, ("eyeYaw",), yaw)
        self._set(row, ("eyePitch",), pitch)
        self._set(row, ("eyeLookOutLeft", "eyeLookInRight"), max(0.0, yaw))
        self._set(row, ("eyeLookInLeft", "eyeLookOutRight"), max(0.0, -yaw))
        self._set(row, ("eyeLookUpLeft", "eyeLookUpRight"), max(0.0, pitch))
        self._set(row, ("eyeLookDownLeft", "eyeLookDownRight"), max(0.0, -pitch))

    def _brows(self, time: float, jaw: float) -> float:
        """A small raise when the mouth opens clearly wider than usual, not more often than every 1.5 s."""
        self._usual_opening += (jaw - self._usual_opening) / (4.0 * self._fps) if jaw > 0.02 else 0.0
        if jaw > 1.6 * self._usual_opening + 0.04 and time >= self._brow_rest_until:
            self._brow_peak = float(self._rng.uniform(0.12, 0.30))
            self._brow_rest_until = time + float(self._rng.uniform(1.5, 3.5))
        rising = self._brow < self._brow_peak
        seconds = _BROW_RISE_S if rising else _BROW_FALL_S
        self._brow += (self._brow_peak - self._brow) * min(1.0, 2.5 / (self._fps * seconds))
        if rising and self._brow > 0.9 * self._brow_peak:
            self._brow_peak = 0.0
        return self._brow
