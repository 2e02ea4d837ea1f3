"""Runs in tg_eval: makes variants of a real clip and judges them with many others, in one process.

python preflight_batch.py CLIPS_FOLDER SCRATCH REPORTS.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import av
import numpy as np
from data_utils.preflight import check_video

RATE = 16_000
SOME = 160  # frames: six seconds and a half


def clip(path: Path, frames: int) -> tuple[list[np.ndarray], np.ndarray]:
    """The first frames [H, W, 3], and their sound at 16 kHz."""
    with av.open(str(path)) as container:
        pictures = [
            f.to_ndarray(format="rgb24") for f, _ in zip(container.decode(video=0), range(frames), strict=False)
        ]
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("s16", "mono", RATE)
        blocks = [block.to_ndarray()[0] for frame in container.decode(audio=0) for block in resampler.resample(frame)]
    return pictures, np.concatenate(blocks)[: frames * RATE // 25].astype(float)


def write(path: Path, pictures: list[np.ndarray], sound: np.ndarray, codec: str = "libx264") -> None:
    """A video of 25 frames a second with AAC."""
    with av.open(str(path), "w") as container:
        video, audio = container.add_stream(codec, rate=25), container.add_stream("aac", rate=RATE, layout="mono")
        video.height, video.width = pictures[0].shape[:2]
        video.pix_fmt, video.options = "yuv420p", {"preset": "ultrafast"}
        for picture in pictures:
            container.mux(video.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")))
        container.mux(video.encode(None))
        for at in range(0, len(sound), 1024):
            block = np.clip(sound[None, at : at + 1024], -32768, 32767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(block, "s16", "mono")
            frame.sample_rate, frame.pts = RATE, at
            container.mux(audio.encode(frame))
        container.mux(audio.encode(None))


def lay_down(source: Path, target: Path) -> None:
    """A phone's video: turned a quarter in the file, with a matrix in its head that says so."""
    data = bytearray(source.read_bytes())
    at = data.find(b"tkhd") + 4 + 4 + 20 + 16  # version 0: times, track, duration; then layer to volume
    quarter = (0, 1 << 16, 0, -(1 << 16), 0, 0, 450 << 16, 0, 1 << 30)
    data[at : at + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in quarter)
    target.write_bytes(data)


def repeat(source: Path, target: Path, times: int) -> None:
    """Four seconds again and again, without encoding them again."""
    with av.open(str(target), "w") as out:
        streams: dict[str, av.stream.Stream] = {}
        for turn in range(times):
            with av.open(str(source)) as container:
                # all of them before the first packet, which writes the head
                streams = streams or {s.type: out.add_stream_from_template(s) for s in container.streams}
                for packet in container.demux():
                    if packet.dts is None or not 0 <= packet.dts * packet.time_base < 4:
                        continue
                    shift = round(4 * turn / packet.time_base)
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = streams[packet.stream.type]
                    out.mux(packet)


def make_variants(source: Path, scratch: Path) -> None:
    """Faults put into twelve seconds of a good clip."""
    pictures, sound = clip(source, 300)
    rng = np.random.default_rng(0)
    noise = rng.normal(0, np.sqrt((sound**2).mean() / 10), len(sound))
    beeps = 3000 * np.sin(2 * np.pi * 1500 * np.arange(len(sound)) / RATE) * (np.arange(len(sound)) // 8000 % 2)
    empty = [*pictures[:200], *[np.full_like(pictures[0], 90)] * 50, *pictures[250:]]
    few, heard = pictures[:SOME], sound[: SOME * RATE // 25]
    write(scratch / "short.mp4", pictures[:100], sound[: 4 * RATE])
    write(scratch / "leaves.mp4", empty, sound)
    write(scratch / "sound_ends.mp4", pictures[:250], sound[: 7 * RATE])
    write(scratch / "noisy.mp4", few, (sound + noise)[: len(heard)])
    write(scratch / "loud_dark.mp4", [picture // 4 for picture in few], 12 * heard)
    write(scratch / "beeps.mp4", few, beeps[: len(heard)])
    write(scratch / "lying.mp4", [np.rot90(picture) for picture in few], heard, "libx265")
    lay_down(scratch / "lying.mp4", scratch / "phone.mp4")
    write(scratch / "four.mkv", [picture[:448:2, :448:2] for picture in pictures[:100]], sound[: 4 * RATE])
    repeat(scratch / "four.mkv", scratch / "long.mkv", 165)


def main() -> None:
    """Write {file name: report}."""
    clips, scratch, out = (Path(word) for word in sys.argv[1:])
    make_variants(clips / "clips" / "man_en_20s.mp4", scratch)
    real = [clips / "clips" / f"{name}.mp4" for name in ("man_en_20s", "woman_zh_12s")]
    files = [
        *real,
        clips / "clips" / "man_grid_a_3s.mpg",
        *sorted((clips / "bad").iterdir()),
        *sorted(scratch.glob("*.mp4")),
    ]
    long = scratch / "long.mkv"
    whole = {"long.mkv whole": check_video(long).as_json(), "long.mkv 0-40": check_video(long, end_s=40).as_json()}
    # twelve seconds tell as much as thirty
    reports = {path.name: check_video(path, end_s=12).as_json() for path in files}
    trimmed = check_video(scratch / "leaves.mp4", start_s=0, end_s=8)
    out.write_text(json.dumps({**reports, **whole, "leaves.mp4 0-8": trimmed.as_json()}))


if __name__ == "__main__":
    main()
