"""The stage of a conversation: avatar, transcript, composer. Its scripts reach the session through server functions.

A server function gets one list, the session's token first; it answers a dict, {"error": …} where it was refused. All of
them are coroutines, so that a page that waits for news holds no thread.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import gradio as gr

from bridges.chat.session import Session, get_session
from bridges.errors import RequestError
from tabs.words import TEXTS, table

log = logging.getLogger("tfg")
HERE = Path(__file__).parent
SCRIPTS = ("chat_mic.js", "chat_player.js", "chat_transcript.js", "chat_wire.js", "chat_view.js")
MAX_WAIT_S = 25.0
MAX_SOUND = 200_000  # letters of one packet from a microphone, about 4.5 s
PIECE_BYTES = 1_500_000
LOOK_S, WORDS_LOOKS = 0.02, 8
TYPES = {".json": "application/json", ".srt": "application/x-subrip", ".vtt": "text/vtt", ".mp4": "video/mp4"}
EXPORTED: dict[str, Path] = {}  # token -> the file that its page is fetching
TEMPLATE = """
<div class="tfg-chat" data-stage="idle" data-busy="">
  <div class="tfg-chat-left">
    <div class="tfg-chat-picture">
      <video class="tfg-chat-idle" muted loop playsinline disablepictureinpicture aria-hidden="true"></video>
      <video class="tfg-chat-talk" playsinline disablepictureinpicture></video>
      <div class="tfg-chat-ring" aria-hidden="true"></div>
      <p class="tfg-chat-caption" hidden></p>
      <button type="button" class="tfg-chat-unmute" hidden></button>
      <p class="tfg-chat-state" role="status"></p>
    </div>
    <p class="tfg-chat-note" role="status" hidden></p>
  </div>
  <div class="tfg-chat-right">
    <div class="tfg-chat-top">
      <details class="tfg-chat-menu"><summary></summary><div><button type="button" data-kind="mp4"></button><button
        type="button" data-kind="srt"></button><button type="button" data-kind="vtt"></button><button type="button"
        data-kind="json"></button></div></details>
      <button type="button" class="tfg-chat-clear"></button>
    </div>
    <p class="tfg-chat-empty"></p>
    <ol class="tfg-chat-log" role="log" tabindex="0"></ol>
    <form class="tfg-chat-composer">
      <textarea class="tfg-chat-text" rows="2" maxlength="4000"></textarea>
      <div class="tfg-chat-row">
        <button type="button" class="tfg-chat-hold"></button>
        <button type="button" class="tfg-chat-hands" aria-pressed="false"></button>
        <span class="tfg-chat-level" aria-hidden="true"><i></i></span>
        <button type="button" class="tfg-chat-stop" hidden></button>
        <button type="submit" class="tfg-chat-send"></button>
      </div>
    </form>
  </div>
</div>
"""
WORDS = [key for key in TEXTS if key.startswith("chat_")]
Answer = dict[str, Any]


def chat_view(elem_id: str) -> gr.HTML:
    """A stage whose value is a session's token (or ""); it triggers `submit` when that session is gone."""
    script = "\n".join((HERE / name).read_text(encoding="utf-8") for name in SCRIPTS)
    return gr.HTML(
        value="",
        html_template=TEMPLATE,
        css_template=(HERE / "chat_view.css").read_text(encoding="utf-8"),
        js_on_load=script.replace("/*WORDS*/", json.dumps(table(WORDS), ensure_ascii=False)),
        server_functions=[*CALLS],
        elem_id=elem_id,
    )


def answering(call: Callable[..., Awaitable[Answer | None]]) -> Callable[[list[Any]], Awaitable[Answer]]:
    """Make `call(session, *arguments)` a server function: finds the session, turns refusals into {"error": …}."""

    async def answered(arguments: list[Any]) -> Answer:
        try:
            token, *given = arguments
            return await call(get_session(str(token)), *given) or {}
        except RequestError as error:
            return {"error": told(error)}
        except (TypeError, ValueError, LookupError, OSError) as error:  # what no page of ours sends
            log.warning("%s refused: %s", call.__name__, error)
            return {"error": {"code": "bad_call", "en": TEXTS["unexpected"][0], "zh": TEXTS["unexpected"][1]}}

    # no functools.wraps: Gradio would call by the signature of what is wrapped
    answered.__name__, answered.__doc__ = call.__name__, call.__doc__
    return answered


def told(error: RequestError) -> Answer:
    """A refusal as the page shows it."""
    return {
        "code": error.code,
        "en": error.sentence("en"),
        "zh": error.sentence("zh"),
        "retry": bool(getattr(error, "retry", False)),
    }


@answering
async def chat_next(session: Session, after: int, wait_s: float) -> Answer:
    """The messages behind number `after`; waits up to `wait_s` for the first. Single words wait a little for more: a
    model that streams must not cost a request a word."""
    messages = await session.next(int(after), min(float(wait_s), MAX_WAIT_S))
    for _ in range(WORDS_LOOKS):
        if any(message["kind"] != "words" for message in messages) or not messages:
            break
        await asyncio.sleep(LOOK_S)
        messages = await session.next(int(after), 0)
    return {"messages": messages}


@answering
async def chat_say(session: Session, text: str, phase_s: float) -> Answer:
    """A typed turn. phase_s: where the page's idle loop stands."""
    return {"turn": session.say(str(text), phase_s=float(phase_s))}


@answering
async def chat_stop(session: Session, heard_s: float | None) -> None:
    """End the answer. heard_s: seconds of it that were heard, None where it had not begun."""
    session.stop(heard_s=None if heard_s is None else float(heard_s))


@answering
async def chat_played(session: Session, turn: str, seconds: float) -> None:
    """How far the page has played a turn."""
    session.played(turn, float(seconds))


@answering
async def chat_mark(session: Session, turn: str, name: str, ms: float) -> None:
    """A time that only the page can take."""
    if name == "first_frame":
        session.mark(turn, name, float(ms))


@answering
async def chat_microphone(session: Session, mode: str) -> None:
    """off, push or hands_free."""
    session.microphone(str(mode))


@answering
async def chat_hear(session: Session, sound: str) -> None:
    """Sound of the microphone: base64 of 16 kHz mono 16 bit."""
    if len(sound) > MAX_SOUND:
        raise ValueError("too much sound at once")
    session.hear(base64.b64decode(sound, validate=True))


@answering
async def chat_release(session: Session) -> None:
    """The push-to-talk button was let go."""
    session.release()


@answering
async def chat_regenerate(session: Session, phase_s: float) -> Answer:
    """Answer the last question anew."""
    return {"turn": session.regenerate(float(phase_s))}


@answering
async def chat_edit(session: Session, turn: str, text: str, phase_s: float) -> Answer:
    """Ask something else instead of an earlier question; what came after is forgotten."""
    return {"turn": session.edit(turn, str(text), float(phase_s))}


@answering
async def chat_clear(session: Session) -> None:
    """Forget the conversation."""
    session.clear()


@answering
async def chat_export(session: Session, kind: str, turn: str | None) -> Answer:
    """Write the conversation, or one turn of it, to a file that `chat_piece` then reads."""
    file = await session.export(str(kind), turn=turn)
    for token in [token for token, path in EXPORTED.items() if not path.exists()]:
        del EXPORTED[token]
    EXPORTED[session.token] = file
    return {"name": file.name, "bytes": file.stat().st_size, "type": TYPES[file.suffix]}


@answering
async def chat_piece(session: Session, offset: int) -> Answer:
    """A piece of the exported file, so that no folder of conversations is served to anybody."""
    piece = await asyncio.to_thread(read_piece, EXPORTED[session.token], int(offset))
    return {"data": base64.b64encode(piece).decode()}


def read_piece(file: Path, offset: int) -> bytes:
    """At most PIECE_BYTES of a file."""
    with file.open("rb") as source:
        source.seek(offset)
        return source.read(PIECE_BYTES)


CALLS = (
    *(chat_next, chat_say, chat_stop, chat_played, chat_mark, chat_microphone, chat_hear, chat_release),
    *(chat_regenerate, chat_edit, chat_clear, chat_export, chat_piece),
)
