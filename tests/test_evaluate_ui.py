"""The Evaluate tab in a real browser, with the real engine, on one second of the known pair."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from evaluation_kit import write_video
from talking_gaussian.video.frames import read_frames
from test_ui import CHROMIUM, app, browser, open_page, wait_for_state  # noqa: F401

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")]
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser")


@pytest.fixture(scope="module")
def pair(test_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """One second of the official pair: generated, real."""
    folder, made = tmp_path_factory.mktemp("pair"), []
    for name in ("official", "real"):
        frames = read_frames(test_data / "official" / f"man_en_20s_test_{name}.mp4", 25, 0.0, 1.0)
        made.append(write_video(folder / f"{name}.mp4", np.array(list(frames))))
    return made[0], made[1]


def upload(page: sync_api.Page, field: str, file: Path) -> None:
    page.locator(f"#{field} input[type=file]").set_input_files(str(file))
    page.wait_for_selector(f"#{field} video")


def test_two_uploads_become_a_table_and_a_curve_that_moves_the_video(
    app: str,  # noqa: F811
    browser: sync_api.Browser,  # noqa: F811
    eval_python: Path,
    pair: tuple[Path, Path],
) -> None:
    page = open_page(browser, app)
    page.get_by_role("tab", name="Evaluate").click()
    page.wait_for_selector("#eval_output input[type=file]", state="attached")
    upload(page, "eval_output", pair[0])
    upload(page, "eval_reference", pair[1])
    page.wait_for_timeout(500)
    page.click("#eval_start")
    assert wait_for_state(page, "done", "failed", panel="eval_job") == "done"
    page.wait_for_selector("#eval_view tr[data-key=lmd]")
    cells = page.locator("#eval_view tr[data-key=lmd] td").all_inner_texts()
    assert 1 < float(cells[1].split()[0]) < float(cells[3].split()[0])  # better than the frozen mouth
    assert page.locator("#eval_view .tfg-eval-worst img").count() >= 2
    page.wait_for_function("document.querySelector('#eval_pair video')?.readyState >= 2")
    page.locator("#eval_view .tfg-eval-chart").click(position={"x": 330, "y": 60})
    page.wait_for_function("document.querySelector('#eval_pair video').currentTime > 0.4")
    assert page.locator("#get_table").is_visible()
    page.reload()
    page.wait_for_selector("#start")
    page.get_by_role("tab", name="Evaluate").click()
    page.wait_for_selector("#eval_view tr[data-key=lmd]")  # the comparison is found again
