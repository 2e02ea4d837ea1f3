"""The avatar engine that stays loaded, through its script."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable
from pathlib import Path

import av
import numpy as np
import pytest

from bridges import paths
from bridges.avatar_worker import AvatarWorker, Finished, Media, Planned, Talk
from bridges.errors import RequestError

pytestmark = pytest.mark.slow
AVATAR = paths.BUNDLED_AVATARS / "presenter"
RATE = 24_000


def tone(seconds: float) -> bytes:
    """A voice-like buzz, 24 kHz 16-bit."""
    time = np.arange(round(seconds * RATE)) / RATE
    return (8000 * np.sign(np.sin(2 * np.pi * 140 * time)) * (0.6 + 0.4 * np.sin(20 * time))).astype("<i2").tobytes()


def sample() -> bytes:
    """Three seconds of speech, 24 kHz 16-bit."""
    with av.open(str(paths.PROJECT / "TalkingGaussian" / "samples" / "en.wav")) as file:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        sound = [out.to_ndarray()[0] for frame in file.decode(audio=0) for out in resampler.resample(frame)]
    return np.concatenate(sound)[: 3 * RATE].astype("<i2").tobytes()


async def rest_of(talk: Talk) -> tuple[bytes, list[Media], Finished]:
    """All that comes of a talk: its stream, the pieces, its end."""
    media: list[Media] = []
    async for event in talk.events():
        if isinstance(event, Media):
            media.append(event)
        elif isinstance(event, Finished):
            return b"".join(piece.data for piece in media), media, event
    raise AssertionError("the talk did not end")


@pytest.fixture
def with_worker(engine_home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Runs a scenario with a worker of its own."""
    monkeypatch.setenv("TFG_HOME", str(engine_home))

    def run(scenario: Callable[[AvatarWorker], Awaitable[None]], **options: float) -> None:
        async def whole() -> None:
            worker = AvatarWorker(**options)
            try:
                await scenario(worker)
            finally:
                await worker.close()

        asyncio.run(whole())

    return run


def test_sound_in_bits_gives_one_stream_without_holes_or_drift(with_worker: Callable[..., None]) -> None:
    async def scenario(worker: AvatarWorker) -> None:
        talk = await worker.talk(AVATAR, 128, 1.5)
        sound = tone(2.33)
        for at in range(0, len(sound), 20_000):
            await talk.speak(sound[at : at + 20_000], last=at + 20_000 >= len(sound))
        await talk.rest(5)
        await talk.speak(tone(0.5), last=True)
        await talk.end()
        stream, media, end = await rest_of(talk)
        assert end.seconds == pytest.approx(2.36 + 0.2 + 0.52)
        assert end.phase_s == pytest.approx(1.5 + end.seconds)
        assert media[0].start_s == 0 and media[-1].end_s == pytest.approx(end.seconds)
        with av.open(io.BytesIO(stream)) as file:
            times = [float(frame.time or 0) for frame in file.decode(video=0)]
        with av.open(io.BytesIO(stream)) as file:
            heard = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])
        assert len(times) == 77
        loud = np.abs(heard) > 0.05
        # the encoder's own first block is silence, and the pictures stand as late
        assert np.argmax(loud) / 48_000 - (times[1] - 0.04) == pytest.approx(0, abs=0.003)
        pause = slice(round(2.42 * 48_000), round(2.55 * 48_000))
        assert not loud[pause].any() and loud[round(2.6 * 48_000) :].any()

    with_worker(scenario)


def test_the_mouth_moves_with_the_sound_and_rests_without(with_worker: Callable[..., None]) -> None:
    async def scenario(worker: AvatarWorker) -> None:
        speaking = await pictures_of(await worker.talk(AVATAR, 128, 0.0), sample())
        resting = await pictures_of(await worker.talk(AVATAR, 128, 0.0), b"")
        differences = [np.abs(one - other)[70:100, 44:84].mean() for one, other in zip(speaking, resting, strict=True)]
        assert max(differences[:12]) < 0.5  # the same head at the same moment, before a word was said
        assert np.mean(differences[20:80]) > 0.7

    with_worker(scenario)


async def pictures_of(talk: Talk, speech: bytes) -> list[np.ndarray]:
    """A talk of 15 frames at rest and then three seconds of speech, or of rest."""
    await talk.rest(15)
    await (talk.speak(speech, last=True) if speech else talk.rest(75))
    await talk.end()
    stream, *_ = await rest_of(talk)
    with av.open(io.BytesIO(stream)) as file:
        return [frame.to_ndarray(format="gray").astype(np.float32) for frame in file.decode(video=0)]


def test_talks_run_side_by_side_and_one_that_is_taken_back_disturbs_nobody(with_worker: Callable[..., None]) -> None:
    async def scenario(worker: AvatarWorker) -> None:
        first, second, third = [await worker.talk(AVATAR, 128, 0.0) for _ in range(3)]
        for talk in (first, second, third):
            await talk.speak(tone(3), last=True)
            await talk.end()
        await third.close()
        results = await asyncio.gather(rest_of(first), rest_of(second))
        assert [end.seconds for *_, end in results] == [3.0, 3.0]
        assert all(len(media) > 3 for _, media, _ in results)

    with_worker(scenario)


def test_an_idle_video_is_drawn_while_a_talk_goes_first(with_worker: Callable[..., None], tmp_path: Path) -> None:
    async def scenario(worker: AvatarWorker) -> None:
        drawing = asyncio.create_task(worker.idle_video(AVATAR, 128, tmp_path / "idle.mp4"))
        await asyncio.sleep(0)
        talk = await worker.talk(AVATAR, 128, 0.0)
        await talk.speak(tone(1), last=True)
        await talk.end()
        await rest_of(talk)
        assert not drawing.done()
        facts = await drawing
        with av.open(str(tmp_path / "idle.mp4")) as file:
            pictures = [frame.to_ndarray(format="gray").astype(int) for frame in file.decode(video=0)]
        assert len(pictures) == facts["seconds"] * facts["fps"]
        assert np.abs(pictures[0] - pictures[-1]).mean() < 3  # it can start again

    with_worker(scenario)


def test_what_cannot_be_used_is_refused_with_a_sentence(with_worker: Callable[..., None], tmp_path: Path) -> None:
    async def scenario(worker: AvatarWorker) -> None:
        for avatar, size in ((tmp_path / "none", 128), (AVATAR, 127), (AVATAR, 5000)):
            with pytest.raises(RequestError) as refused:
                await worker.talk(avatar, size, 0.0)
            assert refused.value.failure.zh
        talk = await worker.talk(AVATAR, 128, 0.0)
        await talk.rest(10**6)
        with pytest.raises(RequestError):
            await rest_of(talk)
        assert worker.pid

    with_worker(scenario)


def test_an_idle_worker_ends_and_is_started_again(with_worker: Callable[..., None]) -> None:
    async def scenario(worker: AvatarWorker) -> None:
        await worker.start()
        first = worker.pid
        while worker.pid:
            await asyncio.sleep(0.05)
        talk = await worker.talk(AVATAR, 128, 0.0)
        await talk.speak(tone(0.2), last=True)
        planned = await anext(talk.events())
        assert isinstance(planned, Planned) and worker.pid != first

    with_worker(scenario, idle_s=0.5)
