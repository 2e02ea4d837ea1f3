"""The command line of the bridges.

Exit codes: 0 done; 2 bad input; 3 the engine's environment is missing; 130 cancelled; 1 any other failure.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bridges import cli_chat, cli_voices, cosyvoice, evaluation, library, paths, system, talking_gaussian, training
from bridges.errors import RequestError
from bridges.jobs import job as jobs
from bridges.jobs.failures import BAD_INPUT, ENVIRONMENT_MISSING, without_conda
from bridges.jobs.job import Event, Job
from bridges.jobs.status import Status
from bridges.requests.train import PRESETS

CANCELLED = 130


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    options = build_parser().parse_args(arguments)
    try:
        return options.run(options)
    except RequestError as error:
        print("error:", error.sentence(language()), file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:
        # the reader (head, less) has left: nothing more to say, not even at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def language() -> str:
    """en or zh, by TFG_LANG."""
    return os.environ.get("TFG_LANG", "en")


# --- verbs ------------------------------------------------------------------------------------------------------------


def generate(options: argparse.Namespace) -> int:
    """A talking video; with --out it is copied there when it is done."""
    out = checked_out(options.out)
    names = ("size", "fps", "sh_degree", "device", "audio_features", "seed")
    chosen = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    said = cli_voices.speech_fields(options) if options.text or options.text_file else {}
    if said:
        cosyvoice.prepare(said["engine"])
    return deliver(
        talking_gaussian.generate(options.avatar, options.audio or "", **chosen, **said), "video", out, options
    )


def checked_out(name: str | None) -> Path | None:
    """The file that --out names. Raises RequestError where it cannot be written."""
    out = Path(name).expanduser().absolute() if name else None
    if out and (out.is_dir() or not out.parent.is_dir()):
        raise RequestError("bad_output", f"{name!r} is not a file in an existing folder.", f"{name!r} 不可写。")
    return out


def deliver(job: Job, output: str, out: Path | None, options: argparse.Namespace) -> int:
    """Follow a job and say where its output is, copied to `out` where that is given; returns the exit code."""
    if options.detach:
        print(job.id)
        return 0
    code = follow(job)
    made = job.output(output) if code == 0 else None
    if made and out:
        scratch = out.with_name(f"{out.name}.part")
        shutil.copyfile(made, scratch)
        scratch.replace(out)
    if made:
        print(out or from_here(made))
    return code


def speak(options: argparse.Namespace) -> int:
    """Sound from text."""
    out = checked_out(options.out)
    return deliver(cosyvoice.speak_fields(cli_voices.speech_fields(options)), "speech", out, options)


def voice(options: argparse.Namespace) -> int:
    """The voice library."""
    job = cli_voices.manage(options)
    code = follow(job) if job else 0
    if job and code == 0:
        print(job.status().result)
    return code


def jobs_list(options: argparse.Namespace) -> int:
    """One line a job, newest first."""
    for job in jobs.list_jobs(options.kind, options.limit):
        status = job.status()
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(status.created))
        print(f"{job.id:50} {when}  {status.state:11} {brief(status)}")
    return 0


def jobs_show(options: argparse.Namespace) -> int:
    """Everything about one job."""
    job = jobs.get_job(options.id)
    status = job.status()
    print(f"{job.id}: {status.state}  {brief(status)}")
    print(f"{'folder':15} {from_here(job.folder)}")
    for name, value in job.request().fields().items():
        if value is not None:
            print(f"{name:15} {value}")
    for name, path in status.outputs.items():
        print(f"{name:15} {from_here(job.folder / path)}")
    return 0


def jobs_logs(options: argparse.Namespace) -> int:
    """The log, and with --follow what comes until the end."""
    job = jobs.get_job(options.id)
    if options.follow:
        for event in job.follow():
            print(event.log, end="", flush=True)
        return exit_code(job.status())
    offset = 0
    while True:
        chunk = job.logs(offset)
        print(chunk.text, end="")
        if chunk.offset == offset:
            return 0
        offset = chunk.offset


def jobs_cancel(options: argparse.Namespace) -> int:
    """End a job."""
    job = jobs.get_job(options.id)
    job.cancel(wait_s=10)
    print(f"{job.id}: {job.status().state}")
    return 0


def jobs_again(options: argparse.Namespace) -> int:
    """The same request once more."""
    job = jobs.run_again(options.id)
    print(job.id, flush=True)
    if options.detach:
        return 0
    code = follow(job)
    for path in job.status().outputs.values():
        print(from_here(job.folder / path))
    return code


def jobs_clean(options: argparse.Namespace) -> int:
    """Remove old results."""
    removed = jobs.clean_up(options.max_age_days, options.max_total_gb, options.keep_latest)
    print("\n".join([*removed, f"{len(removed)} removed"]))
    return 0


def avatars(_options: argparse.Namespace) -> int:
    """The avatars, and the folders that cannot be used with the reason."""
    for info in talking_gaussian.list_avatars(with_problems=True):
        facts = f"{info.size} px, {info.fps:g} fps" if info.problem is None else info.problem["en"]
        print(f"{info.id:20} {info.name['en']:30} {facts}")
    return 0


def import_avatar(options: argparse.Namespace) -> int:
    """Install a zipped avatar."""
    job = talking_gaussian.import_avatar(options.archive)
    code = follow(job)
    if code == 0:
        print(job.status().result)
    return code


def evaluate(options: argparse.Namespace) -> int:
    """A generated video against the real one: the table, then the folder with report, curves and pictures."""
    chosen = {name: getattr(options, name) for name in ("metrics", "regions", "start_s")}
    job = evaluation.evaluate(options.output, options.reference, options.also, **chosen)
    code = follow(job)
    table = job.output("table") if code == 0 else None
    if table:
        print(from_here(table.parent))
    return code


def check_video(options: argparse.Namespace) -> int:
    """Whether a video will do for a training: a row a thing that was looked at."""
    report = preflight(options.video)
    if report is None:
        return 1
    print_report(report)
    return BAD_INPUT if report["state"] == "bad" else 0


def preflight(video: str) -> dict[str, Any] | None:
    """Run the check to its end; its report, or None where it did not come to one (the reason has been said)."""
    job = training.preflight(video)
    return training.read_report(job) if follow(job) == 0 else None


def print_report(report: dict[str, Any]) -> None:
    """The rows; what is good is said shortly."""
    lang = "zh" if language().startswith("zh") else "en"
    for row in report["rows"]:
        fix = f"  -> {row['fix'][lang]}" if row["fix"] else ""
        print(f"{row['state']:5} {row['title'][lang]:20} {row['value'][lang]}{fix}")


def train(options: argparse.Namespace) -> int:
    """Check a video, then train an avatar from it."""
    report = preflight(options.video)
    if report is None:
        return 1
    chosen = {name: getattr(options, name) for name in training.REPAIRS if getattr(options, name) is not None}
    repairs = {**(training.offered_repairs(report) if options.repair else {}), **chosen}
    print_report(report)
    consent = training.Consent(options.subject or options.name, options.consent_by, options.consent)
    wish = training.Wish(
        options.name, options.name_zh, consent, options.preset, options.size, options.device, options.licence, repairs
    )
    return followed(training.start(Path(options.video).expanduser(), wish, report), options.detach)


def followed(begun: training.Training, detach: bool) -> int:
    """Show a training's job to its end and print its avatar, or only its id."""
    print(begun.id, flush=True)
    if detach or begun.job is None:
        return 0
    return follow(begun.job)


def trainings(_options: argparse.Namespace) -> int:
    """All trainings, newest first."""
    for each in training.list_trainings():
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(each.created))
        hint = "  -> resume it" if each.resumable else ""
        print(
            f"{each.id:30} {when}  {each.preset:9} {each.state:11} {brief(each.job.status()) if each.job else ''}{hint}"
        )
    return 0


def resume(options: argparse.Namespace) -> int:
    """Go on with a training."""
    return followed(training.resume(options.id, options.device), options.detach)


def export_avatar(options: argparse.Namespace) -> int:
    """An avatar as a zip."""
    folder = Path(options.folder).expanduser().absolute()
    if not folder.is_dir():
        raise RequestError("bad_output", f"{options.folder!r} is no folder.", f"{options.folder!r} 不是文件夹。")
    print(from_here(library.export(options.id, folder)))
    return 0


def environment(options: argparse.Namespace) -> int:
    """Handed to environments/manage.py as it stands."""
    return subprocess.call([sys.executable, str(paths.ENVIRONMENTS / "manage.py"), *options.rest])


def show_system(_options: argparse.Namespace) -> int:
    """What this machine has."""
    lang = "zh" if language().startswith("zh") else "en"
    for row in system.report():
        fix = f"  -> {row.fix[lang]}" if row.fix else ""
        print(f"{row.state:5} {row.title[lang]:32} {row.value[lang]}{fix}")
    return 0


# --- following a job --------------------------------------------------------------------------------------------------


def follow(job: Job) -> int:
    """Show a job until its end; Ctrl-C cancels it. Returns the exit code."""
    try:
        for event in job.follow():
            show(event)
    except KeyboardInterrupt:
        print(f"\ncancelling {job.id} …", file=sys.stderr)
        job.cancel(wait_s=10)
    status = job.status()
    if sys.stderr.isatty():
        print(file=sys.stderr)
    if status.error:
        sentence = status.error.sentence(language())
        print(sentence if status.state == "cancelled" else f"error: {sentence}", file=sys.stderr)
    return exit_code(status)


def show(event: Event) -> None:
    """New log lines (the error is said once, at the end), and on a terminal one line that is written over."""
    lines = without_conda(event.log).splitlines(keepends=True)
    log = "".join(line for line in lines if not line.startswith("error: "))
    if not sys.stderr.isatty():
        print(log, end="", file=sys.stderr, flush=True)
        return
    clear = "\r\x1b[2K"
    print(f"{clear}{log}{brief(event.status)}", end="", file=sys.stderr, flush=True)


def from_here(path: Path) -> str:
    """A path that works where the shell stands."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def brief(status: Status) -> str:
    """A job's standing in a few words."""
    if status.error:
        return status.error.sentence(language())
    if status.waiting_for:
        return f"waiting until the {status.waiting_for} is ready"
    if status.queue_place:
        return f"waiting, place {status.queue_place}"
    if status.state == "done":
        return f"in {status.elapsed_s:.1f} s"
    bar = "█" * round(status.percent / 5)
    left = "" if status.eta_s is None else f", {status.eta_s:.0f} s left in this stage"
    return f"[{bar:20}] {status.percent:3.0f} %  {status.stage or 'start'} {status.elapsed_s:.0f} s{left}"


def exit_code(status: Status) -> int:
    """The engine's own code where it has one of the agreed ones."""
    if status.state == "done":
        return 0
    if status.state == "cancelled":
        return CANCELLED
    return status.exit_code if status.exit_code in (BAD_INPUT, ENVIRONMENT_MISSING) else 1


# --- arguments --------------------------------------------------------------------------------------------------------


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(prog="python -m bridges", description="TFG Studio from a shell.", epilog=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    add_generate(verbs)
    add_jobs(verbs)
    verbs.add_parser("avatars", help="list the avatars").set_defaults(run=avatars)
    bring = verbs.add_parser("import", help="install a zipped avatar")
    bring.add_argument("archive", metavar="ZIP")
    bring.set_defaults(run=import_avatar)
    export = verbs.add_parser("export", help="write an avatar as a zip")
    export.add_argument("id")
    export.add_argument("--folder", default=".", help="where to (default: here)")
    export.set_defaults(run=export_avatar)
    add_training(verbs)
    add_evaluate(verbs)
    env = verbs.add_parser("env", help="create, check or remove environments: env create NAME …", add_help=False)
    env.add_argument("rest", nargs=argparse.REMAINDER)
    env.set_defaults(run=environment)
    cli_voices.add_verbs(verbs, speak, voice)
    cli_chat.add_chat(verbs)
    verbs.add_parser("system", help="what this machine has and lacks").set_defaults(run=show_system)
    return parser


def add_generate(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """generate and its options."""
    new = verbs.add_parser("generate", help="make a talking video")
    new.add_argument("--avatar", required=True, help="an avatar's id (see `avatars`), its folder or a zip")
    new.add_argument("--audio", metavar="FILE", help="the speech, any sound file; or give a text")
    cli_voices.add_speech(new)
    new.add_argument("--out", metavar="MP4", help="copy the video here (it also stays with the job)")
    new.add_argument("--size", type=int, help="pixels of the square picture (default: the avatar's)")
    new.add_argument("--fps", type=int, help="frames a second (default: the avatar's)")
    new.add_argument("--sh_degree", type=int, help="degree of the colours' spherical harmonics, 0 to 3")
    new.add_argument("--device", help="auto, cpu or the number of a GPU (default: auto)")
    new.add_argument("--audio_features", help="visemes or mel (default: the engine's choice)")
    new.add_argument("--seed", type=int, help="repeats blinks and head motion")
    new.add_argument("--detach", action="store_true", help="print the job's id and return at once")
    new.set_defaults(run=generate)


def add_evaluate(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """evaluate and its options."""
    new = verbs.add_parser("evaluate", help="compare a generated video with the real one")
    new.add_argument("output", metavar="OUT", help="the generated video")
    new.add_argument("reference", metavar="GT", help="the real video")
    new.add_argument("--also", metavar="OUT2", help="a second model's video against the same reference")
    new.add_argument("--metrics", default="all", help="names with commas between (default: all that can be measured)")
    new.add_argument("--regions", default="full", help="where pixels are compared: full,face,mouth (default: full)")
    new.add_argument("--start_s", type=float, default=0.0, help="the second of GT that OUT begins with")
    new.set_defaults(run=evaluate)


def add_training(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """check, train, trainings and resume."""
    look = verbs.add_parser("check", help="whether a video will do for a training, in seconds")
    look.add_argument("video", metavar="VIDEO")
    look.set_defaults(run=check_video)
    new = verbs.add_parser("train", help="train an avatar from a video of a person")
    new.add_argument("video", metavar="VIDEO")
    new.add_argument("--name", required=True, help="the avatar's name")
    new.add_argument("--name_zh", default="", help="its name in Chinese (default: the same)")
    new.add_argument("--subject", default="", help="whose likeness it is (default: the name)")
    new.add_argument("--consent_by", required=True, help="who agrees to the use of this likeness")
    new.add_argument("--consent", required=True, help="the statement that was agreed to")
    new.add_argument("--licence", default="", help="what others may do with the avatar")
    new.add_argument("--preset", choices=PRESETS, default="draft")
    new.add_argument("--size", type=int, default=512, help="pixels of the square picture, 256 to 1024")
    new.add_argument("--device", default="auto", help="auto, cpu, the number of a GPU, or all")
    new.add_argument("--repair", action="store_true", help="apply every repair that the check offers")
    for name in training.REPAIRS:
        new.add_argument(f"--{name}", type=float, help="as the check offers")
    new.set_defaults(run=train)
    verbs.add_parser("trainings", help="list the trainings").set_defaults(run=trainings)
    more = verbs.add_parser("resume", help="go on with a training where it stopped")
    more.add_argument("id")
    more.add_argument("--device", help="auto, cpu, the number of a GPU, or all (default: as it began)")
    more.set_defaults(run=resume)
    for parser in (new, more):
        parser.add_argument("--detach", action="store_true", help="print the training's id and return at once")


def add_jobs(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """jobs and its verbs."""
    group = verbs.add_parser("jobs", help="list, show, follow, cancel, repeat and clean up jobs")
    actions = group.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="the jobs, newest first")
    listing.add_argument("--kind", help="only these, e.g. generate")
    listing.add_argument("--limit", type=int, default=50)
    listing.set_defaults(run=jobs_list)
    clean = actions.add_parser("clean", help="remove the oldest ended jobs")
    clean.add_argument("--max_age_days", type=float, help="default: TFG_KEEP_DAYS or 30")
    clean.add_argument("--max_total_gb", type=float, help="default: TFG_KEEP_GB or 20")
    clean.add_argument("--keep_latest", type=int, default=5)
    clean.set_defaults(run=jobs_clean)
    for name, run, about in (
        ("show", jobs_show, "everything about one job"),
        ("logs", jobs_logs, "its log"),
        ("cancel", jobs_cancel, "end it"),
        ("again", jobs_again, "the same request once more"),
    ):
        action = actions.add_parser(name, help=about)
        action.add_argument("id")
        action.set_defaults(run=run)
        if name == "logs":
            action.add_argument("--follow", action="store_true", help="until its end")
        if name == "again":
            action.add_argument("--detach", action="store_true", help="return at once")
