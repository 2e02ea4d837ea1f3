"""Training an avatar: look at the video, start, find again, go on, throw away.

A training is a folder `TFG_HOME/training/<id>/` that holds its video, what was asked for and everything learnt so far:
it outlives its jobs, the app and the machine's restarts. A job is one run on it; going on is another.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from bridges import environments, paths
from bridges.errors import RequestError
from bridges.gpus import check_device
from bridges.jobs.folder import read_json, write_json
from bridges.jobs.job import Job, list_jobs, submit
from bridges.requests.checks import check_choice, check_file, check_number
from bridges.requests.train import PRESETS, RECORD, PreflightRequest, TrainRequest

REPAIRS = {"start_s": (0, 360_000), "end_s": (0, 360_000), "sound_shift_ms": (-2000, 2000)}
MAX_NAME = 60
HISTORIES = ("mouth", "face", "fuse")
FIGURES = ("psnr", "psnr_mouth", "lmd")
PREVIEW_SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class Consent:
    """Whose likeness it is and who agreed to its use. statement: the sentence that was agreed to."""

    subject: str
    by: str
    statement: str


@dataclass(frozen=True)
class Wish:
    """What a training is to be. preset: draft, standard or high; size: pixels of the square picture; device: auto, cpu,
    a GPU's number, or all GPUs (all); repairs: options of a report's rows (start_s, end_s, sound_shift_ms).
    """

    name_en: str
    name_zh: str
    consent: Consent
    preset: str = "draft"
    size: int = 512
    device: str = "auto"
    licence: str = ""
    repairs: Mapping[str, float] | None = None


@dataclass(frozen=True)
class Training:
    """A training as a list shows it.

    name: {"en", "zh"}; state: its last job's, or interrupted where that is gone; job: the last one; avatar: the id of
    the installed avatar, or None; report: the held-out figures, or None; device: as in Wish.
    """

    id: str
    folder: Path
    name: dict[str, str]
    preset: str
    created: float
    state: str
    job: Job | None
    avatar: str | None
    report: dict[str, Any] | None
    device: str = "auto"

    @property
    def resumable(self) -> bool:
        """Whether going on makes sense."""
        return self.state in ("failed", "cancelled", "interrupted")


# --- before -----------------------------------------------------------------------------------------------------------


def preflight(video: str | Path) -> Job:
    """Look at a video; the job's output `report` is the JSON that `read_report` reads. Raises RequestError."""
    text = str(Path(video).expanduser().absolute()) if str(video) else ""
    request = PreflightRequest(text, Path(text).name)
    request.check()
    prepare(request)
    return submit(request)


def read_report(job: Job) -> dict[str, Any] | None:
    """The report of a preflight that is done: {"state", "rows"}; else None."""
    path = job.output("report")
    return read_json(path) if path else None


def offered_repairs(report: dict[str, Any]) -> dict[str, float]:
    """All repairs of a report together."""
    return {name: value for row in report["rows"] for name, value in (row["repair"] or {}).items()}


def obstacles(report: dict[str, Any], repairs: Mapping[str, float]) -> list[dict[str, Any]]:
    """The bad rows that these repairs do not put right."""
    return [row for row in report["rows"] if row["state"] == "bad" and not is_repaired(row, repairs)]


def refuse_obstacles(report: dict[str, Any], repairs: Mapping[str, float]) -> None:
    """Raise RequestError with the first bad row's advice, where these repairs leave one."""
    for row in obstacles(report, repairs):
        reason = row["fix"] or row["value"]
        raise RequestError("bad_video", reason["en"], reason["zh"])


def is_repaired(row: dict[str, Any], repairs: Mapping[str, float]) -> bool:
    """Whether all of a row's repair is among these."""
    return bool(row["repair"]) and row["repair"].items() <= repairs.items()


# --- start and go on --------------------------------------------------------------------------------------------------


def start(video: Path, wish: Wish, report: dict[str, Any]) -> Training:
    """Begin a training. report: of the video's preflight; a bad row that is not repaired refuses it (RequestError)."""
    repairs = dict(wish.repairs or {})
    check_wish(wish, repairs)
    check_file(str(video), "video", "视频")
    refuse_obstacles(report, repairs)
    workspace = new_workspace(wish)
    keep(video, workspace, wish, repairs)
    return resume(workspace.name)


def resume(training_id: str, device: str | None = None) -> Training:
    """Go on with a training (or begin it) as a new job. device: go on there, and not where it began. Raises
    RequestError where it is under way or has ended well, or there is no such device."""
    training = get_training(training_id)
    if training.state == "done" and training.avatar:
        raise RequestError(
            "training_done", "This training is done; its avatar is there.", "该训练已完成,数字人已生成。"
        )
    if training.job and not training.job.status().final:
        raise RequestError("training_active", "This training is under way already.", "该训练正在进行。")
    if device is not None:
        check_device(device, several=True)
        write_json(training.folder / RECORD, read_json(training.folder / RECORD) | {"device": device})
    request = TrainRequest(training_id, training.name["en"])
    prepare(request)
    submit(request)
    return get_training(training_id)


def prepare(request: PreflightRequest | TrainRequest) -> None:
    """Begin to make the environments that the request's job will wait for."""
    for name, part in request.environments():
        environments.prepare_if_missing(name, part)


def check_wish(wish: Wish, repairs: Mapping[str, float]) -> None:
    """Raise RequestError where something is missing or out of range."""
    if not (wish.name_en.strip() or wish.name_zh.strip()):
        raise RequestError("no_name", "Give the avatar a name.", "请给数字人起个名字。")
    if max(map(len, (wish.name_en, wish.name_zh, wish.consent.subject, wish.consent.by))) > MAX_NAME:
        raise RequestError("long_name", f"Names may have {MAX_NAME} letters.", f"名字最长 {MAX_NAME} 个字符。")
    if not (wish.consent.subject.strip() and wish.consent.by.strip() and wish.consent.statement.strip()):
        raise RequestError(
            "no_consent",
            "Say whose likeness this is and who agrees to its use.",
            "请填写这是谁的肖像,以及由谁同意使用。",
        )
    check_choice(wish.preset, "preset", "预设", PRESETS)
    check_number(wish.size, "size", "画面尺寸", 256, 1024, even=True)
    check_device(wish.device, several=True)
    for name, value in repairs.items():
        low, high = REPAIRS.get(name, (1, 0))
        if not isinstance(value, (int, float)) or not low <= value <= high:
            raise RequestError("bad_repair", f"{name} cannot be {value!r}.", f"{name} 不能是 {value!r}。")


def new_workspace(wish: Wish) -> Path:
    """An empty folder whose name is free among trainings and avatars: the avatar's id."""
    plain = re.sub(r"[^a-z0-9]+", "-", wish.name_en.lower()).strip("-")[:40] or "avatar"
    paths.trainings().mkdir(parents=True, exist_ok=True)
    for suffix in ("", *(f"-{n}" for n in range(2, 1000))):
        folder = paths.trainings() / f"{plain}{suffix}"
        if (paths.avatars() / folder.name).exists() or (paths.BUNDLED_AVATARS / folder.name).exists():
            continue
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise RequestError("name_taken", "There are too many avatars of this name.", "同名数字人过多。")


def keep(video: Path, workspace: Path, wish: Wish, repairs: dict[str, float]) -> None:
    """The workspace's own video and records; the record last: a folder without it is none."""
    kept = workspace / f"video{re.sub(r'[^.a-z0-9]', '', video.suffix.lower())[:8]}"
    try:
        try:
            os.link(video.resolve(), kept)
        except OSError:
            shutil.copyfile(video, kept)
        write_json(workspace / "identity.json", identity(workspace.name, wish))
        record = {"video": kept.name, "preset": wish.preset, "size": wish.size, "device": wish.device}
        record |= {"repairs": repairs, "created": time.time()}
        write_json(workspace / RECORD, record)
    except OSError as error:
        shutil.rmtree(workspace, ignore_errors=True)
        raise RequestError(
            "no_space", f"The video could not be kept: {error.strerror}.", f"无法保存视频:{error.strerror}。"
        ) from error


def identity(avatar_id: str, wish: Wish) -> dict[str, Any]:
    """Who the avatar is and who agreed, as avatar.json keeps it."""
    english, chinese = wish.name_en.strip(), wish.name_zh.strip()
    consent = {"statement": wish.consent.statement, "by": wish.consent.by.strip(), "date": date.today().isoformat()}
    return {
        "id": avatar_id,
        "name": {"en": english or chinese, "zh": chinese or english},
        "subject": wish.consent.subject.strip(),
        "consent": consent,
        "licence": wish.licence or "private: only with the subject's consent",
    }


# --- find again -------------------------------------------------------------------------------------------------------


def list_trainings() -> list[Training]:
    """All trainings, newest first; what an app or machine left behind is told as interrupted."""
    root = paths.trainings()
    jobs = jobs_by_training()
    folders = [path for path in root.iterdir() if (path / RECORD).is_file()] if root.is_dir() else []
    found = []
    for folder in folders:
        try:
            found.append(describe(folder, jobs.get(folder.name)))
        except (OSError, ValueError, KeyError, TypeError) as error:  # a folder that somebody has edited
            logging.getLogger("tfg").warning("%s is no training: %s", folder, error)
    return sorted(found, key=lambda one: -one.created)


def get_training(training_id: str) -> Training:
    """The training of this id. Raises RequestError for an unknown one."""
    TrainRequest(training_id).check()
    return describe(paths.trainings() / training_id, jobs_by_training().get(training_id))


def jobs_by_training() -> dict[str, Job]:
    """The last job of each training (ids of one second are in no order)."""
    jobs = sorted(list_jobs(TrainRequest.kind), key=lambda job: job.status().created)
    return {str(job.request().fields()["training"]): job for job in jobs}


def describe(folder: Path, job: Job | None) -> Training:
    """One workspace."""
    record, who = read_json(folder / RECORD), read_json(folder / "identity.json")
    avatar = folder.name if (paths.avatars() / folder.name / "avatar.json").is_file() else None
    state = job.status().state if job else ("done" if avatar else "interrupted")
    report = report_of(folder)
    created = float(record["created"])
    device = str(record["device"])
    return Training(folder.name, folder, who["name"], record["preset"], created, state, job, avatar, report, device)


def report_of(folder: Path) -> dict[str, Any] | None:
    """The held-out figures; None before they are there, or while they are being written."""
    try:
        return read_json(folder / "report.json")
    except (OSError, ValueError):
        return None


def discard(training_id: str) -> None:
    """Delete a training's workspace (never the avatar). Raises RequestError while it is under way."""
    training = get_training(training_id)
    if training.job and not training.job.status().final:
        raise RequestError("training_active", "Stop the training first.", "请先停止训练。")
    shutil.rmtree(training.folder)


# --- what it shows while it goes on -----------------------------------------------------------------------------------


def history(training: Training, limit: int = 400) -> list[dict[str, Any]]:
    """The held-out figures so far: [{"stage", "step", "psnr", "lmd"}], at most about `limit`, in order."""
    rows: list[dict[str, Any]] = []
    for stage in HISTORIES:
        path = training.folder / stage / "history.jsonl"
        for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
            try:
                row = json.loads(line)
            except ValueError:  # the last line while it is being written
                continue
            if isinstance(row, dict) and any(isinstance(row.get(key), (int, float)) for key in FIGURES):
                rows.append({"stage": stage, **{key: row.get(key) for key in ("step", *FIGURES)}})
    return rows[:: max(1, len(rows) // limit)]


def figures(training: Training) -> dict[str, dict[str, float]]:
    """Held-out figures at the end: {"avatar": {…}, "frozen": {…}}, frozen: of the same avatar with its mouth still."""
    told = training.report or {}
    return {
        who: {key: float(value) for key, value in told[who].items() if isinstance(value, (int, float))}
        for who in ("avatar", "frozen")
        if isinstance(told.get(who), dict)
    }


def previews(training: Training) -> list[tuple[str, Path]]:
    """[(stage, its newest picture)], the newest last."""
    newest: dict[str, Path] = {}
    for folder in (training.folder / "dataset" / "previews", training.folder / "previews"):
        files = [path for path in folder.iterdir() if path.suffix in PREVIEW_SUFFIXES] if folder.is_dir() else []
        for path in sorted(files, key=lambda path: path.stat().st_mtime):
            newest[re.sub(r"_\d+$", "", path.stem)] = path
    return sorted(newest.items(), key=lambda item: item[1].stat().st_mtime)
