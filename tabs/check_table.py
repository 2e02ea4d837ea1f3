"""The preflight's table: what is wrong first, a button for each repair (check_table.js)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gradio as gr

from bridges import training
from tabs.words import table

HERE = Path(__file__).parent
TEMPLATE = """
<div class="tfg-checks" hidden>
  <p class="tfg-checks-sum" role="status"></p>
  <ul class="tfg-checks-loud"></ul>
  <details><summary></summary><ul class="tfg-checks-quiet"></ul></details>
</div>
"""
WORDS = [f"check_{state}" for state in ("ok", "info", "warn", "bad", "repaired", "quiet")]
WORDS += ["check_sum_ok", "check_sum_warn", "check_sum_bad", "repair_do", "repair_undo"]


def check_table(elem_id: str) -> gr.HTML:
    """A table whose value is `rows_with` of a report; it triggers `select` with {"key"} where a repair is clicked."""
    script = (HERE / "check_table.js").read_text(encoding="utf-8")
    return gr.HTML(
        value="",
        html_template=TEMPLATE,
        css_template=(HERE / "check_table.css").read_text(encoding="utf-8"),
        js_on_load=script.replace("/*WORDS*/", json.dumps(table(WORDS), ensure_ascii=False)),
        elem_id=elem_id,
    )


def rows_with(report: dict[str, Any] | None, repairs: dict[str, float]) -> str:
    """A report's rows as the table wants them, each told whether these repairs put it right."""
    rows = report["rows"] if report else []
    return json.dumps([{**row, "repaired": training.is_repaired(row, repairs)} for row in rows], ensure_ascii=False)


def toggled(report: dict[str, Any], repairs: dict[str, float], key: str) -> dict[str, float]:
    """The repairs with those of the row `key` put in, or taken out where they are in."""
    row = next((row for row in report["rows"] if row["key"] == key and row["repair"]), None)
    if row is None:
        return repairs
    if training.is_repaired(row, repairs):
        return {name: value for name, value in repairs.items() if name not in row["repair"]}
    return {**repairs, **row["repair"]}
