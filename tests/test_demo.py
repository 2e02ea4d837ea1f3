"""The app from outside: its command line, importing it, and the papers that describe it (README, notebook, words)."""

from __future__ import annotations

import ast
import json
import os
import re
import socket
import string
import subprocess
import sys
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml", reason="gradio, which brings it, is not in this environment")

PROJECT = Path(__file__).resolve().parents[1]
READMES = ("README.md", "README.zh.md")


def app(home: Path, *line: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("TFG_", "GRADIO_"))}
    return subprocess.run(
        [sys.executable, *line],
        cwd=PROJECT,
        env={**environment, "TFG_HOME": str(home), **more},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_lists_the_options_and_their_defaults(tmp_path: Path) -> None:
    done = app(tmp_path, "demo.py", "--help")
    assert done.returncode == 0
    assert set(re.findall(r"--[a-z-]+", done.stdout)) >= {"--host", "--port", "--share", "--auth", "--root-path"}
    assert "(127.0.0.1)" in done.stdout
    assert "(5001)" in done.stdout


def test_a_space_is_served_on_all_addresses(tmp_path: Path) -> None:
    done = app(tmp_path, "demo.py", "--help", SPACE_ID="someone/studio")
    assert "(0.0.0.0)" in done.stdout
    assert "(7860)" in done.stdout


IMPORTING = """
import json, sys
started = []
watched = ("subprocess.Popen", "os.system", "os.posix_spawn", "os.fork", "socket.bind")
sys.addaudithook(lambda event, _: started.append(event) if event in watched else None)
import demo, gradio
print(json.dumps([isinstance(demo.demo, gradio.Blocks), demo.demo.is_running, started]))
"""


def test_importing_starts_nothing_and_gives_the_page(tmp_path: Path) -> None:
    done = app(tmp_path, "-c", IMPORTING)
    assert json.loads(done.stdout.splitlines()[-1]) == [True, False, []], done.stderr
    assert {path.name for path in tmp_path.iterdir()} <= {".browser_key"}


@pytest.mark.parametrize(
    ("line", "word"),
    [
        (("--share",), "--auth NAME:PASSWORD"),
        (("--auth", "name"), "NAME:PASSWORD"),
        (("--auth", ":secret"), "NAME:PASSWORD"),
        (("--share", "--auth", "name:"), "NAME:PASSWORD"),
        (("--port", "many"), "--port"),
    ],
)
def test_a_refused_start_is_one_line_and_starts_nothing(tmp_path: Path, line: tuple[str, ...], word: str) -> None:
    done = app(tmp_path, "demo.py", *line)
    assert done.returncode != 0
    assert done.stdout == ""
    errors = [text for text in done.stderr.splitlines() if "error: " in text]
    assert len(errors) == 1
    assert word in errors[0]
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_a_taken_port_is_said_in_one_line(engine_home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = app(engine_home, "demo.py", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert re.search(r"^error: cannot listen on 127\.0\.0\.1:\d+: in use", done.stderr, re.MULTILINE)
    assert "Traceback" not in done.stderr


# --- what describes it ------------------------------------------------------------------------------------------------


def pinned(package: str) -> str:
    rows = (PROJECT / "requirements.txt").read_text().splitlines()
    return next(row.removeprefix(f"{package}==") for row in rows if row.startswith(f"{package}=="))


def test_the_readme_begins_as_a_gradio_space_does() -> None:
    _, front, _ = (PROJECT / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    facts = yaml.safe_load(front)
    assert (facts["sdk"], facts["app_file"], facts["license"]) == ("gradio", "demo.py", "apache-2.0")
    assert str(facts["sdk_version"]) == pinned("gradio")
    assert (PROJECT / facts["app_file"]).is_file()
    assert facts["title"]
    assert len(facts["short_description"]) <= 60
    colours = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
    assert {facts["colorFrom"], facts["colorTo"]} <= colours


def body(name: str) -> str:
    text = (PROJECT / name).read_text(encoding="utf-8")
    return text.split("---\n", 2)[2] if text.startswith("---\n") else text


def test_both_readmes_have_the_same_parts_commands_and_figures() -> None:
    english, chinese = map(body, READMES)
    for pattern in (r"^#+ ", r"^```\w*$", r"^\| ?-{3}", r"<!-- /?FIGURES -->", r"^(?:python|bash|make|docker|git) .*$"):
        assert [len(re.findall(pattern, text, re.MULTILINE)) for text in (english, chinese)] == [
            len(re.findall(pattern, english, re.MULTILINE))
        ] * 2
    commands = [re.findall(r"^(?:python|bash|make|docker) [^#\n]*", text, re.MULTILINE) for text in (english, chinese)]
    assert [line.strip() for line in commands[0]] == [line.strip() for line in commands[1]]


@pytest.mark.parametrize("name", READMES)
def test_links_of_a_readme_lead_somewhere(name: str) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", body(name)):
        if target != "docs/screenshot.png":
            assert (PROJECT / target).exists(), target


def test_every_text_has_both_languages_with_the_same_blanks() -> None:
    from tabs.words import TEXTS

    for key, pair in TEXTS.items():
        assert len(pair) == 2, key
        assert all(text.strip() for text in pair), key
        english, chinese = ({blank for _, blank, _, _ in string.Formatter().parse(text) if blank} for text in pair)
        assert english == chinese, key
        assert not re.search(r"[\u4e00-\u9fff]", pair[0]), key


def test_the_notebook_is_valid_and_its_cells_are_python() -> None:
    notebook = json.loads((PROJECT / "notebooks" / "tfg_studio.ipynb").read_text(encoding="utf-8"))
    assert notebook["nbformat"] == 4
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert any("demo.demo.launch" in "".join(cell["source"]) for cell in cells)
    for cell in cells:
        assert cell["outputs"] == []
        ast.parse("".join(line for line in cell["source"] if not line.startswith("%")))
