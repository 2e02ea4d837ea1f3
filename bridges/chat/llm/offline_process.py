"""The embedded model's process: started when it is first wanted, again after a crash or its idle time."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field

from bridges import paths
from bridges.chat.llm.faults import LlmError

SCRIPT = paths.PROJECT / "bridges" / "chat" / "offline_llm" / "run_offline_llm.sh"
COMMAND = "python environments/manage.py create offline_llm"
START_S, LOOK_S = 60.0, 5.0


@dataclass(frozen=True)
class Address:
    """Where the process listens."""

    base_url: str
    key: str = field(repr=False)


class OfflineProcess:
    """`run_offline_llm.sh serve`. It ends when this program does (its stdin closes). Thread-safe; methods block."""

    def __init__(self, idle_s: float = 900.0) -> None:
        self._idle_s = idle_s
        self._guard = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._address: Address | None = None

    @property
    def pid(self) -> int | None:
        """The process's number where it runs."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def address(self) -> Address:
        """Where to ask now; starts the process where it does not run. Raises LlmError."""
        with self._guard:
            if self._address is None or not self._awake():
                self._end()
                self._address = self._started()
            return self._address

    def close(self) -> None:
        """End it."""
        with self._guard:
            self._end()

    def _awake(self) -> bool:
        """Put its idle time off; False where it has ended."""
        process = self._process
        if process is None or process.stdin is None or process.poll() is not None:
            return False
        try:
            process.stdin.write(b"\n")
            process.stdin.flush()
        except OSError:
            return False
        return True

    def _started(self) -> Address:
        if not environment_ready():
            raise LlmError(
                "llm_no_environment",
                f"The embedded model is not installed; create its environment with: {COMMAND}",
                f"内置模型尚未安装;请运行:{COMMAND}",
            )
        pipe = subprocess.PIPE
        command = ["bash", str(SCRIPT), "serve", "--idle_s", f"{self._idle_s:g}"]
        environment = {**os.environ, "TFG_HOME": str(paths.home())}
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment, start_new_session=True)
        assert self._process.stdout is not None  # noqa: S101 (it is a pipe; tells the type checker)
        waiting, _, _ = select.select([self._process.stdout], [], [], START_S)
        line = self._process.stdout.readline() if waiting else b""
        try:
            said = json.loads(line)
            return Address(said["base_url"], said["key"])
        except (ValueError, KeyError, TypeError):
            self._end()
            raise LlmError(
                "llm_not_started",
                "The embedded model could not be started; the app's log says why.",
                "内置模型无法启动,原因见应用日志。",
                retry=True,
            ) from None

    def _end(self) -> None:
        process, self._process, self._address = self._process, None, None
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


_found_at: dict[str, float] = {}


def environment_ready() -> bool:
    """Whether offline_llm is there, as the script will find it; a "yes" holds for a few seconds."""
    home, now = str(paths.home()), time.monotonic()
    if now - _found_at.get(home, -LOOK_S) >= LOOK_S:
        line = ["bash", "-c", 'source "$1"; tfg_find offline_llm', "find", str(paths.ENVIRONMENTS / "resolve.sh")]
        found = subprocess.run(line, capture_output=True, check=False, env={**os.environ, "TFG_HOME": home})
        if found.returncode:
            return False
        _found_at[home] = now
    return True
