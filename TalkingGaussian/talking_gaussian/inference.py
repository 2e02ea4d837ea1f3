"""Sound and an avatar in, a talking video out: streamed through, so memory does not grow with length."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from talking_gaussian import stopping
from talking_gaussian.audio.ears import Ears
from talking_gaussian.audio.features import available
from talking_gaussian.audio.reader import probe_audio, read_audio
from talking_gaussian.avatar import MAX_SH_DEGREE, Avatar, load_persons_speech, opened_avatar
from talking_gaussian.devices import CPU, Choice
from talking_gaussian.errors import UserError, file_fault
from talking_gaussian.motion.idle import IdleMotion
from talking_gaussian.motion.mapping import place_units
from talking_gaussian.motion.speech_motion import SpeechMotion
from talking_gaussian.prefetch import prefetched
from talking_gaussian.profiling import Profile
from talking_gaussian.progress import Progress
from talking_gaussian.rendering.card import note, open_card
from talking_gaussian.stage import Stage
from talking_gaussian.video import encoders
from talking_gaussian.video.encoders import Encoder, EncoderFault
from talking_gaussian.video.mp4_writer import Mp4Writer

if TYPE_CHECKING:
    from talking_gaussian.rendering.warp_backend import WarpRenderer

STAGES = ("load", "audio", "render", "finish")
SIZES = (128, 1024)
FRAME_RATES = (10, 60)
BLOCKS_AHEAD = 1  # of motion, each of the sound's chunks (12 s): one waits while another is worked out
PARTS = {
    "features": ("hearing the sound", "声音分析"),
    "plates": ("decoding the plates", "背景帧解码"),
    "card": ("drawing", "绘制"),
    "encoder": ("the encoder", "编码器"),
}  # of warp_film: what may set the pace
BATCHES_AHEAD = 2  # that a card has drawn and the encoder has not begun
MAX_SEED = 2**31 - 1


@dataclass(frozen=True)
class GenerateSettings:
    """What one video is made of.

    avatar: folder or zip. audio_file: any sound or video file with a sound track. size: side of the picture in px,
    fps: frames a second, sh_degree: highest degree of colour harmonics (each None: the avatar's own).
    audio_features: `visemes` or `mel`. seed: of blinks and glances. device: what draws. profile: print at the end where
    the time went.
    """

    avatar: Path
    audio_file: Path
    output_file: Path
    size: int | None = None
    fps: float | None = None
    sh_degree: int | None = None
    audio_features: str = "visemes"
    seed: int = 0
    device: Choice = CPU
    profile: bool = False

    def check(self) -> None:
        """Raises UserError for what can be seen before anything is read."""
        if self.size is not None and not (SIZES[0] <= self.size <= SIZES[1] and self.size % 2 == 0):
            raise _out_of_range("size", f"an even number, {SIZES[0]} to {SIZES[1]}", f"{SIZES[0]} 到 {SIZES[1]} 的偶数")
        if self.fps is not None and not FRAME_RATES[0] <= self.fps <= FRAME_RATES[1]:
            raise _out_of_range("fps", f"{FRAME_RATES[0]} to {FRAME_RATES[1]}", f"{FRAME_RATES[0]} 到 {FRAME_RATES[1]}")
        if self.sh_degree is not None and not 0 <= self.sh_degree <= MAX_SH_DEGREE:
            raise _out_of_range("sh_degree", f"0 to {MAX_SH_DEGREE}", f"0 到 {MAX_SH_DEGREE}")
        if not 0 <= self.seed <= MAX_SEED:
            raise _out_of_range("seed", f"0 to {MAX_SEED}", f"0 到 {MAX_SEED}")
        if self.output_file.suffix.lower() != ".mp4" or self.output_file.is_dir():
            raise UserError(
                "bad_output",
                f"The output must be an .mp4 file, not {self.output_file.name!r}. Give a name that ends with .mp4.",
                f"输出必须是 .mp4 文件,而不是 {self.output_file.name!r}。请使用以 .mp4 结尾的文件名。",
            )


@dataclass(frozen=True)
class Video:
    """A video to be made. size: px; fps: frames a second; frames: how many; card: draws it (None: the CPU); ears: hear
    its sound beside this program."""

    settings: GenerateSettings
    avatar: Avatar
    card: WarpRenderer | None
    size: int
    fps: float
    frames: int
    ears: Ears | None
    profile: Profile
    progress: Progress


def generate(settings: GenerateSettings) -> None:
    """Make the video. Raises UserError for input that cannot be used; leaves no half-written file."""
    settings.check()
    progress = Progress(STAGES)
    progress.stage("load")
    profile = Profile(settings.profile)
    with ears_beside_a_card(settings) as ears, opened_avatar(settings.avatar) as avatar:
        info = probe_audio(settings.audio_file)
        fps = settings.fps or avatar.fps
        total = max(1, math.ceil(info.duration_s * fps - 1e-6))
        size = settings.size or avatar.size
        card = open_card(settings.device, len(avatar.means), size, profile)
        video = Video(settings, avatar, card, size, fps, total, ears, profile, progress)
        for encoder in encoders.beside_a_card(size, fps) if card else [encoders.x264()]:
            why = made_with(video, encoder)
            if not why:
                break
            note(
                f"the GPU's encoder failed ({why}), so the video is made again with x264",
                f"显卡的编码器出错({why}),将改用 x264 重新生成视频",
            )
    if settings.profile:
        print("\n".join(profile.lines(total)))
    if card:
        note(*pace_of(video, encoder))


def made_with(video: Video, encoder: Encoder) -> str:
    """Make the video -> "", or why the encoder could not."""
    settings, progress, profile = video.settings, video.progress, video.profile
    progress.stage("audio")
    motion = profile.items("features", talking_motion(video))
    try:
        with (
            closing(Stage(video.avatar, video.size, settings.sh_degree, video.card, profile)) as stage,
            prefetched(motion, BLOCKS_AHEAD) as blocks,
            drawn(stage, chain.from_iterable(blocks), video.fps) as pictures,
            opened_output(settings, video.size, video.fps, encoder) as writer,
        ):
            write = writer.write_planes if video.card else writer.write
            for index, picture in enumerate(pictures):
                stopping.check()
                if index == 0:
                    progress.stage("render")
                with profile.part("encode"):
                    write(picture)
                progress.step(index + 1, video.frames)
            progress.stage("finish")
    except EncoderFault as fault:
        return str(fault)
    return ""


def pace_of(video: Video, encoder: Encoder) -> tuple[str, str]:
    """How fast a video was drawn on a card, and which part the others waited for: a line in English and in Chinese."""
    part, share = video.profile.pace.limit
    en, zh = PARTS.get(part, ("", ""))
    name, seconds = video.card.device.name if video.card else "", video.profile.elapsed_s
    speed = video.frames / video.profile.pace.total_s
    which = {"card": name, "encoder": encoder.title}.get(part, "CPU")
    return (
        f"{video.frames} frames in {seconds:.1f} s, {speed:.0f} a second once begun; "
        f"the limit was {en} ({which}): {share:.0%} of the time",
        f"{seconds:.1f} 秒生成 {video.frames} 帧,开始绘制后每秒 {speed:.0f} 帧;"
        f"瓶颈是{zh}({which}),占 {share:.0%} 的时间",
    )


@contextmanager
def drawn(stage: Stage, motion: Iterator[np.ndarray], fps: float) -> Iterator[Iterator[np.ndarray]]:
    """The video's pictures: RGB, drawn by the CPU when they are asked for, or the encoder's planes, which a card draws
    while the encoder works on earlier ones."""
    if not stage.has_card:
        yield stage.frames(motion, fps)
        return
    with prefetched(stage.planes(motion, fps, BATCHES_AHEAD), BATCHES_AHEAD) as batches:
        yield chain.from_iterable(batches)


@contextmanager
def opened_output(settings: GenerateSettings, size: int, fps: float, encoder: Encoder) -> Iterator[Mp4Writer]:
    """The writer of the video, its folder made; a fault of the disk becomes a sentence."""
    path = settings.output_file
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with Mp4Writer(path, size, fps, settings.audio_file, encoder) as writer:
            yield writer
    except OSError as error:
        raise file_fault(error, path) from error


@contextmanager
def ears_beside_a_card(settings: GenerateSettings) -> Iterator[Ears | None]:
    """What keeps up with a card: visemes heard beside this program (the other features take no time)."""
    if settings.device.gpu is None or settings.audio_features != "visemes" or not available("visemes"):
        yield None
        return
    with Ears("visemes") as ears:
        yield ears


def talking_motion(video: Video) -> Iterator[np.ndarray]:
    """The face's motion in blocks of frames [n, K]: lips from the sound; blinks, glances, brows and the mouth's mood as
    the person was filmed (Stage adds them to the poses they belong to), or else of the engine's own."""
    settings, avatar = video.settings, video.avatar
    speech = SpeechMotion.load(settings.audio_features, load_persons_speech(avatar))
    idle = IdleMotion(avatar.units, video.fps, settings.seed) if avatar.expression is None else None
    blocks = read_audio(settings.audio_file)
    for block in speech.stream(blocks, video.fps, video.frames, video.ears):
        spoken = place_units(block, speech.units, avatar.units)
        yield spoken + idle.frames(spoken) if idle else spoken
    if not speech.heard_speech:
        print("warning: no speech was heard in the sound, so the mouth stays closed", file=sys.stderr)


def _out_of_range(name: str, en: str, zh: str) -> UserError:
    return UserError("bad_setting", f"--{name} must be {en}.", f"--{name} 必须是 {zh}。")
