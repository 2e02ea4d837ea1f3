"""Single frames out of a long video, without decoding what lies between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import numpy as np
from talking_gaussian.video.frames import upright


def key_frames(path: Path, times: Iterable[float], max_side: int) -> Iterator[tuple[float, np.ndarray]]:
    """(time in s from the start, [H, W, 3] uint8 RGB of at most `max_side` px) of the key frame before each time.

    Each is given once. The file was probed before: what cannot be decoded any more is passed over.
    """
    with av.open(f"file:{path.absolute()}", options={"protocol_whitelist": "file"}) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        stream.codec_context.skip_frame = "NONKEY"
        base, origin = float(stream.time_base or 1), stream.start_time or 0
        seen = None
        for wanted in times:
            try:
                container.seek(int(wanted / base) + origin, stream=stream, backward=True)
                frame = next(container.decode(stream), None)
            except av.FFmpegError:
                continue
            if frame is None or frame.pts is None or frame.pts == seen:
                continue
            seen = frame.pts
            yield (frame.pts - origin) * base, upright(frame, max_side)
