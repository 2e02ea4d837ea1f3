"""Several talks to one MP4 with subtitles in it: what a conversation is exported as."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from talking_gaussian import stopping
from talking_gaussian.errors import UserError
from talking_gaussian.video.mp4_writer import AI_LABEL

SOUND_RATE = 48_000
TICK = Fraction(1, 1000)
# what the subtitle encoder has to be told of looks; players use their own
ASS_HEADER = (
    "[Script Info]\r\nScriptType: v4.00+\r\n\r\n[V4+ Styles]\r\nFormat: Name, Fontname, Fontsize, PrimaryColour\r\n"
    "Style: Default,Arial,16,&Hffffff\r\n\r\n[Events]\r\nFormat: Layer, Start, End, Style, Text\r\n"
)


@dataclass(frozen=True)
class Part:
    """A talk: its file and its captions ({"text", "start_s", "end_s"})."""

    file: Path
    captions: list[dict[str, Any]]


def read_parts(path: Path) -> list[Part]:
    """A JSON list of {"file", "captions"}. Raises UserError."""
    try:
        rows = json.loads(path.read_text("utf-8"))
        return [Part(Path(row["file"]), list(row["captions"])) for row in rows]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            "bad_parts", f"{path.name!r} is no list of videos to join.", f"{path.name!r} 不是有效的视频列表。"
        ) from error


def join(parts: list[Part], output: Path) -> None:
    """Write the talks one after another, at the size of the largest. Raises UserError; leaves no half-written file."""
    part_file = output.with_name(output.name + ".part")
    options = {"movflags": "+faststart+use_metadata_tags"}
    try:
        with av.open(f"file:{part_file.absolute()}", "w", format="mp4", options=options) as container:
            container.metadata.update({"comment": AI_LABEL, "ai_generated": "true"})
            _write(container, parts)
        part_file.replace(output)
    except av.error.InvalidDataError as error:
        raise UserError("bad_parts", "A video of the conversation is damaged.", "对话中的一段视频已损坏。") from error
    finally:
        part_file.unlink(missing_ok=True)


def _write(container: av.container.OutputContainer, parts: list[Part]) -> None:
    size, fps = _picture(parts)
    video = container.add_stream("libx264", rate=fps)
    video.width, video.height, video.pix_fmt = size, size, "yuv420p"
    video.options = {"preset": "veryfast", "crf": "19"}
    sound = container.add_stream("aac", rate=SOUND_RATE, layout="mono")
    texts = container.add_stream("mov_text")
    texts.codec_context.subtitle_header = ASS_HEADER.encode()
    texts.time_base = TICK
    frames = 0
    for part in parts:
        start = frames / fps
        for frame in _pictures(part.file, size):
            stopping.check()
            frame.pts, frame.time_base = frames, 1 / fps
            frames += 1
            container.mux(video.encode(frame))
        for block in _sound(part.file, start, (frames / fps) - start):
            container.mux(sound.encode(block))
        for caption in part.captions:
            container.mux(_text_packet(caption, start, texts))
    container.mux(video.encode(None))
    container.mux(sound.encode(None))


def _picture(parts: list[Part]) -> tuple[int, Fraction]:
    """The largest size, and the frame rate."""
    sizes, rates = [], []
    for part in parts:
        with av.open(f"file:{part.file.absolute()}") as source:
            stream = source.streams.video[0]
            sizes.append(stream.width)
            rates.append(Fraction(stream.average_rate or 25).limit_denominator(1001))
    return max(sizes), max(rates)


def _pictures(file: Path, size: int) -> Iterator[av.VideoFrame]:
    with av.open(f"file:{file.absolute()}") as source:
        for frame in source.decode(video=0):
            yield frame.reformat(size, size, "yuv420p")


def _sound(file: Path, start: Fraction, seconds: Fraction) -> Iterator[av.AudioFrame]:
    """A talk's sound cut or filled to its picture's length, in blocks with their times."""
    with av.open(f"file:{file.absolute()}") as source:
        # the talk's first block is the encoder's own silence, and its pictures are as late: both are left out
        blocks = [frame.to_ndarray()[0] for frame in source.decode(audio=0)]
    samples = np.concatenate(blocks)[1024:] if blocks else np.zeros(0, np.float32)
    wanted = round(seconds * SOUND_RATE)
    samples = np.pad(samples[:wanted], (0, max(0, wanted - len(samples))))
    for at in range(0, wanted, 1024):
        block = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None, at : at + 1024]), "fltp", "mono")
        block.sample_rate, block.time_base = SOUND_RATE, Fraction(1, SOUND_RATE)
        block.pts = round(start * SOUND_RATE) + at
        yield block


def _text_packet(caption: dict[str, Any], start: Fraction, stream: Any) -> av.Packet:
    """A caption as timed text: its length, and UTF-8 (3GPP TS 26.245)."""
    text = str(caption["text"]).encode()[:2000]
    packet = av.Packet(len(text).to_bytes(2, "big") + text)
    packet.stream, packet.time_base = stream, TICK
    packet.pts = packet.dts = round((start + Fraction(caption["start_s"])) * 1000)
    packet.duration = max(1, round(1000 * (caption["end_s"] - caption["start_s"])))
    return packet
