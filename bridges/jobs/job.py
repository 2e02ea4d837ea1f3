"""Jobs: submit a request, follow it, cancel it, repeat it; list, re-adopt and clean up the folders."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bridges import paths
from bridges.errors import RequestError
from bridges.jobs import folder
from bridges.jobs.executor import LOCAL, Executor, reap
from bridges.jobs.logs import LogChunk, live_line
from bridges.jobs.status import Status, read_status
from bridges.requests import KINDS, Request

POLL_S = 0.1


@dataclass(frozen=True)
class Event:
    """Something new about a job: its status now, and the log lines since the last event."""

    status: Status
    log: str


class Job:
    """A job folder. Cheap to make; every answer is read from the folder."""

    def __init__(self, path: Path, executor: Executor = LOCAL) -> None:
        self.folder = path
        self.id = path.name
        self._executor = executor

    def status(self) -> Status:
        """Where it stands now; a job whose runner died is settled as interrupted on the way."""
        return self._executor.status(self.folder)

    def logs(self, offset: int = 0) -> LogChunk:
        """(text, next offset): whole new lines from `offset` on, at most 256 kB, progress bars collapsed."""
        return self._executor.logs(self.folder, offset)

    def live_line(self) -> str:
        """The last line as it stands now (the current state of a progress bar)."""
        return live_line(self.folder / folder.LOG)

    def cancel(self, wait_s: float = 0.0) -> None:
        """End it with everything it started; waits at most `wait_s` seconds for the end. Harmless when it has ended."""
        if self.status().final:
            return
        self._executor.cancel(self.folder)
        if wait_s:
            self.wait(wait_s)

    def wait(self, timeout_s: float | None = None) -> Status:
        """Wait for its end (or the timeout) and say where it stands then."""
        end = None if timeout_s is None else time.monotonic() + timeout_s
        status = self.status()
        while not status.final and (end is None or time.monotonic() < end):
            time.sleep(POLL_S)
            status = self.status()
        return status

    def follow(self, poll_s: float = 0.2) -> Iterator[Event]:
        """Every change of status and every new log line until the end."""
        offset, last = 0, None
        while True:
            status = self.status()  # before the log: a final status means that the log is whole
            chunk = self.logs(offset)
            moved, offset = chunk.offset != offset, chunk.offset
            facts = (status.state, status.queue_place, status.progress, status.eta_s)
            if moved or facts != last:
                last = facts
                yield Event(status, chunk.text)
            if status.final and not moved:
                return
            if not moved:
                time.sleep(poll_s)

    def request(self) -> Request:
        """What was asked for. Raises RequestError where its kind is unknown to this version."""
        raw = folder.read_json(self.folder / folder.REQUEST)
        cls = KINDS.get(raw["kind"])
        if cls is None:
            raise RequestError(
                "unknown_kind", f"Jobs of kind {raw['kind']!r} are unknown here.", f"未知的任务类型 {raw['kind']!r}。"
            )
        kept = {name: str(self.folder / path) for name, path in raw.get("files", {}).items()}
        return cls(**{**raw["fields"], **kept})

    @property
    def seat(self) -> str:
        """The kind of seat that it waits for or holds."""
        return str(folder.read_json(self.folder / folder.REQUEST)["seat"])

    def output(self, name: str = "video") -> Path | None:
        """The path of a finished job's output, or None."""
        path = self.status().outputs.get(name)
        return self.folder / path if path and (self.folder / path).is_file() else None


def submit(request: Request, executor: Executor = LOCAL) -> Job:
    """Check the request, make its folder (inputs are linked or copied into it) and start it; returns at once.

    Raises RequestError with a sentence for a person.
    """
    request.check()
    job = paths.runs() / folder.new_id(request.kind)
    try:
        (job / folder.OUTPUTS).mkdir(parents=True)
        kept = {
            name: _keep(Path(getattr(request, name)), job) for name in request.file_fields if getattr(request, name)
        }
        for name, text in request.texts().items():
            (job / folder.INPUTS).mkdir(exist_ok=True)
            (job / folder.INPUTS / name).write_text(text, encoding="utf-8")
        _write(request, job, kept)
    except OSError as error:
        shutil.rmtree(job, ignore_errors=True)
        raise RequestError(
            "no_space",
            f"The job's folder could not be made: {error.strerror}.",
            f"无法创建任务文件夹:{error.strerror}。",
        ) from error
    executor.submit(job)
    return Job(job, executor)


def _write(request: Request, job: Path, kept: dict[str, Path]) -> None:
    """request.json and the first status.json."""
    (job / folder.LOG).touch()
    request_json = {
        "kind": request.kind,
        "fields": request.fields(),
        "files": {name: str(path.relative_to(job)) for name, path in kept.items()},
        "argv": request.with_files(kept).command(job),
        "seat": request.seat(),
        "outputs": request.outputs,
        "environments": request.environments(),
        "stop_grace_s": request.stop_grace_s,
    }
    folder.write_json(job / folder.REQUEST, request_json)
    folder.write_json(job / folder.STATUS, {"kind": request.kind, "state": "queued", "created": time.time()})


def _keep(source: Path, job: Path) -> Path:
    """The job's own copy of an input; a hard link where the disk allows. The engine's sentences name the file, so it
    keeps its name, short of what a script or a log could stumble over.
    """
    source = source.expanduser()
    plain = re.sub(r"[^\w .()\[\]+-]", "_", source.name).lstrip("-. ")
    kept = job / folder.INPUTS / (f"{Path(plain).stem[:60]}{Path(plain).suffix[:12]}" or "input")
    source = source.resolve()
    kept.parent.mkdir(exist_ok=True)
    if kept.exists():  # two inputs of one name
        kept = kept.with_name(f"{len(list(kept.parent.iterdir())) + 1}-{kept.name}")
    try:
        os.link(source, kept)
    except OSError:
        shutil.copyfile(source, kept)
    return kept


def get_job(job_id: str) -> Job:
    """The job of this id. Raises RequestError for a malformed or unknown id."""
    path = paths.runs() / job_id if folder.is_id(job_id) else None
    if path is None or not (path / folder.STATUS).is_file():
        raise RequestError("no_job", f"There is no job {job_id!r}.", f"没有任务 {job_id!r}。")
    return Job(path)


def list_jobs(kind: str | None = None, limit: int | None = None) -> list[Job]:
    """Jobs, newest first; kind: only these."""
    root = paths.runs()
    if not root.is_dir():
        return []
    names = sorted((path.name for path in root.iterdir() if folder.is_id(path.name)), reverse=True)
    chosen = (root / name for name in names if kind is None or name.split("-")[2] == kind)
    jobs = [Job(path) for path in chosen if (path / folder.STATUS).is_file()]
    return jobs[:limit]


def run_again(job_id: str) -> Job:
    """The same request with the same inputs as a new job."""
    return submit(get_job(job_id).request())


def adopt() -> list[Job]:
    """At the app's start: the jobs that still wait or run; those whose runner died are marked interrupted."""
    reap()
    return [job for job in list_jobs() if not job.status().final]


def clean_up(max_age_days: float | None = None, max_total_gb: float | None = None, keep_latest: int = 5) -> list[str]:
    """Remove the oldest ended jobs beyond an age (default TFG_KEEP_DAYS or 30) or a total size (default TFG_KEEP_GB or
    20), never one that waits or runs and never the `keep_latest` newest ended ones; returns the removed ids. Every
    runner does this when its job has ended; of two at once, one leaves it to the other.
    """
    days = float(os.environ.get("TFG_KEEP_DAYS") or 30) if max_age_days is None else max_age_days
    gigabytes = float(os.environ.get("TFG_KEEP_GB") or 20) if max_total_gb is None else max_total_gb
    lock = folder.hold_lock(paths.runs() / ".clean.lock") if paths.runs().is_dir() else None
    if lock is None:
        return []
    try:
        return [_removed(job) for job in _beyond(days * 86400, gigabytes * 1e9, keep_latest)]
    finally:
        os.close(lock)


def _beyond(max_age_s: float, max_bytes: float, keep_latest: int) -> list[Job]:
    """The ended jobs that are too old or too much, newest first."""
    statuses = ((job, read_status(job.folder)) for job in list_jobs())
    ended = [(status.finished or status.created, job) for job, status in statuses if status.final]
    ended.sort(key=lambda pair: pair[0], reverse=True)
    total, beyond = 0, []
    for rank, (when, job) in enumerate(ended):
        total += folder_bytes(job.folder)
        if rank >= keep_latest and (time.time() - when > max_age_s or total > max_bytes):
            beyond.append(job)
    return beyond


def _removed(job: Job) -> str:
    shutil.rmtree(job.folder)
    return job.id


def remove(job: Job) -> None:
    """Delete an ended job's folder. Raises RequestError while it waits or runs."""
    if not job.status().final:
        raise RequestError(
            "job_active", "The job still waits or runs; cancel it first.", "任务仍在排队或运行,请先取消。"
        )
    shutil.rmtree(job.folder)


def folder_bytes(path: Path) -> int:
    """The size of all files under a folder, in bytes."""
    return sum(entry.stat().st_size for entry in path.rglob("*") if entry.is_file() and not entry.is_symlink())
