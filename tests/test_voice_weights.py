"""Fetching model folders from a hub: a small server stands in for both, with connections that break and wrong bytes."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest
from voice_engine.models import NEEDED

PROJECT = Path(__file__).resolve().parents[1]
NAME = "CosyVoice2-0.5B"
FILES = {name: (name * 997).encode()[:40_000] for name in NEEDED[2]}
SMALL = {name for name in FILES if name.endswith((".json", ".txt", ".yaml"))}


class Hub(BaseHTTPRequestHandler):
    """Lists and serves FILES as Hugging Face and ModelScope do; breaks off now and then."""

    asked: ClassVar[list[tuple[str, str | None]]] = []
    broken: ClassVar[dict[str, int]] = {}
    damaged: ClassVar[set[str]] = set()

    def log_message(self, *_: object) -> None:
        """Silent."""

    def do_GET(self) -> None:
        """Lists and files."""
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        if url.path.startswith("/api/models/"):
            self.send_text(json.dumps({"sha": "abc", "siblings": [self.huggingface_row(name) for name in FILES]}))
        elif url.path.endswith("/repo/files"):
            rows = [{"Path": "CosyVoice-BlankEN", "Type": "tree", "Size": 0}]
            rows += [
                {"Path": name, "Type": "blob", "Size": len(data), "Sha256": hashlib.sha256(data).hexdigest()}
                for name, data in FILES.items()
            ]
            self.send_text(json.dumps({"Data": {"Files": rows}}))
        else:
            self.send_file(query["FilePath"][0] if "FilePath" in query else url.path.split("/resolve/abc/")[1])

    def huggingface_row(self, name: str) -> dict[str, object]:
        """A file as Hugging Face lists it: large ones by sha256, small ones by git's own sum."""
        data = FILES[name]
        blob = hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()  # noqa: S324
        row: dict[str, object] = {"rfilename": name, "size": len(data), "blobId": blob}
        return row if name in SMALL else {**row, "lfs": {"sha256": hashlib.sha256(data).hexdigest()}}

    def send_text(self, text: str) -> None:
        """A JSON answer."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(text.encode())

    def send_file(self, name: str) -> None:
        """The bytes from where they were asked for, or only some of them."""
        wanted = self.headers.get("Range")
        self.asked.append((name, wanted))
        data = FILES[name]
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        body = b"x" * len(data) if name in self.damaged else data
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if self.broken.get(name, 0) > 0:
            self.broken[name] -= 1
            self.wfile.write(body[start : start + 10_000])
            self.wfile.flush()
            self.connection.close()
        else:
            self.wfile.write(body[start:])


@pytest.fixture
def hub() -> Iterator[str]:
    Hub.asked, Hub.broken, Hub.damaged = [], {}, set()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def run(home: Path, url: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """get_weights.sh with everything in a folder of its own."""
    addresses = {"HF_ENDPOINT": url, "MODELSCOPE_ENDPOINT": url}
    environment = {**os.environ, **addresses, "TFG_HOME": str(home), "no_proxy": "*", **more}
    command = ["bash", str(PROJECT / "CosyVoice" / "get_weights.sh"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@pytest.mark.parametrize("which", ["huggingface", "modelscope"])
def test_a_model_is_fetched_whole_and_only_once(hub: str, tmp_path: Path, which: str) -> None:
    done = run(tmp_path, hub, NAME, "--hub", which, "--yes")
    assert done.returncode == 0, done.stderr
    assert "GB to fetch" in done.stdout
    folder = tmp_path / "models" / "cosyvoice" / NAME
    assert {name: (folder / name).read_bytes() for name in FILES} == FILES
    assert not list(folder.rglob("*.part"))
    before = len(Hub.asked)
    assert run(tmp_path, hub, NAME, "--hub", which, "--yes").returncode == 0
    assert len(Hub.asked) == before
    row = next(row for row in json.loads(run(tmp_path, hub, "list", "--json").stdout)["models"] if row["name"] == NAME)
    assert (row["state"], row["version"]) == ("ready", 2)


def test_a_broken_connection_is_taken_up_where_it_stopped(hub: str, tmp_path: Path) -> None:
    Hub.broken = {"llm.pt": 2}
    assert run(tmp_path, hub, NAME, "--yes").returncode == 0
    ranges = [wanted for name, wanted in Hub.asked if name == "llm.pt"]
    assert ranges[0] is None
    assert all(wanted and wanted != "bytes=0-" for wanted in ranges[1:])


def test_damaged_bytes_are_thrown_away_and_the_rest_is_kept(hub: str, tmp_path: Path) -> None:
    Hub.damaged = {"flow.pt"}
    done = run(tmp_path, hub, NAME, "--yes", TFG_JOB_DIR="/job")
    assert done.returncode == 2
    assert '"code": "checksum"' in done.stderr
    folder = tmp_path / "models" / "cosyvoice" / NAME
    assert not list(folder.glob("flow.pt*"))
    assert (folder / "llm.pt").read_bytes() == FILES["llm.pt"]
    Hub.damaged = set()
    assert run(tmp_path, hub, NAME, "--yes").returncode == 0


def test_no_network_and_no_consent_end_in_one_sentence(hub: str, tmp_path: Path) -> None:
    unreachable = run(tmp_path, "http://127.0.0.1:1", NAME, "--yes")
    assert unreachable.returncode == 2
    assert "127.0.0.1 cannot be used" in unreachable.stderr
    assert "Traceback" not in unreachable.stderr
    assert "Add --yes" in run(tmp_path, hub, NAME).stderr
    assert "There is no model" in run(tmp_path, hub, "Nothing").stderr


def test_a_folder_is_taken_over_if_it_is_whole(hub: str, tmp_path: Path) -> None:
    disk = tmp_path / "stick" / "my model"
    for name, data in FILES.items():
        (disk / name).parent.mkdir(parents=True, exist_ok=True)
        (disk / name).write_bytes(data)
    done = run(tmp_path / "home", hub, "--from-folder", str(disk))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "home" / "models" / "cosyvoice" / "my model" / "hift.pt").is_file()
    (disk / "hift.pt").unlink()
    refused = run(tmp_path / "other", hub, "--from-folder", str(disk))
    assert (refused.returncode, "lacks hift.pt" in refused.stderr) == (2, True)
