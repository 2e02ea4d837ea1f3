"""The Evaluate tab's handlers and its job, without a browser and with a stand-in for the engine."""

from __future__ import annotations

from pathlib import Path

import pytest

gr = pytest.importorskip("gradio", reason="the page needs gradio")

from bridges import environments, evaluation, paths  # noqa: E402
from bridges.errors import RequestError  # noqa: E402
from bridges.jobs.job import Job, get_job  # noqa: E402
from bridges.requests import EvaluateRequest  # noqa: E402
from tabs import evaluate  # noqa: E402
from tabs.evaluation_view import show_evaluation  # noqa: E402

ENGINE = Path(__file__).parent / "fake_metrics.sh"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of its own; the engine is the stand-in and its environment is there."""
    monkeypatch.setenv("TFG_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(paths, "METRICS_SCRIPT", ENGINE)
    monkeypatch.setattr(environments, "prepare_if_missing", lambda name, part="inference": None)
    return tmp_path / "home"


@pytest.fixture
def videos(tmp_path: Path) -> list[Path]:
    """Generated, real and another model's video; all of one name."""
    made = []
    for name in ("ours", "real", "theirs"):
        (tmp_path / name).mkdir()
        made.append(tmp_path / name / "video.mp4")
        made[-1].write_text(name)
    return made


def compared(videos: list[Path], lang: str = "en") -> Job:
    output, reference, other = map(str, videos)
    shown = evaluate.start(output, "", reference, other, ["psnr"], ["full", "mouth"], 1.5, [], [], lang)
    job = get_job(shown[0])
    assert job.wait(20).state == "done", job.logs().text
    return job


def test_inputs_of_one_name_are_kept_apart(videos: list[Path]) -> None:
    request = compared(videos).request()
    assert isinstance(request, EvaluateRequest)
    assert [Path(path).read_text() for path in (request.output, request.reference, request.other)] == [
        *("ours", "real", "theirs")
    ]


def test_the_command_says_what_was_chosen(videos: list[Path], tmp_path: Path) -> None:
    output, reference, other = map(str, videos)
    request = EvaluateRequest(output, reference, other, "psnr,lmd", "full,face", 2.0, "-ours\n1", "theirs")
    line = request.command(tmp_path)
    assert line[:4] == ["bash", str(ENGINE), output, reference]
    assert line[line.index("--region") + 1 :][:2] == ["full", "face"]
    assert line[line.index("--name") + 1] == "ours1"  # neither an option nor two lines
    assert line[-4:] == ["--also", other, "--also_name", "theirs"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"output": ""}, "no_file"),
        ({"reference": "nowhere.mp4"}, "no_file"),
        ({"metrics": "psnr;rm"}, "no_metrics"),
        ({"regions": "full,nose"}, "bad_region"),
        ({"start_s": -1.0}, "bad_start"),
        ({"start_s": float("nan")}, "bad_start"),
    ],
)
def test_what_cannot_be_compared_is_refused(videos: list[Path], change: dict, code: str) -> None:
    fields = {"output": str(videos[0]), "reference": str(videos[1]), **change}
    with pytest.raises(RequestError) as refused:
        EvaluateRequest(**fields).check()
    assert refused.value.code == code
    assert refused.value.sentence("zh") != refused.value.sentence("en")


def test_the_view_gets_reports_curves_and_pictures_of_both_models(videos: list[Path]) -> None:
    job = compared(videos)
    results = show_evaluation([job.id])["results"]
    assert [result["name"] for result in results] == ["model 1", "model 2"]
    assert results[0]["curves"]["psnr"] == [30.0, None, 31.5]
    assert results[1]["worst"][0]["url"].startswith("data:image/jpeg;base64,")


@pytest.mark.parametrize("job_id", ["", "../../etc/passwd", "20260101-000000-evaluate-0123456789abcdef", None])
def test_the_view_of_no_comparison_is_empty(job_id: str | None) -> None:
    assert show_evaluation([job_id]) == {"results": []}


def test_files_outside_a_result_are_not_handed_out(videos: list[Path]) -> None:
    job = compared(videos)
    assert evaluation.result_file(job, 1, "pair.mp4") is not None
    for number, name in ((3, "pair.mp4"), (1, "../report.json"), (1, "/etc/passwd"), (1, "missing.jpg")):
        assert evaluation.result_file(job, number, name) is None


def test_a_finished_comparison_shows_its_videos_and_files(videos: list[Path]) -> None:
    job = compared(videos)
    view, pair, second, *files, cancel, history = evaluate.show_result(job.id, [job.id], "en")
    assert view == job.id
    assert pair.visible and second.visible and pair.value
    assert [Path(file.value["path"] if isinstance(file.value, dict) else file.value).suffix for file in files] == [
        *(".csv", ".csv", ".json", ".tex")
    ]
    assert not cancel.interactive
    assert history.choices[0][1] == job.id


def test_videos_are_asked_for_in_the_readers_language(videos: list[Path]) -> None:
    with pytest.raises(gr.Error, match="generated video"):
        evaluate.start(None, "", str(videos[1]), None, [], [], 0, [], [], "en")
    with pytest.raises(gr.Error, match="真实视频"):
        evaluate.start(str(videos[0]), "", None, None, [], [], 0, [], [], "zh-CN")


def test_a_video_of_another_browser_cannot_be_picked(videos: list[Path]) -> None:
    job = compared(videos)
    with pytest.raises(gr.Error, match="generated video"):
        evaluate.start(None, job.id, str(videos[1]), None, [], [], 0, [], [], "en")
    assert evaluate.open_earlier(job.id, [])[0] == gr.skip()


def test_the_list_shows_what_is_lacking_and_how_to_get_it() -> None:
    metrics, lacking, _, setup = evaluate.on_select([], [], "zh-CN")
    assert metrics.choices == [("峰值", "psnr")]
    assert metrics.value == ["psnr"]
    assert "感知: 需要权重。" in lacking
    assert setup == ""
