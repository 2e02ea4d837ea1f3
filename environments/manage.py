"""Make, check and remove the engines' environments. Only the standard library; any Python from 3.10 on.

python environments/manage.py create talking_gaussian [--part training] [--recreate] [--python PATH] [--conda]
python environments/manage.py create cosyvoice [--part cloning]
python environments/manage.py check [NAME …] [--json]     exit code 3 where a named one is not ready
python environments/manage.py remove NAME
python environments/manage.py list
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent
ENVS = Path(os.environ.get("TFG_HOME") or PROJECT).expanduser().resolve() / "environments" / ".envs"
NAMES = tuple(sorted(folder.name for folder in HERE.iterdir() if (folder / "settings.json").is_file()))
MARKER = "tfg-ready"
BAD_INPUT, NOT_READY = 2, 3


class ManageError(Exception):
    """One sentence for a person, in English and Chinese, with a stable code and the exit code."""

    def __init__(self, code: str, en: str, zh: str, exit_code: int = 1) -> None:
        super().__init__(en)
        self.code, self.en, self.zh, self.exit_code = code, en, zh, exit_code


@dataclass(frozen=True)
class Settings:
    """environments/NAME/settings.json: what the requirements cannot say.

    about: one line; python: the range of versions; prefer: the range to take first; part_python: a part's own, narrower
    range; disk_mb: space a part needs; no_deps: install exactly the listed packages (for one whose own list is too
    long); pythonpath: folder of the project to import from; post_create: arguments for its Python after a part was
    installed; marker_packages: folders in site-packages by which a part (all that its programs need) is told from
    someone else's conda environment of this name (see resolve.sh).
    """

    about: str
    python: str
    disk_mb: dict[str, int]
    prefer: str = ""
    part_python: dict[str, str] | None = None
    no_deps: bool = False
    pythonpath: str = ""
    post_create: dict[str, list[str]] | None = None
    marker_packages: dict[str, list[str]] | None = None


@dataclass(frozen=True)
class State:
    """What `check --json` prints for one environment; see bridges.environments.EnvironmentState."""

    name: str
    state: str
    source: str
    parts: tuple[str, ...]
    python: str
    folder: str
    size_mb: int | None
    en: str
    zh: str
    command: str


def settings_of(name: str) -> Settings:
    """The settings of an environment. Raises ManageError for an unknown name."""
    if name not in NAMES:
        listed = ", ".join(NAMES)
        raise ManageError(
            "no_environment",
            f"There is no environment {name!r}; there are: {listed}.",
            f"没有环境 {name!r},可选:{listed}。",
            2,
        )
    return Settings(**json.loads((HERE / name / "settings.json").read_text(encoding="utf-8")))


def parts_of(name: str) -> tuple[str, ...]:
    """The parts of an environment: inference, then those that have a requirements-PART.txt."""
    more = sorted(path.stem.removeprefix("requirements-") for path in (HERE / name).glob("requirements-*.txt"))
    return ("inference", *more)


def range_of(settings: Settings, parts: Iterable[str]) -> str:
    """The range of Python versions that all these parts allow."""
    narrower = [(settings.part_python or {}).get(part, "") for part in parts]
    return ",".join(filter(None, [settings.python, *narrower]))


def requirements_of(name: str, part: str) -> Path:
    """The requirements file of a part. Raises ManageError where the environment has no such part."""
    path = HERE / name / ("requirements.txt" if part == "inference" else f"requirements-{part}.txt")
    if not path.is_file():
        raise ManageError(
            "no_part", f"Environment {name} has no {part} part.", f"环境 {name} 没有 {part} 部分。", BAD_INPUT
        )
    return path


# --- create -----------------------------------------------------------------------------------------------------------


def create(name: str, part: str, recreate: bool = False, python: str | None = None) -> None:
    """Make environments/.envs/NAME, or add a part to it; nothing is done where it is ready.

    The marker file is written last: an environment without it was half made and is made again.
    """
    settings = settings_of(name)
    requirements_of(name, part)
    say_stages(["python", "download", "install", "warm_up"])
    with locked(name):
        folder = ENVS / name
        held = {} if recreate else read_marker(folder)
        wanted = parts_to_install(name, part, settings, held)
        if held and not wanted:
            print(f"{name} ({part}) is ready.")
            return
        check_disk(name, sum(settings.disk_mb.get(p, 0) for p in wanted))
        if "inference" in wanted:
            held = make_venv(name, folder, replace(settings, python=range_of(settings, wanted)), python)
        try:
            for each in wanted:
                held = add_part(name, folder, settings, each, held)
        except ManageError:
            if not (folder / MARKER).exists():
                shutil.rmtree(folder, ignore_errors=True)
            raise
    print(f"{name} ({part}) is ready in {shown(folder)}.")


def parts_to_install(name: str, part: str, settings: Settings, held: dict[str, str]) -> list[str]:
    """inference and `part` but for what is there; all again where the Python that is there does not suit `part`."""
    wanted = list(dict.fromkeys(["inference", part]))
    if held and not in_range(held["python"], range_of(settings, wanted)):
        return list(dict.fromkeys([*wanted, *(p for p in parts_of(name) if p in held)]))
    return [p for p in wanted if held.get(p) != digest(requirements_of(name, p))]


def add_part(name: str, folder: Path, settings: Settings, part: str, held: dict[str, str]) -> dict[str, str]:
    """Install a part into the venv and note it in the marker; returns the marker's rows."""
    requirements = requirements_of(name, part)
    install(folder, requirements, settings)
    warm_up(folder, settings, part)
    rows = {**held, part: digest(requirements)}
    write_marker(folder, rows)
    return rows


def make_venv(name: str, folder: Path, settings: Settings, python: str | None) -> dict[str, str]:
    """An empty venv in `folder` (whatever was there goes); returns the marker's first row."""
    say_progress("python")
    interpreter, version = find_python(name, settings, python)
    print(f"Python {version}: {interpreter}", flush=True)
    if folder.exists():
        shutil.rmtree(folder)
    uv = shutil.which("uv")
    command = [uv, "venv", "--python", interpreter] if uv else [interpreter, "-m", "venv"]
    run_or_explain([*command, str(folder)], "venv")
    return {"python": version}


def install(folder: Path, requirements: Path, settings: Settings) -> None:
    """Install one requirements file; lines and progress come as packages do."""
    python = str(folder / "bin" / "python")
    uv = shutil.which("uv")
    if uv:
        command = [uv, "pip", "install", "--python", python]
    else:
        command = [python, "-m", "pip", "install", "--disable-pip-version-check", "--prefer-binary", "--no-input"]
        command += ["--progress-bar", "off", "--no-compile"]
    command += ["--no-deps"] if settings.no_deps else []
    total = installed(folder) + len(packages_in(requirements))
    say_progress("download", 0, total)
    process = subprocess.Popen(
        [*command, "-r", str(requirements)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    lines: list[str] = []
    collected = installed(folder)
    for line in follow(process, folder, total):
        lines.append(line)
        named = re.match(r"\s*(?:Collecting|Processing|Downloaded|Requirement already satisfied:) (\S+)", line)
        if named:
            collected += 1
            package = re.split(r"[-=<>;]", Path(named[1]).name)[0]
            say_progress("download", min(collected, total), total, package=package)
        elif not re.match(r"\s*(Using cached|Downloading|Looking in|Ignoring|WARNING: Location|\[notice\])", line):
            print(line, flush=True)
    if process.wait() != 0:
        raise explain_install("\n".join(lines[-60:]))


def follow(process: subprocess.Popen[str], folder: Path, total: int) -> Iterator[str]:
    """The installer's lines; while it is silent (it unpacks), progress by the packages that have arrived."""
    lines: queue.Queue[str | None] = queue.Queue()

    def pump() -> None:
        for line in process.stdout or ():
            lines.put(line.rstrip())
        lines.put(None)

    threading.Thread(target=pump, daemon=True).start()
    seen = installed(folder)
    while True:
        try:
            line = lines.get(timeout=0.5)
        except queue.Empty:
            now = installed(folder)
            if now != seen:
                seen = now
                say_progress("install", min(now, total), total)
            continue
        if line is None:
            return
        yield line


def warm_up(folder: Path, settings: Settings, part: str) -> None:
    """What the environment wants to be run once, e.g. compiling kernels, so that no first use waits for it."""
    say_progress("warm_up")
    steps = (settings.post_create or {}).get(part)
    if not steps:
        return
    environment = {**os.environ, "PYTHONPATH": str(PROJECT / settings.pythonpath)}
    run_or_explain([str(folder / "bin" / "python"), *steps], "warm-up", environment)


def run_or_explain(command: list[str], what: str, environment: dict[str, str] | None = None) -> None:
    """Run a command with its output shown. Raises ManageError with its last line where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", env=environment, check=False)
    text = done.stdout + done.stderr
    print(text, end="", flush=True)
    if done.returncode:
        raise explain_install(text, what)


def explain_install(text: str, what: str = "installation") -> ManageError:
    """From an installer's last lines to one sentence."""
    if re.search(r"No space left|ENOSPC|os error 28|Disk quota", text):
        return disk_full()
    if re.search(
        r"Temporary failure in name resolution|NewConnectionError|Network is unreachable|ConnectTimeout|Max retries|"
        r"dns error|error sending request|Failed to fetch|from versions: none|Connection (refused|reset)|ProxyError",
        text,
    ):
        return ManageError(
            "no_network",
            "The packages could not be downloaded: no network, or the package index cannot be reached. "
            "Check the connection or proxy and run it again.",
            "无法下载依赖包:没有网络或无法访问软件源。请检查网络或代理后重试。",
        )
    errors = [line.strip() for line in text.splitlines() if re.match(r"\s*(ERROR|error|×)", line)]
    errors = [re.sub(r"^(ERROR|error): ", "", line) for line in errors]
    last = (errors or [line.strip() for line in text.splitlines() if line.strip()] or ["no output"])[-1][:300]
    return ManageError("install_failed", f"The {what} failed: {last}", f"安装失败({what}):{last}")


def packages_in(requirements: Path) -> set[str]:
    """The names in a requirements file (markers are not looked at: the count is for a bar)."""
    lines = (line.strip() for line in requirements.read_text(encoding="utf-8").splitlines())
    return {re.split(r"[=<>; \[]", line)[0].lower() for line in lines if line and line[0] not in "#-"}


def installed(folder: Path) -> int:
    """How many packages a venv holds."""
    return sum(1 for _ in folder.glob("lib/python*/site-packages/*.dist-info"))


# --- disk, lock, marker -----------------------------------------------------------------------------------------------


def check_disk(name: str, need_mb: int) -> None:
    """Raise ManageError where fewer than `need_mb` megabytes are free."""
    ENVS.mkdir(parents=True, exist_ok=True)
    free_mb = shutil.disk_usage(ENVS).free // 1_000_000
    if free_mb < need_mb:
        raise ManageError(
            "disk_full",
            f"Environment {name} needs {need_mb} MB of disk and {free_mb} MB are free; make room or move TFG_HOME.",
            f"环境 {name} 需要 {need_mb} MB 磁盘空间,目前仅剩 {free_mb} MB;请清理空间或移动 TFG_HOME。",
        )


def disk_full() -> ManageError:
    """The disk filled up on the way."""
    return ManageError(
        "disk_full",
        "The disk is full. Delete old results or move TFG_HOME to a larger disk, then run it again.",
        "磁盘已满。请删除旧结果,或把 TFG_HOME 移到更大的磁盘,然后重新运行。",
    )


@contextlib.contextmanager
def locked(name: str) -> Iterator[None]:
    """One creation or removal of an environment at a time; the second waits and says so."""
    ENVS.mkdir(parents=True, exist_ok=True)
    with (ENVS / f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"{name} is being made by another process; waiting for it …", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def digest(path: Path) -> str:
    """The sha256 of a requirements file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_marker(folder: Path) -> dict[str, str]:
    """The marker's rows ("python" -> version, part -> sha256 of its requirements); empty where there is none."""
    path = folder / MARKER
    if not path.is_file() or not os.access(folder / "bin" / "python", os.X_OK):
        return {}
    rows = (line.partition(" ") for line in path.read_text().splitlines())
    return {key: value for key, _, value in rows}


def write_marker(folder: Path, rows: dict[str, str]) -> None:
    """Replace the marker atomically."""
    scratch = folder / f".{MARKER}"
    scratch.write_text("".join(f"{key} {value}\n" for key, value in rows.items()))
    scratch.replace(folder / MARKER)


# --- interpreters -----------------------------------------------------------------------------------------------------


def find_python(name: str, settings: Settings, told: str | None = None) -> tuple[str, str]:
    """(interpreter, version) for an environment: the one told, else the first suitable of this Python, those on PATH,
    pyenv's, conda's and uv's; the preferred range before the rest.
    """
    if told:
        version = python_version(told)
        if version is None or not in_range(version, settings.python):
            said = f"is {version}" if version else "cannot be run, or lacks the venv module"
            raise ManageError(
                "bad_python",
                f"Environment {name} needs Python {settings.python}; {told} {said}.",
                f"环境 {name} 需要 Python {settings.python};{told} 不合适。",
                BAD_INPUT,
            )
        return told, version
    spare = None
    for path in candidates():
        version = python_version(path)
        if version and in_range(version, settings.python):
            if in_range(version, settings.prefer):
                return path, version
            spare = spare or (path, version)
    spare = spare or ask_uv(settings.python)
    if spare:
        return spare
    raise ManageError(
        "no_python",
        f"Environment {name} needs Python {settings.python} with its venv module, and none was found: install one "
        "(or `uv python install`, `conda create`) or name it with --python.",
        f"环境 {name} 需要 Python {settings.python}(含 venv 模块),但没有找到:请安装,或用 --python 指定。",
    )


def candidates() -> Iterator[str]:
    """Interpreters worth asking, each once."""
    names = [f"python3.{minor}" for minor in range(13, 7, -1)] + ["python3.14", "python3", "python"]
    found = [getattr(sys, "_base_executable", sys.executable), sys.executable]
    found += [path for path in map(shutil.which, names) if path]
    home = Path.home()
    pyenv = Path(os.environ.get("PYENV_ROOT") or home / ".pyenv") / "versions"
    found += [str(path) for path in sorted(pyenv.glob("3.*/bin/python"), reverse=True)]
    bases = [Path(os.environ["CONDA_EXE"]).parent.parent] if os.environ.get("CONDA_EXE") else []
    bases += [
        root / tool for root in (home, Path("/opt")) for tool in ("miniconda3", "anaconda3", "miniforge3", "conda")
    ]
    for base in bases:
        found += [str(path) for path in (base / "bin" / "python", *sorted(base.glob("envs/*/bin/python")))]
    yield from dict.fromkeys(path for path in found if os.access(path, os.X_OK))


def python_version(path: str) -> str | None:
    """The version of an interpreter that can make a venv, else None."""
    need = "venv" if shutil.which("uv") else "venv, ensurepip"
    code = f"import sys, {need}; print('%d.%d.%d' % sys.version_info[:3])"
    try:
        done = subprocess.run([path, "-I", "-c", code], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = done.stdout.strip()
    return version if done.returncode == 0 and re.fullmatch(r"\d+\.\d+\.\d+", version) else None


def in_range(version: str, wanted: str) -> bool:
    """Whether a version lies in a range such as ">=3.9,<3.13" (empty: any)."""
    number = tuple(int(part) for part in version.split(".")[:2])
    for rule in filter(None, wanted.split(",")):
        match = re.fullmatch(r"\s*(>=|<)(\d+)\.(\d+)\s*", rule)
        if not match:
            raise ValueError(f"the range {wanted!r} is not of the form >=3.9,<3.13")
        bound = (int(match[2]), int(match[3]))
        if not (number >= bound if match[1] == ">=" else number < bound):
            return False
    return True


def ask_uv(wanted: str) -> tuple[str, str] | None:
    """A Python that uv manages or can find."""
    uv = shutil.which("uv")
    if not uv:
        return None
    done = subprocess.run([uv, "python", "find", wanted], capture_output=True, text=True, check=False)
    path = done.stdout.strip()
    version = python_version(path) if done.returncode == 0 and path else None
    return (path, version) if version else None


# --- conda ------------------------------------------------------------------------------------------------------------


def create_conda(name: str, part: str) -> None:
    """Make or update a conda environment from environment.yml, then install the pinned requirements into it."""
    settings = settings_of(name)
    conda = shutil.which(os.environ.get("CONDA_EXE") or "conda") or shutil.which("mamba") or shutil.which("micromamba")
    if not conda:
        raise ManageError(
            "no_conda", "conda was not found; leave --conda away.", "未找到 conda;请去掉 --conda。", BAD_INPUT
        )
    say_stages(["python", "install", "warm_up"])
    say_progress("python")
    file = str(HERE / name / "environment.yml")
    found = find_all([name])[name]
    if found.lacks:
        raise ManageError(
            "other_conda",
            f"conda already has an environment {name}, and it lacks {found.lacks}: rename or remove that one "
            f"(conda env remove -n {name}), or leave --conda away.",
            f"conda 中已有名为 {name} 的环境,但缺少 {found.lacks}:请重命名或删除它,或去掉 --conda。",
            BAD_INPUT,
        )
    there = found.source == "conda"
    verb = ["env", "update", "-n", name, "-f", file] if there else ["env", "create", "-n", name, "-f", file]
    run_or_explain([conda, *verb], "conda")
    say_progress("install")
    if part != "inference":
        file = str(requirements_of(name, part))
        run_or_explain([conda, "run", "-n", name, "python", "-m", "pip", "install", "-r", file], "installation")
    found = find_all([name])[name]
    if found.source == "conda":
        warm_up(Path(found.prefix), settings, part)
    print(f"{name} ({part}) is ready in conda.")


class Found(NamedTuple):
    """Where an environment is. source: conda, venv or ""; lacks: what a conda environment that is not used lacks."""

    source: str
    prefix: str
    lacks: str


def find_all(names: list[str]) -> dict[str, Found]:
    """Where each environment is, by the resolver the scripts use."""
    row = 'printf "%s\\t%s\\t%s\\t%s\\n" "$n" "$TFG_KIND" "$TFG_PREFIX" "$TFG_LACKS"'
    script = f'. "$1"; shift; for n; do tfg_find "$n" || true; {row}; done'
    command = ["bash", "-c", script, "find", str(HERE / "resolve.sh"), *names]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = (line.split("\t") for line in done.stdout.splitlines())
    return {name: Found(*facts) for name, *facts in lines}


def holds(folder: Path, settings: Settings, part: str) -> bool:
    """Whether a conda environment holds a part's marker packages (a part without any: no)."""
    packages = (settings.marker_packages or {}).get(part, [])
    return bool(packages) and all(any(folder.glob(f"lib/python*/site-packages/{name}")) for name in packages)


# --- check, remove ----------------------------------------------------------------------------------------------------


def check(names: list[str], sizes: bool = False) -> list[State]:
    """The states of environments."""
    for name in names:
        settings_of(name)
    found = find_all(names)
    return [state_of(name, found[name], sizes) for name in names]


def state_of(name: str, found: Found, sizes: bool) -> State:
    """The state of one environment as the resolver found it."""
    command = f"python environments/manage.py create {name}"
    folder = Path(found.prefix or ENVS / name)
    rows = read_marker(ENVS / name)
    parts = tuple(p for p in parts_of(name) if has_part(name, p, rows))
    if found.source == "conda":
        state, en, zh = "ready", "ready (conda)", "就绪(conda)"
        settings = settings_of(name)
        # a part that conda's one lacks is taken from the project's own
        parts = tuple(p for p in parts_of(name) if p == "inference" or p in parts or holds(folder, settings, p))
        rows = {"python": ""}
    elif found.source == "venv":
        state, en, zh = "ready", "ready", "就绪"
    elif rows:
        state, en, zh = "outdated", "its requirements have changed; create it again", "依赖已更新,请重新创建"
    elif folder.exists():
        state, en, zh = "broken", "half made or broken; create it again", "创建未完成或已损坏,请重新创建"
    elif found.lacks:
        state = "missing"
        en, zh = f"not created; conda's one lacks {found.lacks}", f"未创建;conda 中的同名环境缺少 {found.lacks}"
    else:
        state, en, zh = "missing", "not created", "未创建"
    size = folder_mb(folder) if sizes and folder.exists() else None
    there = str(folder) if folder.exists() else ""
    return State(name, state, found.source, parts, rows.get("python", ""), there, size, en, zh, command)


def has_part(name: str, part: str, rows: dict[str, str]) -> bool:
    """Whether a marker holds a part as its requirements ask now."""
    path = HERE / name / ("requirements.txt" if part == "inference" else f"requirements-{part}.txt")
    return path.is_file() and rows.get(part) == digest(path)


def folder_mb(folder: Path) -> int:
    """The size of a folder in megabytes."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file()) // 1_000_000


def remove(name: str) -> None:
    """Delete environments/.envs/NAME; a conda environment is left to conda."""
    settings_of(name)
    with locked(name):
        folder = ENVS / name
        if folder.exists():
            shutil.rmtree(folder)
            print(f"{name} is removed.")
        else:
            print(f"{name} was not there.")
    if find_all([name])[name].source == "conda":
        print(f"conda still has one of this name; remove it with: conda env remove -n {name}")


# --- command line -----------------------------------------------------------------------------------------------------


def say_stages(stages: list[str]) -> None:
    """The line a job runner reads; see bridges.jobs."""
    print("@stages", json.dumps(stages), file=sys.stderr, flush=True)


def say_progress(stage: str, step: int | None = None, of: int | None = None, **more: Any) -> None:
    """Where it stands."""
    line = {"stage": stage, **({} if step is None else {"step": step, "of": of}), **more}
    print("@progress", json.dumps(line), file=sys.stderr, flush=True)


def shown(path: Path) -> str:
    """A path as a person should see it."""
    return str(path.relative_to(PROJECT)) if path.is_relative_to(PROJECT) else str(path)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="manage.py", description="The engines' environments: make, check, remove.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    new = verbs.add_parser("create", help="make an environment, or add a part to it")
    new.add_argument("name", help="one of: " + ", ".join(NAMES))
    new.add_argument("--part", default="inference", help="inference (default), or one more, e.g. training, cloning")
    new.add_argument("--recreate", action="store_true", help="throw away what is there and start from nothing")
    new.add_argument("--python", metavar="PATH", help="the interpreter to use")
    new.add_argument("--conda", action="store_true", help="make a conda environment from environment.yml instead")
    look = verbs.add_parser("check", help="say which environments are ready")
    look.add_argument("names", nargs="*", metavar="NAME")
    look.add_argument("--json", action="store_true", help="for programs")
    look.add_argument("--sizes", action="store_true", help="also measure the folders")
    gone = verbs.add_parser("remove", help="delete an environment")
    gone.add_argument("name")
    verbs.add_parser("list", help="names and what they are for")
    return parser.parse_args(arguments)


def carry_out(options: argparse.Namespace) -> int:
    """Do what the command line asks; returns the exit code."""
    if options.verb == "create" and options.conda:
        create_conda(options.name, options.part)
    elif options.verb == "create":
        create(options.name, options.part, options.recreate, options.python)
    elif options.verb == "remove":
        remove(options.name)
    elif options.verb == "list":
        for name in NAMES:
            print(f"{name:18} {settings_of(name).about}")
    else:
        states = check(options.names or list(NAMES), options.sizes)
        if options.json:
            print(json.dumps([asdict(state) for state in states], ensure_ascii=False))
        else:
            for state in states:
                size = "" if state.size_mb is None else f"  {state.size_mb} MB"
                print(f"{state.name:18} {state.state:9} {state.python:8}{size}  {state.en}")
            if options.names and any(state.state != "ready" for state in states):
                return NOT_READY
    return 0


def fail(trouble: ManageError) -> NoReturn:
    """Say what went wrong and end."""
    chinese = os.environ.get("TFG_LANG", "").startswith("zh")
    print("error:", trouble.zh if chinese else trouble.en, file=sys.stderr)
    if os.environ.get("TFG_JOB_DIR"):
        facts = {"code": trouble.code, "en": trouble.en, "zh": trouble.zh}
        print("@error", json.dumps(facts, ensure_ascii=False), file=sys.stderr)
    sys.exit(trouble.exit_code)


def main(arguments: list[str] | None = None) -> int:
    """Run; failures end with one sentence."""
    try:
        return carry_out(parse(arguments))
    except ManageError as trouble:
        fail(trouble)
    except OSError as error:
        fail(explain_install(f"error: {error}"))


if __name__ == "__main__":
    sys.exit(main())
