"""The engine's command line: make a talking video of a trained avatar, talk live, or install an avatar.

python test_talkinggaussian.py infer --avatar DIR --audio_file WAV --output_file MP4
python test_talkinggaussian.py serve
python test_talkinggaussian.py import_avatar --avatar ZIP
python test_talkinggaussian.py install --avatar DIR

Exit codes: 0 done, 2 bad input (one sentence on stderr), anything else a crash.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from talking_gaussian import command, devices, stopping
from talking_gaussian.errors import UserError

PREVIEW_SPEECH = Path(__file__).parent / "samples" / "en.wav"
FLAGS = ("--help", "--profile")  # options without a value
HOME = Path(os.environ.get("TFG_HOME") or Path(__file__).resolve().parents[1])


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UserError("bad_arguments", f"{message}. See --help.", f"参数有误:{message}。请参阅 --help。")


def build_parser() -> argparse.ArgumentParser:
    """The options of both commands."""
    parser = _Parser(prog="run_talkinggaussian.sh", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    infer = commands.add_parser("infer", help="sound + avatar -> video")
    infer.add_argument("--avatar", type=Path, required=True, help="avatar folder, or a zip of one")
    infer.add_argument("--audio_file", type=Path, required=True, help="speech: any sound file, or a video with sound")
    infer.add_argument("--output_file", type=Path, required=True, help="the .mp4 to write")
    infer.add_argument("--sh_degree", type=int, help="highest degree of colour harmonics to use")
    infer.add_argument("--fps", type=float, help="frames a second (default: the avatar's)")
    infer.add_argument("--size", type=int, help="side of the picture in pixels (default: the avatar's)")
    infer.add_argument("--gpu", help="auto (the default), cpu, or a GPU's number as nvidia-smi counts")
    infer.add_argument("--profile", action="store_true", help="print at the end where the time went")
    infer.add_argument("--audio_features", choices=("visemes", "mel"), default="visemes", help="how sound is heard")
    infer.add_argument("--seed", type=int, default=0, help="of blinks and glances: same seed, same video")
    bring = commands.add_parser("import_avatar", help="check a zipped avatar and install it")
    bring.add_argument("--avatar", type=Path, required=True, help="the zip")
    stay = commands.add_parser("serve", help="stay loaded and talk live: JSON lines on stdin and stdout")
    stay.add_argument("--audio_features", choices=("visemes", "mel"), default="visemes", help="how sound is heard")
    stay.add_argument("--idle_s", type=float, default=600.0, help="end after so many seconds without a request")
    one = commands.add_parser("join", help="several talks -> one MP4 with subtitles")
    one.add_argument(
        "--parts", type=Path, required=True, help='JSON: [{"file", "captions": [{"text", "start_s", "end_s"}]}]'
    )
    one.add_argument("--output_file", type=Path, required=True, help="the .mp4 to write")
    keep = commands.add_parser("install", help="put a trained avatar's folder among the user's avatars")
    keep.add_argument("--avatar", type=Path, required=True, help="the folder that training wrote")
    return parser


def infer(options: argparse.Namespace) -> None:
    """Make a video."""
    from talking_gaussian.inference import GenerateSettings, generate

    device = devices.choose(options.gpu)
    generate(
        GenerateSettings(
            avatar=options.avatar,
            audio_file=options.audio_file,
            output_file=options.output_file,
            size=options.size,
            fps=options.fps,
            sh_degree=options.sh_degree,
            audio_features=options.audio_features,
            seed=options.seed,
            device=device,
            profile=options.profile,
        )
    )


def serve(options: argparse.Namespace) -> None:
    """Talk live."""
    from talking_gaussian.live.worker import serve as stay

    stay(options.idle_s, options.audio_features)


def join(options: argparse.Namespace) -> None:
    """Make one video of several."""
    from talking_gaussian.video import join as joining

    joining.join(joining.read_parts(options.parts), options.output_file)


def install(options: argparse.Namespace) -> None:
    """Put a trained avatar's folder among the user's avatars (in the place of an older one of the same training),
    with a preview, and print its name."""
    from talking_gaussian.avatar import install_avatar
    from talking_gaussian.inference import GenerateSettings, generate

    preview = options.avatar / "preview.mp4"
    if not preview.is_file():
        generate(GenerateSettings(avatar=options.avatar, audio_file=PREVIEW_SPEECH, output_file=preview))
    print(install_avatar(options.avatar, HOME / "avatars").name)


def import_avatar(options: argparse.Namespace) -> None:
    """Install an avatar and print its folder's name."""
    from talking_gaussian.avatar import import_avatar as install

    print(install(options.avatar, HOME / "avatars").name)


COMMANDS: dict[str, Callable[[argparse.Namespace], None]] = {
    "infer": infer,
    "serve": serve,
    "join": join,
    "import_avatar": import_avatar,
    "install": install,
}


def joined(arguments: Sequence[str]) -> list[str]:
    """`--audio_file -x.wav` -> `--audio_file=-x.wav`, so that a name may begin with a dash."""
    result: list[str] = []
    for argument in arguments:
        if result and result[-1].startswith("--") and "=" not in result[-1] and result[-1] not in FLAGS:
            result[-1] += f"={argument}"
        else:
            result.append(argument)
    return result


def main(arguments: Sequence[str]) -> int:
    """Run a command; a fault of the input becomes one sentence and exit code 2."""

    def work() -> None:
        options = build_parser().parse_args(joined(arguments))
        COMMANDS[options.command](options)

    return command.run(work)


if __name__ == "__main__":
    stopping.listen()  # a cancelled run cleans up after itself as a finished one does
    sys.exit(main(sys.argv[1:]))
