"""An avatar engine that stays loaded: talks as JSON lines on stdin, video as JSON lines on stdout.

-> {"id": "t1", "do": "open", "avatar": "FOLDER", "size": 512, "phase_s": 3.2}     a talk of that name begins
-> {"id": "t1", "do": "speak", "pcm": "…base64, 16-bit, 24 kHz…", "last": true}    last: a pause may follow
-> {"id": "t1", "do": "rest", "frames": 10}                                        a pause, in the avatar's frames
-> {"id": "t1", "do": "end"}                                                       no more follows
-> {"id": "l1", "do": "load", "avatar": "FOLDER", "size": 512}                     so that the first talk need not
-> {"id": "i1", "do": "idle", "avatar": "FOLDER", "size": 512, "file": "idle.mp4"} the idle video, written to a file
-> {"cancel": "t1"}                                                                thrown away at once
<- {"event": "ready"}                                                              once, when it can begin
<- {"id": "t1", "event": "opened", "codecs": "…", "fps": 25, "size": 512}
<- {"id": "t1", "event": "planned", "end_s": 4.2}               after each speak and rest: how long the talk is now
<- {"id": "t1", "event": "media", "data": "…base64…", "start_s": 0, "end_s": 0.32, "took_s": 0.2}
<- {"id": "t1", "event": "done", "seconds": 9.4, "phase_s": 4.6}                   (idle: seconds, fps)
<- {"id": "t1", "event": "error", "code": "…", "en": "…", "zh": "…"}               the talk is over, others go on
<- {"id": "t1", "event": "cancelled"}
Talks run side by side: the one whose video is closest to being needed is drawn next. It ends with stdin, or when
nobody has asked for `idle_s` seconds.
"""

from __future__ import annotations

import base64
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from talking_gaussian import stopping
from talking_gaussian.avatar import Avatar, load_avatar, load_persons_speech
from talking_gaussian.errors import UserError, file_fault
from talking_gaussian.live.loop import IdleLoop, idle_video
from talking_gaussian.live.talk import VOICE_RATE, Talk
from talking_gaussian.motion.speech_motion import SpeechMotion
from talking_gaussian.pipe_server import Answers, Asked
from talking_gaussian.stage import Stage

SIZES = (128, 1024)
MOST_TALKS = 16
MOST_AVATARS = 3
FIRST_FRAMES, FRAMES = 14, 10  # drawn before the next talk has its turn; the first are what a player starts with
MOST_REST_FRAMES = 500


@dataclass
class Loaded:
    """An avatar in memory, set up for one picture size."""

    avatar: Avatar
    speech: SpeechMotion
    stage: Stage
    loop: IdleLoop
    used: float = 0.0


class Worker:
    """What is loaded, and the talks that are going on."""

    def __init__(self, answers: Answers, audio_features: str) -> None:
        self._answers, self._features = answers, audio_features
        self._loaded: dict[tuple[str, int], Loaded] = {}
        self._talks: dict[str, Talk] = {}
        self._ended: set[str] = set()
        self._idles: dict[str, Iterator[dict[str, Any]]] = {}
        self._doing: dict[str, Callable[[str, dict[str, Any]], None]] = {
            "open": self._open,
            "speak": self._speak,
            "rest": self._rest,
            "end": self._end,
            "load": self._load,
            "idle": self._idle,
        }

    @property
    def is_busy(self) -> bool:
        """Whether something waits to be drawn."""
        return bool(self._idles) or any(map(self._has_work, self._talks))

    def take(self, asked: dict[str, Any]) -> None:
        """Carry out one line, whatever comes of it."""
        if "cancel" in asked:
            self._cancel(str(asked["cancel"]))
            return
        name = str(asked.get("id", ""))
        try:
            if asked.get("do") not in self._doing:
                raise _bad_request("do")
            self._doing[asked["do"]](name, asked)
        except (UserError, OSError, KeyError, ValueError, TypeError, MemoryError) as error:
            self._fail(name, error)

    def draw(self) -> None:
        """Draw a bit of the talk whose video is needed first, ending it where all is drawn; else of an idle video."""
        name = min(filter(self._has_work, self._talks), key=self._slack, default="")
        if not name:
            self._draw_idle(next(iter(self._idles)))
            return
        talk = self._talks[name]
        began = time.monotonic()
        try:
            if talk.is_waiting:
                part = talk.draw(FRAMES if talk.drawn_s else FIRST_FRAMES)
                took = round(time.monotonic() - began, 4)
                self._media(name, part.data, start_s=part.start_s, end_s=part.end_s, took_s=took)
            if not talk.is_waiting and name in self._ended:
                self._finish(name)
        except (UserError, OSError, ValueError, MemoryError) as error:
            self._fail(name, error)

    def _has_work(self, name: str) -> bool:
        return self._talks[name].is_waiting or name in self._ended

    def _slack(self, name: str) -> float:
        """Seconds until the talk's viewer has seen all that was drawn (as if watching since it began)."""
        talk = self._talks[name]
        return talk.began + talk.drawn_s

    def _open(self, name: str, asked: dict[str, Any]) -> None:
        if name in self._talks or len(self._talks) >= MOST_TALKS:
            raise _bad_request("id")
        loaded = self._avatar(asked)
        phase = float(asked.get("phase_s", 0.0))
        if not 0 <= phase < 1e6:
            raise _bad_request("phase_s")
        talk = Talk(loaded.avatar, loaded.speech, loaded.stage, loaded.loop, phase, int(asked.get("seed", 0)))
        self._talks[name] = talk
        facts = {"codecs": talk.codecs, "fps": loaded.avatar.fps, "size": loaded.stage.size}
        self._answers.say(id=name, event="opened", **facts)

    def _speak(self, name: str, asked: dict[str, Any]) -> None:
        talk = self._talk(name)
        pcm = np.frombuffer(base64.b64decode(asked["pcm"], validate=True), "<i2")
        talk.speak(pcm.astype(np.float32) / 32768, bool(asked.get("last")))
        self._answers.say(id=name, event="planned", end_s=round(talk.planned_s, 4))

    def _rest(self, name: str, asked: dict[str, Any]) -> None:
        talk = self._talk(name)
        frames = int(asked["frames"])
        if not 0 < frames <= MOST_REST_FRAMES:
            raise _bad_request("frames")
        talk.rest(frames)
        self._answers.say(id=name, event="planned", end_s=round(talk.planned_s, 4))

    def _end(self, name: str, asked: dict[str, Any]) -> None:
        self._talk(name)
        self._ended.add(name)

    def _load(self, name: str, asked: dict[str, Any]) -> None:
        loaded = self._avatar(asked)
        began = time.monotonic()
        talk = Talk(loaded.avatar, loaded.speech, loaded.stage, loaded.loop, 0.0)
        talk.speak(np.zeros(VOICE_RATE // 5, np.float32), last=True)
        while talk.is_waiting:
            talk.draw(FRAMES)
        self._answers.say(id=name, event="done", took_s=round(time.monotonic() - began, 4))

    def _idle(self, name: str, asked: dict[str, Any]) -> None:
        self._idles[name] = _drawn_to_file(self._avatar(asked), Path(str(asked["file"])))

    def _draw_idle(self, name: str) -> None:
        try:
            for facts in self._idles[name]:
                if facts:
                    del self._idles[name]
                    self._answers.say(id=name, event="done", **facts)
                return
        except (UserError, OSError, ValueError, MemoryError) as error:
            self._fail(name, error)

    def _avatar(self, asked: dict[str, Any]) -> Loaded:
        """Loaded before, or now; the one not used for longest makes room."""
        folder, size = Path(str(asked["avatar"])), int(asked["size"])
        if not (SIZES[0] <= size <= SIZES[1] and size % 2 == 0):
            raise _bad_request("size")
        key = (f"{folder.resolve()} {_version(folder)}", size)
        if key not in self._loaded:
            avatar = next((kept.avatar for (where, _), kept in self._loaded.items() if where == key[0]), None)
            avatar = avatar or load_avatar(folder)
            speech = SpeechMotion.load(self._features, load_persons_speech(avatar))
            self._make_room()
            self._loaded[key] = Loaded(avatar, speech, Stage(avatar, size), IdleLoop.of(avatar))
        self._loaded[key].used = time.monotonic()
        return self._loaded[key]

    def _make_room(self) -> None:
        # a talk that goes on keeps what it draws with, only this list forgets it
        while len(self._loaded) >= MOST_AVATARS:
            del self._loaded[min(self._loaded, key=lambda key: self._loaded[key].used)]

    def _talk(self, name: str) -> Talk:
        if name not in self._talks or name in self._ended:
            raise _bad_request("id")
        return self._talks[name]

    def _finish(self, name: str) -> None:
        talk = self._talks[name]
        self._media(name, talk.end().data, start_s=talk.drawn_s, end_s=talk.drawn_s, took_s=0)
        self._answers.say(id=name, event="done", seconds=talk.drawn_s, phase_s=talk.phase_s)
        self._forget(name)

    def _media(self, name: str, data: bytes, **times: float) -> None:
        self._answers.say(id=name, event="media", data=base64.b64encode(data).decode(), **times)

    def _cancel(self, name: str) -> None:
        if name in self._talks or name in self._idles:
            self._forget(name)
            self._answers.say(id=name, event="cancelled")

    def _fail(self, name: str, error: Exception) -> None:
        """Say why a talk is over."""
        fault = error if isinstance(error, UserError) else file_fault(error) if isinstance(error, OSError) else None
        if fault is None:
            traceback.print_exception(error)
            fault = UserError("avatar_failed", f"The picture engine failed: {error}", f"画面引擎出错:{error}")
        self._forget(name)
        self._answers.say(id=name, event="error", code=fault.code, en=fault.en, zh=fault.zh)

    def _forget(self, name: str) -> None:
        self._talks.pop(name, None)
        self._idles.pop(name, None)
        self._ended.discard(name)


def serve(idle_s: float, audio_features: str = "visemes") -> None:
    """Answer until stdin ends or nobody asks for `idle_s` seconds."""
    answers = Answers()
    asked = Asked(sys.stdin.fileno())
    SpeechMotion.load(audio_features)
    worker = Worker(answers, audio_features)
    answers.say(event="ready")
    while True:
        lines = asked.waiting()
        if not lines and not worker.is_busy:
            line = asked.next(idle_s)
            if line is None:
                return
            lines = [line]
        for line in lines:
            stopping.check()
            worker.take(line)
        if asked.has_ended:
            return
        if worker.is_busy:
            stopping.check()
            worker.draw()


def _drawn_to_file(loaded: Loaded, path: Path) -> Iterator[dict[str, Any]]:
    """Draw the idle video, bit by bit; the last item says what it is, those before are empty."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as sink:
            for data in idle_video(loaded.avatar, loaded.stage, loaded.loop):
                sink.write(data)
                yield {}
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    yield {"seconds": loaded.loop.seconds, "fps": loaded.loop.fps}


def _version(folder: Path) -> int:
    """Changes when the avatar is trained or imported again."""
    facts = folder / "avatar.json"
    return facts.stat().st_mtime_ns if facts.is_file() else 0


def _bad_request(named: str) -> UserError:
    return UserError("bad_request", f"The request's fields cannot be used: {named}.", f"请求的字段无效:{named}。")
