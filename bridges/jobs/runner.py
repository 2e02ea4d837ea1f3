"""The process that carries one job: `python -m bridges.jobs.runner JOB_FOLDER [LOCK_FD]`.

It lives in its own session, so it outlasts the app: waits for a seat, starts the engine, copies what it says to
log.txt, keeps status.json, and ends the whole process tree on cancel. Only light standard modules are imported: a
job through here must cost next to nothing more than the bare script.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bridges.errors import Failure
from bridges.jobs import failures, folder, processes, seats
from bridges.jobs.logs import LineSplitter, collapse

STATUS_INTERVAL_S = 0.2
QUEUE_POLL_S = 0.25
DRAIN_S = 1.0
TAIL_BYTES = 16_000


class Runner:
    """One job from the queue to its end."""

    def __init__(self, job: Path) -> None:
        self.job = job
        self.runs = job.parent
        self.request = folder.read_json(job / folder.REQUEST)
        self.status = folder.read_json(job / folder.STATUS)
        self.signalled = False
        self.said: dict[str, Any] | None = None
        self.tail = b""
        self.disk_full = False
        self.stage_began = time.monotonic()
        self._written = 0.0

    def run(self) -> None:
        """Queue, run, finish."""
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(signum, self._on_signal)
        self.save(pid=os.getpid(), pid_start=processes.start_mark(os.getpid()), pgid=os.getpgid(0))
        seat = self.wait_for_seat()
        if self.told_to_stop():
            self.finish_stopped()
            return
        engine = self.start(seat)
        if engine is None:
            return
        self.watch(engine)
        self.finish(engine.wait())

    def wait_for_seat(self) -> seats.Seat | None:
        """The seat; None where the job needs none or was told to stop meanwhile."""
        ticket = seats.ticket_of(self.runs, self.job.name)
        kind = self.request["seat"]
        while self.environment_is_being_made() and not self.told_to_stop():
            if not self.status.get("waiting_for"):
                self.save(waiting_for="environment")
            time.sleep(QUEUE_POLL_S)
        seat = None
        while ticket and kind != seats.NO_SEAT and not self.told_to_stop():
            before = seats.place(self.runs, ticket)
            seat = seats.take_seat(self.runs, kind) if before == 0 else None
            if seat is not None:
                break
            if self.status.get("queue_place") != before + 1:
                self.save(queue_place=before + 1)
            time.sleep(QUEUE_POLL_S)
        if ticket:
            ticket.unlink(missing_ok=True)
        return seat

    def environment_is_being_made(self) -> bool:
        """Whether what this job needs and has not is being made, or about to be.

        At the first start the page is usable before the environment is: such a job waits instead of failing.
        """
        lacking = [(name, part) for name, part in self.request.get("environments", []) if not self.is_made(name, part)]
        return any(self.is_being_made(name) or self.will_be_made(name, part) for name, part in lacking)

    def is_made(self, name: str, part: str) -> bool:
        """Whether the environment's marker, which is written last, has the part."""
        marker = self.runs.parent / "environments" / ".envs" / name / "tfg-ready"
        return marker.is_file() and part in [line.split(" ")[0] for line in marker.read_text().splitlines()]

    def is_being_made(self, name: str) -> bool:
        """Whether environments/manage.py is at work on it: it holds NAME.lock."""
        envs = self.runs.parent / "environments" / ".envs"
        if not (envs / f"{name}.lock").exists():
            return False
        fd = folder.hold_lock(envs / f"{name}.lock", shared=True)
        if fd is not None:
            os.close(fd)
        return fd is None

    def will_be_made(self, name: str, part: str) -> bool:
        """Whether a living job, which may itself still wait for its seat, is there to make it."""
        for job in self.runs.glob("*-prepare_environment-*"):
            if folder.runner_lives(job):
                wanted = folder.read_json(job / folder.REQUEST)["fields"]
                if wanted["environment"] == name and part in (wanted["part"], "inference"):
                    return True
        return False

    def start(self, seat: seats.Seat | None) -> subprocess.Popen[bytes] | None:
        """Start the engine in its own session; it inherits the seat, so that the seat outlives a killed runner, and
        learns which cards it holds. One that could have had a card and has a CPU's seat sees none: others hold them."""
        environment = {**os.environ, "TFG_JOB_DIR": str(self.job), "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
        if seat is not None and seat.gpus:
            environment["TFG_GPU"] = ",".join(str(card) for card in seat.gpus)
        elif self.request["fields"].get("device") == "auto" and self.is_made("talking_gaussian", "gpu"):
            environment["CUDA_VISIBLE_DEVICES"] = ""
        try:
            engine = subprocess.Popen(
                self.request["argv"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                start_new_session=True,
                pass_fds=() if seat is None else seat.fds,
            )
        except OSError as error:
            self.end("failed", failures.explain(1, None, str(error)), exit_code=1)
            return None
        for fd in seat.fds if seat else ():
            os.close(fd)
        self.save(
            state="running",
            started=time.time(),
            queue_place=None,
            waiting_for=None,
            engine={"pid": engine.pid, "start": processes.start_mark(engine.pid)},
        )
        return engine

    def watch(self, engine: subprocess.Popen[bytes]) -> None:
        """Copy both streams until they end; a stop request or a full disk ends the whole tree."""
        assert engine.stdout and engine.stderr  # noqa: S101 (both are pipes; tells the type checker)
        streams = {engine.stdout.fileno(): LineSplitter(), engine.stderr.fileno(): LineSplitter()}
        out = engine.stdout.fileno()
        kill_at = gone_at = None
        with (self.job / folder.LOG).open("ab", buffering=0) as log:
            while streams or not has_ended(engine):
                ready = select.select(list(streams), [], [], STATUS_INTERVAL_S)[0] if streams else []
                for fd in ready:
                    data = os.read(fd, 65536)
                    self.take(log, streams[fd], data, is_result=fd == out)
                    if not data:
                        del streams[fd]
                if not ready:
                    self.write_log(log, b"".join(splitter.flush() for splitter in streams.values()))
                now = time.monotonic()
                if kill_at is None and (self.told_to_stop() or self.disk_full):
                    processes.send(processes.tree(engine.pid, self.job), signal.SIGTERM)
                    kill_at = now + self.request.get("stop_grace_s", 3.0)
                if engine.poll() is not None and gone_at is None:
                    gone_at = now
                late = (kill_at and now > kill_at) or (gone_at and now > gone_at + DRAIN_S)
                if late:
                    break
                self.save_soon()
        processes.kill_tree(engine.pid, self.job)

    def take(self, log: Any, splitter: LineSplitter, data: bytes, is_result: bool) -> None:
        """One read of one stream: its text to the log, its markers to the status. Empty data: the stream ended."""
        text, markers = splitter.feed(data) if data else (splitter.flush(at_end=True), [])
        self.write_log(log, text)
        lines = [line for line in collapse(text.decode("utf-8", "replace")).split("\n") if line.strip()]
        if is_result and lines:
            self.status["result"] = lines[-1].strip()[:2000]
        for name, value in markers:
            self.note(name, value)

    def note(self, name: str, value: Any) -> None:
        """Keep what a marker line says."""
        if name == "stages":
            self.status["stages"] = [str(stage) for stage in value]
        elif name == "error":
            self.said = value
        else:
            if value.get("stage") != self.status.get("progress", {}).get("stage"):
                self.stage_began = time.monotonic()
            self.status["progress"] = value
            self.status["eta_s"] = self.eta(value)

    def eta(self, progress: dict[str, Any]) -> float | None:
        """Seconds left: what the engine says, else from the pace of this stage."""
        said, step, of = progress.get("eta_s"), progress.get("step"), progress.get("of")
        if isinstance(said, (int, float)):
            return round(max(0.0, said), 1)
        if not isinstance(step, (int, float)) or not isinstance(of, (int, float)) or step <= 0:
            return None
        return round(max(0.0, (time.monotonic() - self.stage_began) / step * (of - step)), 1)

    def finish(self, code: int) -> None:
        """Write how it ended."""
        if self.told_to_stop():
            self.finish_stopped(code)
            return
        if self.disk_full:
            self.end("failed", failures.DISK_FULL, exit_code=code)
            return
        if code != 0:
            tail = collapse(self.tail.decode("utf-8", "replace"))
            self.end("failed", failures.explain(code, self.said, tail), exit_code=code)
            return
        wanted = self.request.get("outputs", {})
        if all((self.job / path).is_file() for path in wanted.values()):
            self.end("done", None, exit_code=0, outputs=wanted)
        else:
            self.end("failed", failures.NO_OUTPUT, exit_code=0)

    def finish_stopped(self, code: int | None = None) -> None:
        """Cancelled by the user, or the runner was told to end (the computer shuts down)."""
        if (self.job / folder.CANCEL).exists():
            self.end("cancelled", failures.CANCELLED, exit_code=code)
        else:
            self.end("interrupted", failures.INTERRUPTED, exit_code=code)

    def end(self, state: str, error: Failure | None, **more: Any) -> None:
        """The last status. Tried for a while: on a full disk the space an engine gave back may come late."""
        facts = {"state": state, "finished": time.time(), "error": error and error.as_json(), "eta_s": None, **more}
        for _ in range(20):
            try:
                self.save(queue_place=None, **facts)
                return
            except OSError:
                time.sleep(0.25)
        self.save(queue_place=None, **facts)

    def write_log(self, log: Any, text: bytes) -> None:
        """Append to log.txt; a full disk is remembered, never raised."""
        if not text:
            return
        self.tail = (self.tail + text)[-TAIL_BYTES:]
        if self.disk_full:
            return
        try:
            log.write(text)
        except OSError:
            self.disk_full = True

    def save(self, **facts: Any) -> None:
        """Replace status.json."""
        self.status.update(facts)
        folder.write_json(self.job / folder.STATUS, self.status)
        self._written = time.monotonic()

    def save_soon(self) -> None:
        """Replace status.json unless that was done a moment ago."""
        if time.monotonic() - self._written < STATUS_INTERVAL_S:
            return
        try:
            self.save()
        except OSError:
            self.disk_full = True

    def told_to_stop(self) -> bool:
        """By a signal, or by the `cancel` file (which needs no process id)."""
        return self.signalled or (self.job / folder.CANCEL).exists()

    def _on_signal(self, _signum: int, _frame: Any) -> None:
        self.signalled = True


def has_ended(engine: subprocess.Popen[bytes]) -> bool:
    """Whether the engine ends within a moment: one that closed its streams may still be at work."""
    try:
        engine.wait(STATUS_INTERVAL_S)
    except subprocess.TimeoutExpired:
        return False
    return True


def main() -> None:
    """Run the job in argv[1]; argv[2], if there, is the descriptor of its lock, which must not reach the engine."""
    job = Path(sys.argv[1])
    lock = int(sys.argv[2]) if len(sys.argv) > 2 else folder.hold_lock(job / folder.LOCK)
    if lock is None:
        sys.exit(f"{job.name} has a runner already")
    os.set_inheritable(lock, False)
    Runner(job).run()
    os.close(lock)
    # imported late: nothing here may delay the engine's start
    from bridges.jobs.job import clean_up

    clean_up()


if __name__ == "__main__":
    main()
