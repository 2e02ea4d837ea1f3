"""A person's training, stage by stage: how they move to sounds, the inside of the mouth, the face, both together, and
the avatar at the end. Every stage leaves its result in the workspace; finished trainings are not run again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from face_tracking.face_units import MOUTH_UNITS

from talking_gaussian.audio.reader import read_audio
from talking_gaussian.motion.personal_map import FILE as SPEECH_FILE
from talking_gaussian.motion.personal_map import load_maps, save_maps
from talking_gaussian.motion.speech_motion import SpeechMotion
from talking_gaussian.progress import Progress
from talking_gaussian.training.evaluation import evaluate
from talking_gaussian.training.export import FPS, Backdrop, Identity, export_avatar
from talking_gaussian.training.init_cloud import MOUTH_PART_NAMES, PARTS
from talking_gaussian.training.learner import CpuLearner, Learner
from talking_gaussian.training.model import TrainableHead, first_head, moved, parted, united
from talking_gaussian.training.settings import Preset, TrainSettings
from talking_gaussian.training.sound_map import Seen, learn_maps
from talking_gaussian.training.trainer import Examine, Figures, drop_unseen, train, trained
from talking_gaussian.training.video_set import VideoSet
from talking_gaussian.training.workspace_files import HELD_OUT, HELD_OUT_FROZEN, HELD_OUT_REAL, MOOD, SPOKEN
from talking_gaussian.video.mp4_writer import Mp4Writer

MOST_PLATES = 1500  # a minute: the avatar's loop of real head and body motion
PLATE_CRF = 16


@dataclass(frozen=True)
class Workplace:
    """dataset: what process.py wrote. folder: where results go. learner: what draws and finds gradients."""

    dataset: Path
    folder: Path
    preset: Preset
    progress: Progress
    learner: Learner = field(default_factory=CpuLearner)

    def open(self, branch: str) -> VideoSet:
        """The data as a stage sees it: the held-out frames' lips come from the sound, their mood from face and head."""
        data = VideoSet(self.dataset, self.preset.held_out, branch)
        spoken = np.load(self.folder / SPOKEN, allow_pickle=False)
        data.hear(spoken + self.mood)
        return data

    @property
    def mood(self) -> np.ndarray:
        """How the mouth is held in every frame besides what is spoken [T, len(MOUTH_UNITS)]."""
        return np.asarray(np.load(self.folder / MOOD, allow_pickle=False))

    def done(self, stage: str) -> bool:
        """Whether the stage has come to its end with these settings."""
        path, settings = self.folder / stage / "done.json", getattr(self.preset, stage)
        return path.is_file() and bool(settings.goes_on_from(json.loads(path.read_text())))

    def finish(self, stage: str) -> None:
        """Note that the stage has come to its end."""
        (self.folder / stage / "done.json").write_text(json.dumps(asdict(getattr(self.preset, stage))))


def learn_sound(place: Workplace) -> None:
    """Stage `sound`: write the person's speech map, what it makes of the data's own sound, and the mouth's moods."""
    place.progress.stage("sound")
    path = place.folder / SPEECH_FILE
    place.folder.mkdir(parents=True, exist_ok=True)
    data = VideoSet(place.dataset, place.preset.held_out)
    seen = Seen(data.coeffs, data.face.basis, data.head)
    maps, mood = learn_maps(sound_of(data), seen, data.numbers(held_out=False), FPS)
    save_maps(path.with_name(path.name + ".part"), maps)
    path.with_name(path.name + ".part").replace(path)
    np.save(place.folder / SPOKEN, spoken_units(data, path), allow_pickle=False)
    np.save(place.folder / MOOD, mood, allow_pickle=False)
    place.progress.step(1, 1)


def sound_of(data: VideoSet) -> np.ndarray:
    """All the data's sound, 16 kHz [n]."""
    return np.concatenate(list(read_audio(data.sound)))


def spoken_units(data: VideoSet, maps: Path) -> np.ndarray:
    """What the engine makes of the data's sound, frame by frame [T, len(MOUTH_UNITS)]."""
    speech = SpeechMotion.load("visemes", load_maps(maps, data.units))
    return np.concatenate(list(speech.stream(read_audio(data.sound), FPS, len(data.coeffs))))


def train_branch(place: Workplace, branch: str) -> None:
    """Stage `mouth` or `face`: fit that branch's Gaussians alone."""
    place.progress.stage(branch)
    if place.done(branch):
        return
    settings: TrainSettings = getattr(place.preset, branch)
    data = place.open(branch)
    whole = first_head(data, settings.sh_degree)
    head = parted(whole, rows_of_branch(whole, branch))
    look = looker(place, data, branch)
    train(data, head, place.folder / branch, settings, place.progress, look, place.learner)
    place.finish(branch)


def rows_of_branch(head: TrainableHead, branch: str) -> torch.Tensor:
    """The Gaussians of the `mouth`, or of all but it."""
    numbers = torch.tensor([PARTS.index(name) for name in MOUTH_PART_NAMES], dtype=torch.uint8)
    inside = torch.isin(head.arrays["part"], numbers)
    return torch.nonzero(inside == (branch == "mouth")).flatten()


def fuse(place: Workplace) -> TrainableHead:
    """Stage `fuse`: both branches learn together what is left at their border."""
    place.progress.stage("fuse")
    settings = place.preset.fuse
    data = place.open("fuse")
    branches = [trained(place.folder / name, data.units) for name in ("mouth", "face")]
    head = united(branches, settings.lr_basis > 0)
    if not place.done("fuse"):
        look = looker(place, data, "fuse")
        train(data, head, place.folder / "fuse", settings, place.progress, look, place.learner)
        place.finish("fuse")
    return trained(place.folder / "fuse", data.units)


def looker(place: Workplace, data: VideoSet, branch: str) -> Examine:
    """How a stage looks at held-out frames: PSNR, LMD of the mesh (what is heard decides it) and a preview."""
    previews = place.folder / "previews"
    previews.mkdir(exist_ok=True)
    lips = data.lip_distance()

    def look(head: TrainableHead, step: int) -> Figures:
        path = previews / f"{branch}_{step:06d}.jpg"
        lmd = {} if lips is None else {"lmd": lips}
        return {**evaluate(head, data, path, place.learner), **lmd, "preview": f"previews/{path.name}"}

    return look


def export(place: Workplace, head: TrainableHead, identity: Identity) -> None:
    """Stage `export`: the avatar's folder, and videos of the held-out frames to judge it by."""
    place.progress.stage("export")
    data = place.open("fuse")
    head = moved(head, place.learner.device)
    head = drop_unseen(head, data, place.preset.fuse.min_contribution, place.learner)
    render_held_out(place, data, head)
    folder = place.folder / "avatar"
    first, last = longest_run(data.numbers(held_out=False))
    last = min(last, first + MOST_PLATES)
    expression = data.coeffs[first:last].copy()
    expression[:, : len(MOUTH_UNITS)] = place.mood[first:last]
    backdrop = Backdrop(
        (data.plate(n) for n in range(first, last)), data.head[first:last], "pingpong", expression, PLATE_CRF
    )
    export_avatar(moved(head, torch.device("cpu")), data, folder, identity, backdrop)
    (folder / SPEECH_FILE).write_bytes((place.folder / SPEECH_FILE).read_bytes())
    place.progress.step(1, 1)


def longest_run(numbers: np.ndarray) -> tuple[int, int]:
    """The longest stretch of frames in a row: its first number and the one after its last."""
    runs = np.split(numbers, np.flatnonzero(np.diff(numbers) != 1) + 1)
    longest = max(runs, key=len)
    return int(longest[0]), int(longest[-1]) + 1


def render_held_out(place: Workplace, data: VideoSet, head: TrainableHead) -> None:
    """Write the held-out frames as drawn (lips from the sound), as drawn with the mouth frozen, and as they are."""
    numbers = data.numbers(held_out=True)
    if not len(numbers):
        return
    mean = torch.from_numpy(data.coeffs[data.numbers(held_out=False), : len(MOUTH_UNITS)].mean(0))
    writers = [
        Mp4Writer(place.folder / name, data.size, FPS, None, crf=6)
        for name in (HELD_OUT, HELD_OUT_FROZEN, HELD_OUT_REAL)
    ]
    with writers[0] as drawn, writers[1] as frozen, writers[2] as real:
        for number in numbers:
            view = data.shown(int(number))
            drawn.write(as_bytes(place.learner.picture(head, view)))
            still = torch.cat([mean, view.coefficients[len(mean) :]])
            frozen.write(as_bytes(place.learner.picture(head, view._replace(coefficients=still))))
            real.write(as_bytes(view.real))


def as_bytes(picture: torch.Tensor) -> np.ndarray:
    """A picture in 0..1 -> uint8."""
    return (picture.clamp(0, 1).numpy() * 255 + 0.5).astype(np.uint8)
