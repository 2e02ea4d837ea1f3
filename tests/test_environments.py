"""The resolver that all scripts share, and the program that makes environments; real shells, fake conda."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from jobs_kit import is_alive, pids_in, until

ENVIRONMENTS = Path(__file__).resolve().parent.parent / "environments"
FAKE_CONDA = """#!/usr/bin/env bash
# speaks as much conda as the resolver asks for; like conda, it does not hand signals on and knows names of its own only
case "$1 $2" in
  "run -n" | "run -p") env="$3"; [ "$2" = -p ] || env="{base}/envs/$3"; shift 3; [ "$1" = --no-capture-output ] && shift
            [ -x "$env/bin/python" ] || {{ echo "EnvironmentLocationNotFound: $env" >&2; exit 1; }}
            echo "conda ${{env##*/}}" >&2; PATH="$env/bin:$PATH" "$@" & wait $!; exit $? ;;
  "info --base") echo "{base}" ;;
  "env list") printf '# conda environments:\\n#\\nbase  *  {base}\\n{listed}\\n' ;;
  *) echo "unexpected: $*" >&2; exit 1 ;;
esac
"""


@pytest.fixture
def project(tmp_path):
    """A project of its own with one tiny environment, a script that uses it, and a bare machine's variables."""
    folder = tmp_path / "project"
    tiny = folder / "environments" / "tiny"
    tiny.mkdir(parents=True)
    for name in ("resolve.sh", "manage.py"):
        shutil.copy(ENVIRONMENTS / name, folder / "environments" / name)
    facts = {"about": "for tests", "python": ">=3.10", "disk_mb": {"inference": 1}}
    (tiny / "settings.json").write_text(json.dumps(facts))
    (tiny / "requirements.txt").write_text("# nothing\n")
    (folder / "run.sh").write_text(
        '#!/usr/bin/env bash\nset -euo pipefail\nsource "$(dirname "$0")/environments/resolve.sh"\n'
        'tfg_exec tiny python -c "import sys; print(repr(sys.argv[1:]))" "$@"\n'
    )
    (tmp_path / "user").mkdir()
    return folder


def bare(project: Path, **more: str) -> dict[str, str]:
    """The environment variables of a machine without conda."""
    kept = {key: value for key, value in os.environ.items() if "CONDA" not in key and "MAMBA" not in key}
    kept.pop("TFG_JOB_DIR", None)
    return {**kept, "HOME": str(project.parent / "user"), "TFG_HOME": str(project), **more}


def run(project: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the project's script."""
    command = ["bash", str(project / "run.sh"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=bare(project, **more), check=False)


def manage(project: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the project's manage.py."""
    command = [sys.executable, str(project / "environments" / "manage.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=bare(project, **more), check=False)


def make_ready(project: Path, requirements: str = "# nothing\n") -> None:
    """What a created venv looks like to the resolver: a Python and a marker."""
    venv = project / "environments" / ".envs" / "tiny"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").symlink_to(sys.executable)
    (venv / "tfg-ready").write_text(f"python 3.12.1\ninference {hashlib.sha256(requirements.encode()).hexdigest()}\n")


def make_conda(base: Path, exe: Path, listed: str = "", env: Path | None = None) -> Path:
    """A fake conda `exe` with an environment tiny."""
    env = env or base / "envs" / "tiny"
    (env / "bin").mkdir(parents=True)
    (env / "bin" / "python").symlink_to(sys.executable)
    exe.parent.mkdir(parents=True, exist_ok=True)
    exe.write_text(FAKE_CONDA.format(base=base, listed=listed))
    exe.chmod(exe.stat().st_mode | stat.S_IXUSR)
    return exe


NASTY = ["with space", 'it\'s "quoted"', "中文", "-leading", "--", "$HOME `id` \\", "", "*"]


def test_a_missing_environment_ends_with_3_and_the_command_that_makes_it(project):
    done = run(project, "x")
    assert done.returncode == 3
    assert done.stderr == (
        "error: environment tiny (inference) is not ready; create it with: python environments/manage.py create tiny\n"
    )
    told = run(project, "x", TFG_JOB_DIR="/job").stderr.splitlines()[-1]
    assert json.loads(told.removeprefix("@error "))["fix"]["name"] == "tiny"


def test_arguments_reach_the_engine_unchanged_through_the_venv(project):
    make_ready(project)
    assert run(project, *NASTY, "two\nlines").stdout == repr([*NASTY, "two\nlines"]) + "\n"


def test_a_venv_whose_requirements_changed_is_not_used(project):
    make_ready(project, requirements="other==1\n")
    assert run(project).returncode == 3


def test_the_training_part_is_asked_for_by_a_variable(project):
    (project / "environments" / "tiny" / "requirements-training.txt").write_text("# torch\n")
    make_ready(project)
    missing = run(project, TFG_ENV_PART="training")
    assert missing.returncode == 3
    assert "create tiny --part training" in missing.stderr
    with (project / "environments" / ".envs" / "tiny" / "tfg-ready").open("a") as marker:
        marker.write(f"training {hashlib.sha256(b'# torch' + bytes([10])).hexdigest()}\n")
    assert run(project, TFG_ENV_PART="training").returncode == 0


def test_conda_comes_before_the_venv_and_passes_arguments_unchanged(project, tmp_path):
    make_ready(project)
    exe = make_conda(tmp_path / "conda", tmp_path / "conda" / "bin" / "conda")
    done = run(project, *NASTY, CONDA_EXE=str(exe))
    assert done.stdout == repr(NASTY) + "\n"
    assert done.stderr == "conda tiny\n"


@pytest.mark.parametrize("where", ["variable", "path", "home", "shim", "listed", "registered", "registered by path"])
def test_conda_is_found_wherever_it_is(project, tmp_path, where):
    base, env, more = tmp_path / "conda", None, {}
    exe = base / "bin" / "conda"
    if where == "home":
        base = tmp_path / "user" / "miniforge3"
        exe = base / "bin" / "conda"
    if where in ("shim", "listed"):
        exe = tmp_path / "shims" / "conda"
    if where in ("listed", "registered", "registered by path"):
        env = tmp_path / "else where" / ("envs" if where != "registered by path" else "") / "tiny"
    if where.startswith("registered"):
        (base / "conda-meta").mkdir(parents=True)
        (tmp_path / "user" / ".conda").mkdir()
        (tmp_path / "user" / ".conda" / "environments.txt").write_text(f"{base}\n{env}\n")
    make_conda(base, exe, listed=f"tiny    {env}" if where == "listed" else "", env=env)
    if where == "variable":
        more["CONDA_EXE"] = str(exe)
    elif where != "home":
        more["PATH"] = f"{exe.parent}:{os.environ['PATH']}"
    assert run(project, "x", **more).stderr == "conda tiny\n"


def test_conda_without_the_environment_leaves_it_to_the_venv(project, tmp_path):
    make_ready(project)
    exe = make_conda(
        tmp_path / "conda", tmp_path / "conda" / "bin" / "conda", env=tmp_path / "conda" / "envs" / "other"
    )
    assert run(project, "x", CONDA_EXE=str(exe)).stdout == "['x']\n"


OURS = {"inference": ["numba", "av"], "training": ["numba", "av", "torch"]}


def mark(project: Path, packages: dict[str, list[str]]) -> None:
    """Give tiny's settings marker packages, written as the real ones are."""
    facts = json.dumps({"about": "for tests", "python": ">=3.10", "disk_mb": {"inference": 1}}, indent=2)
    line = f'  "marker_packages": {json.dumps(packages)}'
    (project / "environments" / "tiny" / "settings.json").write_text(f"{facts[:-2]},\n{line}\n}}\n")


def install_into(env: Path, *packages: str) -> None:
    """What an installed package looks like to the resolver."""
    for package in packages:
        (env / "lib" / "python3.7" / "site-packages" / package).mkdir(parents=True)


def test_someone_elses_conda_environment_of_that_name_is_left_alone(project, tmp_path):
    """E.g. the research code's own: other packages under the same name."""
    mark(project, OURS)
    exe = make_conda(tmp_path / "conda", tmp_path / "conda" / "bin" / "conda")
    install_into(tmp_path / "conda" / "envs" / "tiny", "torch", "numba")
    missing = run(project, "x", CONDA_EXE=str(exe))
    assert missing.returncode == 3
    assert "is not ready (conda's one lacks av); create it with: python environments/manage.py" in missing.stderr
    told = run(project, "x", CONDA_EXE=str(exe), TFG_JOB_DIR="/job").stderr.splitlines()[-1]
    assert "缺少 av" in json.loads(told.removeprefix("@error "))["zh"]
    state = json.loads(manage(project, "check", "tiny", "--json", CONDA_EXE=str(exe)).stdout)[0]
    assert (state["state"], state["en"]) == ("missing", "not created; conda's one lacks av")
    refused = manage(project, "create", "tiny", "--conda", CONDA_EXE=str(exe))
    assert refused.returncode == 2
    assert "already has an environment tiny" in refused.stderr
    make_ready(project)
    assert run(project, "x", CONDA_EXE=str(exe)).stdout == "['x']\n"


def test_a_conda_environment_with_the_engine_serves_each_part_it_holds(project, tmp_path):
    mark(project, OURS)
    (project / "environments" / "tiny" / "requirements-training.txt").write_text("# torch\n")
    exe = make_conda(tmp_path / "conda", tmp_path / "conda" / "bin" / "conda")
    env = tmp_path / "conda" / "envs" / "tiny"
    install_into(env, "numba", "av")
    assert run(project, CONDA_EXE=str(exe)).stderr == "conda tiny\n"
    assert "conda's one lacks torch" in run(project, CONDA_EXE=str(exe), TFG_ENV_PART="training").stderr
    check = ("check", "tiny", "--json")
    assert json.loads(manage(project, *check, CONDA_EXE=str(exe)).stdout)[0]["parts"] == ["inference"]
    install_into(env, "torch")
    assert run(project, CONDA_EXE=str(exe), TFG_ENV_PART="training").stderr == "conda tiny\n"
    assert json.loads(manage(project, *check, CONDA_EXE=str(exe)).stdout)[0]["parts"] == ["inference", "training"]


def test_a_line_break_is_refused_in_one_sentence_where_conda_runs(project, tmp_path):
    exe = make_conda(tmp_path / "conda", tmp_path / "conda" / "bin" / "conda")
    done = run(project, "two\nlines", CONDA_EXE=str(exe))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "line break" in done.stderr


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("kind", ["venv", "conda"])
def test_a_signal_ends_the_engine_and_leaves_no_orphan(project, tmp_path, kind, sent):
    noted = tmp_path / "pid"
    more = {}
    if kind == "conda":
        more["CONDA_EXE"] = str(make_conda(tmp_path / "conda", tmp_path / "conda" / "bin" / "conda"))
    else:
        make_ready(project)
    engine = tmp_path / "engine.py"
    engine.write_text(
        f"import os, pathlib, time\npathlib.Path({str(noted)!r}).write_text(str(os.getpid()))\ntime.sleep(1000)\n"
    )
    (project / "run.sh").write_text(
        f'set -euo pipefail; source "$(dirname "$0")/environments/resolve.sh"; tfg_exec tiny python "{engine}"\n'
    )
    # the tests may run in the background, where Ctrl-C is ignored
    heard = {"preexec_fn": lambda: signal.signal(signal.SIGINT, signal.default_int_handler)}
    command = ["bash", str(project / "run.sh")]
    script = subprocess.Popen(command, env=bare(project, **more), start_new_session=True, **heard)
    until(lambda: pids_in(noted))
    script.send_signal(sent)
    assert script.wait(5) in (-sent, 128 + sent)
    until(lambda: not is_alive(pids_in(noted)[0]), 3)


def test_an_engines_exit_code_comes_through_conda(project, tmp_path):
    exe = make_conda(tmp_path / "conda", tmp_path / "conda" / "bin" / "conda")
    (project / "run.sh").write_text(
        'set -euo pipefail; source "$(dirname "$0")/environments/resolve.sh"\n'
        'tfg_exec tiny python -c "raise SystemExit(7)"'
    )
    assert run(project, CONDA_EXE=str(exe)).returncode == 7


# --- manage.py --------------------------------------------------------------------------------------------------------


def make_wheel(folder: Path) -> Path:
    """A package of one module, so that an installation needs no network."""
    wheel = folder / "tinypackage-1.0-py3-none-any.whl"
    facts = "tinypackage-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tinypackage.py", "ANSWER = 42\n")
        archive.writestr(f"{facts}/METADATA", "Metadata-Version: 2.1\nName: tinypackage\nVersion: 1.0\n")
        archive.writestr(f"{facts}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{facts}/RECORD", "")
    return wheel


def test_two_creations_at_once_make_one_environment_that_is_checked_repaired_and_removed(project, tmp_path):
    tiny = project / "environments" / "tiny"
    (tiny / "requirements.txt").write_text(f"tinypackage @ {make_wheel(tmp_path).as_uri()}\n")
    facts = {
        "about": "t",
        "python": ">=3.10",
        "disk_mb": {},
        "post_create": {"inference": ["-c", "print('warmed up')"]},
    }
    (tiny / "settings.json").write_text(json.dumps(facts))
    half_made = project / "environments" / ".envs" / "tiny" / "rubbish"
    half_made.mkdir(parents=True)
    assert json.loads(manage(project, "check", "--json").stdout)[0]["state"] == "broken"

    command = [sys.executable, str(project / "environments" / "manage.py"), "create", "tiny"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    both = [subprocess.Popen(command, env=bare(project, PATH="/usr/bin:/bin"), **pipes) for _ in range(2)]
    said = [process.communicate(timeout=50) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert sum("warmed up" in out for out, _ in said) == 1
    assert sum("waiting for it" in out for out, _ in said) == 1
    markers = "".join(err for _, err in said)
    assert '@stages ["python", "download", "install", "warm_up"]' in markers
    assert '"package": "tinypackage"' in markers
    assert not half_made.exists()

    state = json.loads(manage(project, "check", "tiny", "--json", "--sizes").stdout)[0]
    assert (state["state"], state["source"], state["parts"]) == ("ready", "venv", ["inference"])
    (project / "run.sh").write_text(
        'source "$(dirname "$0")/environments/resolve.sh"\n'
        'tfg_exec tiny python -c "import tinypackage as t; print(t.ANSWER)"'
    )
    assert run(project).stdout == "42\n"
    (tiny / "requirements.txt").write_text("# changed\n")
    assert json.loads(manage(project, "check", "--json").stdout)[0]["state"] == "outdated"
    assert manage(project, "remove", "tiny").returncode == 0
    assert manage(project, "check", "tiny").returncode == 3


@pytest.mark.parametrize(
    ("arguments", "settings", "sentence"),
    [
        (["create", "nothing"], {}, "There is no environment 'nothing'"),
        (["create", "tiny", "--part", "training"], {}, "has no training part"),
        (["create", "tiny"], {"disk_mb": {"inference": 10**9}}, "MB of disk"),
        (["create", "tiny"], {"python": ">=3.98"}, "needs Python >=3.98"),
        (["create", "tiny", "--python", "/bin/false"], {}, "cannot be run"),
        (["create", "tiny", "--conda"], {}, "conda was not found"),
    ],
)
def test_what_cannot_be_made_is_said_in_one_sentence(project, arguments, settings, sentence):
    facts = {"about": "for tests", "python": ">=3.10", "disk_mb": {"inference": 1}, **settings}
    (project / "environments" / "tiny" / "settings.json").write_text(json.dumps(facts))
    done = manage(project, *arguments, TFG_JOB_DIR="/job", PATH="/usr/bin:/bin")
    assert done.returncode in (1, 2)
    assert sentence in done.stderr
    error = next(line for line in done.stderr.splitlines() if line.startswith("@error "))
    assert json.loads(error.removeprefix("@error "))["zh"]
    assert "Traceback" not in done.stderr


def load_manage():
    """environments/manage.py as a module."""
    import importlib.util

    spec = importlib.util.spec_from_file_location("manage", ENVIRONMENTS / "manage.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["manage"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk_full"),
        ("WARNING: Retrying … NewConnectionError: Temporary failure in name resolution", "no_network"),
        ("error: Failed to fetch: … dns error", "no_network"),
        ("ERROR: No matching distribution found for nothing==1", "install_failed"),
    ],
)
def test_an_installers_last_words_become_one_sentence(text, code):
    assert load_manage().explain_install(text).code == code


def test_a_part_that_needs_another_python_asks_for_everything_again():
    manage = load_manage()
    settings = manage.settings_of("cosyvoice")
    light = manage.digest(manage.requirements_of("cosyvoice", "inference"))
    assert manage.parts_to_install("cosyvoice", "cloning", settings, {"python": "3.10.4", "inference": light}) == [
        "cloning"
    ]
    both = manage.parts_to_install("cosyvoice", "cloning", settings, {"python": "3.12.1", "inference": light})
    assert both == ["inference", "cloning"]
    assert manage.range_of(settings, both) == ">=3.10,<3.14,>=3.10,<3.11"


def test_a_parts_own_packages_are_enough_in_conda(project, tmp_path):
    """An environment with CosyVoice but without the light part's packages serves CosyVoice, and only that."""
    mark(project, {"inference": ["piper"], "cloning": ["torch"]})
    exe = make_conda(tmp_path / "conda", tmp_path / "conda" / "bin" / "conda")
    install_into(tmp_path / "conda" / "envs" / "tiny", "torch")
    assert run(project, CONDA_EXE=str(exe), TFG_ENV_PART="cloning").returncode == 0
    assert "conda's one lacks piper" in run(project, CONDA_EXE=str(exe)).stderr


def test_version_ranges():
    in_range = load_manage().in_range
    assert in_range("3.10.2", ">=3.10,<3.13")
    assert not in_range("3.13.0", ">=3.10,<3.13")
    assert not in_range("3.9.9", ">=3.10")
    assert in_range("3.99.0", "")
    with pytest.raises(ValueError, match="not of the form"):
        in_range("3.10.0", "~=3.10")


@pytest.mark.parametrize(
    "folder", sorted(path.parent for path in ENVIRONMENTS.glob("*/settings.json")), ids=lambda p: p.name
)
def test_every_environment_is_fully_pinned_and_has_both_recipes(folder):
    settings = load_manage().settings_of(folder.name)
    # the resolver, a shell script, reads them from one line
    line = f'"marker_packages": {json.dumps(settings.marker_packages)}'
    assert settings.marker_packages and line in (folder / "settings.json").read_text()
    assert f"name: {folder.name}" in (folder / "environment.yml").read_text()
    for file in folder.glob("requirements*.txt"):
        lines = [line for line in file.read_text().splitlines() if line.strip() and line[0] not in "#-"]
        assert all("==" in line for line in lines), file
