"""The voice library: adding through the real engine, listing, exporting, importing; hostile zips and folders."""

from __future__ import annotations

import json
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest
from sounds import write_speechlike, write_wav

from bridges import cli, cosyvoice, voices
from bridges.errors import RequestError

CONSENT = {"statement": "This is my own voice.", "by": "Robin"}
FACTS = {"format_version": 1, "name": "Robin", "transcript": "hello there", "language": "en", "consent": CONSENT}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TFG_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def zipped(path: Path, *entries: tuple[str, bytes]) -> Path:
    """A zip of these entries."""
    with zipfile.ZipFile(path, "w") as bundle:
        for name, data in entries:
            bundle.writestr(name, data)
    return path


def good_entries(tmp_path: Path, facts: dict | None = None, seconds: float = 4) -> tuple[tuple[str, bytes], ...]:
    """voice.json and prompt.wav."""
    prompt = write_speechlike(tmp_path / "p.wav", seconds)
    return ("voice.json", json.dumps(facts or FACTS).encode()), ("prompt.wav", prompt.read_bytes())


def test_a_voice_goes_out_as_a_zip_and_comes_back(home: Path, tmp_path: Path) -> None:
    first = voices.import_voice(zipped(tmp_path / "v.zip", *good_entries(tmp_path)))
    assert (first.id, first.name, first.transcript, first.consent["by"]) == ("robin", "Robin", "hello there", "Robin")
    second = voices.import_voice(voices.export_voice("robin", tmp_path))
    assert second.id == "robin-2"
    assert [info.id for info in voices.list_voices()] == ["robin", "robin-2"]
    assert voices.spoken_by("robin")["prompt"] == str(home / "voices" / "robin" / "prompt.wav")
    voices.rename_voice("robin-2", "知更鸟", "你好")
    assert voices.get_voice("robin-2").name == "知更鸟"
    voices.delete_voice("robin-2")
    assert [info.id for info in voices.list_voices()] == ["robin"]


def test_a_name_of_any_script_makes_a_plain_folder(home: Path, tmp_path: Path) -> None:
    for name, wanted in (("../../etc", "etc"), ("知更鸟 1", "知更鸟-1"), ("…", "voice"), ("woman", "woman-2")):
        info = voices.import_voice(zipped(tmp_path / "v.zip", *good_entries(tmp_path, {**FACTS, "name": name})))
        assert info.id == wanted
        assert (home / "voices" / wanted / "voice.json").is_file()


@pytest.mark.parametrize(
    "facts",
    [
        {**FACTS, "consent": {"statement": "", "by": "x"}},
        {**FACTS, "consent": None},
        {**FACTS, "format_version": 2},
        {**FACTS, "name": ""},
        {**FACTS, "name": "a\nb"},
        {**FACTS, "language": "tlh"},
        {**FACTS, "transcript": 7},
        {**FACTS, "transcript": "x" * 3000},
    ],
)
def test_facts_that_cannot_be_used_are_refused(home: Path, tmp_path: Path, facts: dict) -> None:
    with pytest.raises(RequestError) as refused:
        voices.import_voice(zipped(tmp_path / "v.zip", *good_entries(tmp_path, facts)))
    assert refused.value.sentence("zh") != refused.value.sentence("en")
    assert not list((home / "voices").glob("*")) if (home / "voices").exists() else True


def test_hostile_zips_are_refused(home: Path, tmp_path: Path) -> None:
    facts, prompt = good_entries(tmp_path)
    link = zipfile.ZipInfo("prompt.wav")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as bundle:
        bundle.writestr(*facts)
        bundle.writestr(link, "/etc/passwd")
    rubbish = tmp_path / "rubbish.zip"
    rubbish.write_bytes(b"PK\x03\x04 no zip")
    archives = [
        zipped(tmp_path / "a.zip", facts, prompt, ("../evil.txt", b"x")),
        zipped(tmp_path / "b.zip", ("../voice.json", facts[1]), ("../prompt.wav", prompt[1])),
        zipped(tmp_path / "c.zip", facts),
        zipped(tmp_path / "d.zip", facts, ("prompt.wav", b"RIFF no sound")),
        zipped(tmp_path / "e.zip", facts, ("prompt.wav", prompt[1][:2000])),
        zipped(tmp_path / "f.zip", ("voice.json", b"[" * 50_000), prompt),
        zipped(tmp_path / "g.zip", ("voice.json", b" " * 200_000), prompt),
        zipped(tmp_path / "h.zip", *good_entries(tmp_path, seconds=1)),
        zipped(tmp_path / "i.zip", *good_entries(tmp_path, seconds=40)),
        zipped(tmp_path / "j.zip", ("x/voice.json", facts[1]), ("y/prompt.wav", prompt[1])),
        tmp_path / "link.zip",
        rubbish,
        tmp_path / "none.zip",
    ]
    for archive in archives:
        with pytest.raises(RequestError):
            voices.import_voice(archive)
    assert not (home / "voices").exists() or not list((home / "voices").iterdir())
    assert not (tmp_path / "evil.txt").exists()


def test_a_stereo_prompt_is_refused_and_a_broken_folder_listed_with_its_reason(home: Path, tmp_path: Path) -> None:
    voices.import_voice(zipped(tmp_path / "v.zip", *good_entries(tmp_path)))
    (home / "voices" / "robin" / "prompt.wav").write_bytes(b"")
    assert voices.list_voices() == []
    assert "prompt.wav" in voices.list_voices(with_problems=True)[0].problem["en"]
    with pytest.raises(RequestError):
        voices.spoken_by("robin")
    for name in ("nobody", "../robin", ""):
        with pytest.raises(RequestError):
            voices.get_voice(name)


def test_an_added_voice_needs_consent_and_a_name(home: Path, tmp_path: Path) -> None:
    recording = write_speechlike(tmp_path / "r.wav", 4)
    for facts in ({"consent": "", "consent_by": "x"}, {"consent": "mine", "consent_by": " "}):
        with pytest.raises(RequestError) as refused:
            voices.add_voice(recording, "Robin", **facts)
        assert refused.value.code == "no_consent"
    with pytest.raises(RequestError):
        voices.add_voice(recording, " ", consent="mine", consent_by="Robin")
    assert not (home / "runs").exists()


# --- with the engine --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_recording_becomes_a_voice_that_speaks(voice_home: Path, tmp_path: Path) -> None:
    loud = np.concatenate([np.zeros(16_000), np.fromfile(write_speechlike(tmp_path / "s.wav", 5), "<i2")[44:] / 32768])
    recording = write_wav(tmp_path / "my 'recording'.wav", loud * 3)
    job = voices.add_voice(recording, "Robin", transcript="hi", consent="my own", consent_by="Robin")
    status = job.wait(60)
    assert status.state == "done", status.error
    info = voices.get_voice(status.result)
    assert 3 < info.seconds < 5.2  # the silence before it is gone
    spoken = cosyvoice.speak("Hello, it is 25 degrees.", info.id, engine="embedded", speed=1.2)
    status = spoken.wait(60)
    assert status.state == "done", status.error
    assert cosyvoice.spoken_result(spoken)["engine"] == "embedded"
    again = spoken.request()
    assert (again.text, again.voice) == ("Hello, it is 25 degrees.", "Robin")
    assert Path(again.prompt).is_relative_to(spoken.folder)


@pytest.mark.slow
def test_a_recording_without_a_voice_ends_in_one_sentence(voice_home: Path, tmp_path: Path) -> None:
    noise = write_wav(tmp_path / "noise.wav", np.random.default_rng(1).normal(0, 0.1, 80_000))
    job = voices.add_voice(noise, "Noise", consent="my own", consent_by="Robin")
    status = job.wait(60)
    assert (status.state, status.error.code) == ("failed", "prompt_no_voice")
    assert not (voice_home / "voices" / "noise").exists()


@pytest.mark.slow
def test_the_shell_adds_speaks_lists_and_exports(
    voice_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    recording = str(write_speechlike(tmp_path / "me.wav", 4))
    assert cli.main(["voices", "add", recording]) == 2
    assert cli.main(["voices", "add", recording, "--consent_by", "Robin"]) == 0
    assert cli.main(["voices", "list"]) == 0
    assert "me  " in capsys.readouterr().out
    (tmp_path / "t.txt").write_text("第一行。\n第二行。", encoding="utf-8")
    assert cli.main(["speak", "--text_file", "t.txt", "--voice", "me", "--engine", "embedded", "--out", "o.wav"]) == 0
    assert (tmp_path / "o.wav").stat().st_size > 50_000
    assert cli.main(["voices", "export", "me"]) == 0
    assert cli.main(["voices", "delete", "me"]) == 0
    assert cli.main(["voices", "import", "me.zip"]) == 0
    assert cli.main(["speak", "--text", "hi", "--voice", "nobody"]) == 2


@pytest.mark.slow
def test_an_english_recording_is_written_down(voice_home: Path, test_data: Path) -> None:
    job = voices.transcribe(test_data / "speech" / "en_9s.wav")
    assert job.wait(60).state == "done"
    assert "sorrow" in voices.transcript_of(job)
    refused = voices.transcribe(test_data / "speech" / "zh_4s.wav", "zh")
    assert refused.wait(60).error.code == "no_recogniser"


def test_a_model_that_cannot_be_fetched_says_so_and_is_asked_for_once(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "*")
    job = cosyvoice.fetch_model("CosyVoice2-0.5B")
    status = job.wait(60)
    assert (status.state, status.error.code) == ("failed", "no_network")
    assert status.error.zh != status.error.en
    with pytest.raises(RequestError):
        cosyvoice.fetch_model("../etc")
    ready = cosyvoice.readiness()
    assert (ready.cosyvoice, ready.models) == (False, ())
    assert {"source", "model"} <= set(ready.lacks)
