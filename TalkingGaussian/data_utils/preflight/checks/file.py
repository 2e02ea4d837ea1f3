"""The file itself: any codec and container is taken and converted."""

from data_utils.preflight.look import Look
from data_utils.preflight.report import Row, both

NAMES = {
    "h264": "H.264",
    "hevc": "HEVC (H.265)",
    "mpeg4": "MPEG-4 part 2",
    "mpeg1video": "MPEG-1",
    "mpeg2video": "MPEG-2",
    "vp8": "VP8",
    "vp9": "VP9",
    "av1": "AV1",
    "mjpeg": "Motion JPEG",
    "prores": "ProRes",
}
CONTAINERS = {"mov": "MP4/MOV", "matroska": "WebM/Matroska", "mpeg": "MPEG-PS", "mpegts": "MPEG-TS", "avi": "AVI"}


def check(look: Look) -> list[Row]:
    """What it is encoded with."""
    info = look.info
    codec = NAMES.get(info.codec, info.codec)
    kind = CONTAINERS.get(info.container.split(",")[0], info.container.split(",")[0])
    facts = {"codec": info.codec, "container": info.container, "bits": info.bits, "hdr": info.hdr}
    title = both("File", "文件")
    if info.hdr:
        value = both(f"{codec} in {kind}, HDR", f"{codec},{kind},HDR")
        fix = both(
            "Colours will look paler: switch HDR off in the camera and record again if that matters.",
            "颜色会偏淡:如有需要,请在相机中关闭 HDR 后重新录制。",
        )
        return [Row("file", "warn", title, value, fix, facts=facts)]
    return [Row("file", "ok", title, both(f"{codec} in {kind}", f"{codec},{kind}"), facts=facts)]
