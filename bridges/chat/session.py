"""One browser's conversation: what it asks, what it hears, and the messages that its page reads."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import shutil
import time
from collections import deque
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from bridges import paths
from bridges.avatar_worker import Finished
from bridges.chat.ears import Ears
from bridges.chat.memory import Memory
from bridges.chat.record import TurnFile, TurnRecord, joined, write_export
from bridges.chat.settings import ChatSettings
from bridges.chat.turn import Turn
from bridges.chat.warming import Warming
from bridges.errors import RequestError
from bridges.jobs.processes import start_mark

MOST_SESSIONS = 40
LONGEST_QUESTION = 4000
GONE_S = 180.0  # a page that has not asked for messages for so long is closed (hidden pages ask once a minute)
MOST_WAITING_BYTES = 100_000_000

_sessions: dict[str, Session] = {}
_log = logging.getLogger("tfg.chat")


class Session:
    """To be used on the event loop that it was opened on."""

    def __init__(self, settings: ChatSettings) -> None:
        self.token = secrets.token_urlsafe(24)
        self.settings = settings
        self.turns: list[TurnRecord] = []
        self.memory = Memory(settings.memory_tokens)
        self.folder = chats() / str(os.getpid()) / self.token[:16]
        self._outbox: deque[dict[str, Any]] = deque()
        self._waiting_bytes = self._numbered = 0
        self._news = asyncio.Event()
        self._last_asked = time.monotonic()
        self._phase = (0.0, time.monotonic())
        self._turn: Turn | None = None
        self._running: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._warming = Warming(self.post)
        self._ears = Ears(self)
        self.start_task(self._watch())
        self.warmed = self.start_task(self._warming.warm(settings))

    async def next(self, after: int, wait_s: float = 20.0) -> list[dict[str, Any]]:
        """The messages numbered above `after`, at once when there are any, else when there are or `wait_s` is over."""
        self._last_asked = time.monotonic()
        while self._outbox and self._outbox[0]["n"] <= after:
            self._waiting_bytes -= _bytes_of(self._outbox.popleft())
        if not self._outbox:
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), wait_s)
            except asyncio.TimeoutError:
                return []
        self._last_asked = time.monotonic()
        return list(self._outbox)

    def configure(self, settings: ChatSettings) -> None:
        """From the next turn on. Raises RequestError."""
        settings.check()
        self.settings = settings
        self.memory.budget_tokens = settings.memory_tokens
        self._ears.take_back()
        self.start_task(self._warming.warm(settings))

    def say(self, text: str, phase_s: float = 0.0, source: str = "text", began: float | None = None) -> str:
        """Ask; what is still being answered is interrupted. phase_s: where the page's idle video will be when the
        answer is seen. began: when the asking voice ended (time.monotonic). Returns the turn's id. Raises RequestError.
        """
        text = _checked_question(text)
        self.stop()
        record = TurnRecord(f"t{self._numbered}-{secrets.token_hex(3)}", text, source)
        self.turns.append(record)
        self.memory.ask(record.turn, text)
        file = TurnFile(self.folder / f"{record.turn}.mp4") if self.settings.keep_turns else None
        record.video = file.path if file else None
        messages = self.memory.messages(self.settings.system)
        now = time.monotonic()

        def post(kind: str, **fields: Any) -> None:
            self.post(kind, turn=record.turn, **fields)

        self._turn = Turn(record, self.settings, messages, max(0.0, phase_s), began or now, post, file)
        post("turn", user=text, source=source)
        if source == "voice":
            self._turn.mark("speech_end", 0.0)
            self._turn.mark("transcript")
        self._running = self.start_task(self._run(self._turn))
        self._forget_old_videos()
        return record.turn

    def stop(self, heard_s: float | None = None) -> None:
        """End what is being answered or still played. heard_s: how far the page has played it. The rest of the
        answer is forgotten: the memory keeps what was heard."""
        turn, self._turn = self._turn, None
        if turn is None or self._is_over(turn):
            return
        heard = turn.viewer.seconds if heard_s is None else max(0.0, min(heard_s, turn.viewer.seconds + 1.0))
        running = self._running is not None and not self._running.done()
        if turn.record.seconds:
            heard = min(heard, turn.record.seconds)
        turn.record.seconds, turn.record.reason = heard, "stopped"
        self._post_end(turn, turn.phase_s + heard)
        if running and self._running:
            self._running.cancel()
        elif turn.file:
            turn.file.close(heard)

    def played(self, turn: str, seconds: float) -> None:
        """The page shows this moment of a turn now."""
        if self._turn and self._turn.record.turn == turn:
            self._turn.viewer.is_at(max(0.0, seconds))

    def idle_phase(self, phase_s: float) -> None:
        """Where the idle video will be when an answer to what is said now is seen: for questions that are spoken."""
        self._phase = (max(0.0, phase_s), time.monotonic())

    @property
    def expected_phase_s(self) -> float:
        """The page's last word on that, carried on by the clock."""
        phase_s, since = self._phase
        return phase_s + time.monotonic() - since

    def mark(self, turn: str, name: str, milliseconds: float) -> None:
        """The page measured something, counted from the moment it asked (its first frame)."""
        for record in self.turns:
            if record.turn == turn and name == "first_frame":
                record.marks.setdefault(name, round(milliseconds))

    def regenerate(self, phase_s: float = 0.0) -> str:
        """Answer the last question anew. Raises RequestError."""
        if not self.turns:
            raise RequestError("no_turn", "Nothing has been asked yet.", "还没有提问。")
        return self.edit(self.turns[-1].turn, self.turns[-1].user, phase_s)

    def edit(self, turn: str, text: str, phase_s: float = 0.0) -> str:
        """Ask something else in the place of a turn; what followed it is forgotten. Raises RequestError."""
        text = _checked_question(text)
        ids = [record.turn for record in self.turns]
        if turn not in ids:
            raise RequestError("no_turn", "This message is no longer there.", "该消息已不存在。")
        self.stop()
        dropped = self.turns[ids.index(turn) :]
        self.turns = self.turns[: ids.index(turn)]
        self.memory.drop_from(turn)
        self._drop(dropped)
        self.post("dropped", turns=[record.turn for record in dropped])
        return self.say(text, phase_s)

    def clear(self) -> None:
        """Forget everything that was said."""
        self.stop()
        self._drop(self.turns)
        self.turns = []
        self.memory.clear()
        self.post("cleared")

    async def export(self, kind: str, turn: str | None = None) -> Path:
        """The conversation (or a turn) as json, srt, vtt, or mp4 (with subtitles in it). Raises RequestError."""
        records = [record for record in self.turns if turn in (None, record.turn) and record.reason]
        if not records or kind not in ("json", "srt", "vtt", "mp4"):
            raise RequestError("nothing_to_export", "There is nothing to export yet.", "还没有可导出的内容。")
        path = self.folder / f"chat-{turn or 'all'}.{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind != "mp4":
            return write_export(records, kind, path)
        parts = [_part_of(record) for record in records if record.video and record.video.is_file() and record.seconds]
        if not parts:
            raise RequestError("no_video", "No video of this conversation is kept.", "该对话没有保留视频。")
        return await joined(parts, path)

    def microphone(self, mode: str) -> None:
        """off, push (a turn lasts while the button is held) or hands_free. Raises RequestError."""
        self._ears.open(mode)

    def hear(self, pcm: bytes) -> None:
        """16 kHz mono 16-bit samples of the microphone. Raises RequestError."""
        self._ears.hear(pcm)

    def release(self) -> None:
        """Push-to-talk: the button was let go."""
        self._ears.release()

    def post(self, kind: str, **fields: Any) -> None:
        """A message to the page."""
        self._numbered += 1
        message = {"n": self._numbered, "kind": kind, **fields}
        self._waiting_bytes += _bytes_of(message)
        self._outbox.append(message)
        self._news.set()

    @property
    def is_answering(self) -> bool:
        """Whether an answer is being made or still played."""
        return self._turn is not None and not self._is_over(self._turn)

    async def close(self) -> None:
        """End everything of this session, and delete what it kept."""
        _sessions.pop(self.token, None)
        self.stop()
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(shutil.rmtree, self.folder, True)

    def _is_over(self, turn: Turn) -> bool:
        """Whether nothing of it is left to be made or played."""
        record = turn.record
        return record.reason in ("stopped", "failed") or (
            record.reason == "done" and turn.viewer.seconds >= record.seconds - 0.05
        )

    async def _run(self, turn: Turn) -> None:
        record = turn.record
        phase_s = 0.0
        try:
            finished: Finished = await turn.run()
            record.reason, phase_s = "done", finished.phase_s
        except asyncio.CancelledError:
            if record.reason != "stopped":
                raise
        except RequestError as error:
            record.reason = "failed"
            retry = getattr(error, "retry", True)
            turn.post("error", retry=retry, **error.failure.as_json())
        except Exception:  # a defect of ours: the log keeps it, the user gets a sentence
            _log.exception("a turn failed")
            record.reason = "failed"
            en, zh = "Something went wrong in the app; the log has the details.", "应用内部出错,详情见日志。"
            turn.post("error", code="internal", en=en, zh=zh, retry=True)
        finally:
            if turn.file:
                turn.file.close(record.seconds if record.reason == "stopped" else None)
            if record.reason != "stopped":
                record.seconds = record.seconds or (record.said[-1].end_s if record.said else 0.0)
                self._post_end(turn, phase_s)

    def _post_end(self, turn: Turn, phase_s: float) -> None:
        record = turn.record
        spoken = record.spoken(record.seconds)
        self.memory.answered(record.turn, spoken, cut=record.reason == "stopped")
        has_video = record.video is not None and record.seconds > 0
        turn.post(
            "end",
            reason=record.reason,
            spoken=spoken,
            seconds=record.seconds,
            phase_s=phase_s,
            video=str(record.video) if has_video else None,
        )
        turn.post("state", stage="idle")

    def start_task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something that ends with the session."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _watch(self) -> None:
        """Close the session when its page is gone."""
        while time.monotonic() - self._last_asked < GONE_S and self._waiting_bytes < MOST_WAITING_BYTES:
            await asyncio.sleep(1.0)
        await self.close()

    def _forget_old_videos(self) -> None:
        kept = [record for record in self.turns if record.video]
        self._drop(kept[: -max(1, self.settings.keep_turns)] if len(kept) > 1 else [])

    @staticmethod
    def _drop(records: list[TurnRecord]) -> None:
        """Delete the videos of turns."""
        for record in records:
            if record.video:
                record.video.unlink(missing_ok=True)
                record.video = None


def open_session(settings: ChatSettings) -> Session:
    """A new conversation. Raises RequestError."""
    settings.check()
    if len(_sessions) >= MOST_SESSIONS:
        raise RequestError(
            "too_many_chats", "Too many people are chatting; try again later.", "同时聊天的人太多,请稍后再试。"
        )
    if not _sessions:
        clear_left_overs()
    session = Session(settings)
    _sessions[session.token] = session
    return session


def get_session(token: str) -> Session:
    """The conversation of a page. Raises RequestError."""
    if token not in _sessions:
        raise RequestError(
            "no_session", "The conversation has ended; load the page again.", "对话已结束,请重新加载页面。"
        )
    return _sessions[token]


async def close_session(token: str) -> None:
    """End a conversation; one that has ended is passed over."""
    if token in _sessions:
        await _sessions[token].close()


def chats() -> Path:
    """The folder of what running conversations keep."""
    return paths.home() / "runs" / ".chat"


def clear_left_overs() -> None:
    """Delete what conversations of a process that is no more left behind."""
    for folder in chats().iterdir() if chats().is_dir() else ():
        if not (folder.name.isdigit() and start_mark(int(folder.name))):
            shutil.rmtree(folder, ignore_errors=True)


def _part_of(record: TurnRecord) -> dict[str, Any]:
    captions = [
        {"text": said.text, "start_s": said.start_s, "end_s": min(said.end_s, record.seconds)}
        for said in record.said
        if said.start_s < record.seconds
    ]
    return {"file": str(record.video), "captions": captions}


def _checked_question(text: str) -> str:
    text = text.strip()
    if not text:
        raise RequestError("no_text", "Type or say something first.", "请先输入或说点什么。")
    if len(text) > LONGEST_QUESTION:
        raise RequestError(
            "text_too_long",
            f"The message is too long: {len(text)} characters; up to {LONGEST_QUESTION} can be sent.",
            f"消息过长:{len(text)} 个字符,最多 {LONGEST_QUESTION} 个。",
        )
    return text


def _bytes_of(message: dict[str, Any]) -> int:
    return len(message.get("data", "")) + 200
