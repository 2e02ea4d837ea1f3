"""The command line's `chat`: one turn without a browser, with where its time went."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_chat(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The options."""
    chat = verbs.add_parser("chat", help="ask something: the answer as a talking video, and where the time went")
    chat.set_defaults(run=chat_once)
    chat.add_argument("text", nargs="*", help="what is asked; none: each line of stdin is a turn")
    chat.add_argument("--audio", type=Path, metavar="WAV", help="a spoken question (16-bit WAV) instead of text")
    chat.add_argument("--avatar", default="presenter", help="an avatar's id")
    chat.add_argument("--voice", default="woman", help="man, woman, or an id of `voices list`")
    chat.add_argument("--size", type=int, help="side of the picture (default: what this machine draws)")
    chat.add_argument("--provider", default="embedded", help="who writes the answers: embedded, zhipuai or openai")
    chat.add_argument("--model", default="", help="the model's name")
    chat.add_argument("--base_url", default="", help="of an OpenAI-compatible server")
    chat.add_argument("--persona", default="", help="who answers (default: the first of the page's list)")
    chat.add_argument("--language", choices=("en", "zh"), default="en", help="of the persona")
    chat.add_argument("--out", type=Path, default=Path("chat.mp4"), help="the video to write (subtitles beside it)")


def chat_once(options: argparse.Namespace) -> int:
    """One turn, or one a line of stdin."""
    from bridges.chat import terminal  # its clients take a while to import

    return terminal.run(options)
