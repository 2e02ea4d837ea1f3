"""The System tab: what this machine and its environments have, and what to do about what is missing."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

from bridges import environments, system
from bridges.errors import RequestError
from bridges.jobs.job import adopt
from tabs.errors import spoken
from tabs.job_panel import job_panel
from tabs.sessions import is_owner
from tabs.words import W, is_chinese, say

PRIVATE: dict[str, Any] = {"api_visibility": "private", "concurrency_limit": None}
MARKS = {"ok": "●", "info": "●", "warn": "▲", "bad": "■"}
BUILD_ONLY = ("app", "presenter")  # the page runs already; the presenter's tools are for its makers

CSS = """
.tfg-system { width: 100%; border-collapse: collapse; font-size: .93rem; border: 0 !important; }
.tfg-system tr { border: 0 !important; }
.tfg-system td { padding: 7px 10px; vertical-align: top; border: 0 !important;
  border-bottom: 1px solid var(--border-color-primary) !important; }
.tfg-system td:first-child { white-space: nowrap; font-weight: 600; }
.tfg-system .fix { color: var(--body-text-color-subdued); font-size: .86rem; overflow-wrap: anywhere; }
.tfg-system .ok { color: #0d9488; } .tfg-system .info { color: #64748b; }
.tfg-system .warn { color: #d97706; } .tfg-system .bad { color: #dc2626; }
@media (max-width: 640px) { .tfg-system td { display: block; border: 0; padding: 2px 6px; }
  .tfg-system tr { display: block; padding: 6px 0; } .tfg-system td:first-child { border: 0 !important; } }
"""


def system_tab(tab: gr.Tab, lang: gr.Textbox) -> None:
    """Lay out the tab and connect it."""
    table = gr.HTML(css_template=CSS, elem_id="system_table")
    refresh = gr.Button(W("refresh"), size="sm", elem_id="refresh")
    gr.Markdown(W("environments"))
    names = [name for name in environments.ENVIRONMENT_NAMES if name not in BUILD_ONLY]
    name = gr.Dropdown(names, value="talking_gaussian", label=W("environment"), elem_id="environment")
    with gr.Row():
        create = gr.Button(W("create"), variant="primary", size="sm", elem_id="create_environment")
        remove = gr.Button(W("remove"), variant="stop", size="sm", elem_id="remove_environment")
        sure = gr.Button(W("remove_sure"), variant="stop", size="sm", visible=False, elem_id="remove_sure")
    panel = job_panel("environment_job", idle="")
    for event in (tab.select, refresh.click):
        event(report, lang, table, **PRIVATE)
    create.click(create_environment, [name, lang], panel, **PRIVATE)
    remove.click(lambda: gr.Button(visible=True), None, sure, show_progress="hidden", **PRIVATE)
    sure.click(remove_environment, [name, lang], [table, sure], **PRIVATE)
    panel.submit(report, lang, table, show_progress="hidden", **PRIVATE)


def report(lang: str) -> str:
    """The table of rows: state, value, and what to do."""
    key = "zh" if is_chinese(lang) else "en"
    rows = []
    for row in system.report():
        fix = f'<div class="fix">{escape(row.fix[key])}</div>' if row.fix else ""
        rows.append(
            f'<tr data-key="{escape(row.key)}"><td><span class="{row.state}">{MARKS[row.state]}</span> '
            f"{escape(row.title[key])}</td><td>{escape(row.value[key])}{fix}</td></tr>"
        )
    return f'<table class="tfg-system"><tbody>{"".join(rows)}</tbody></table>'


@spoken
def create_environment(name: str, lang: str, request: gr.Request) -> str:
    """Make (or mend) an environment as a job."""
    refuse_strangers(request, lang)
    return environments.prepare(name).id


@spoken
def remove_environment(name: str, lang: str, request: gr.Request) -> tuple[str, gr.Button]:
    """Delete an environment's folder."""
    refuse_strangers(request, lang)
    if adopt():
        raise RequestError("busy", "A job is still running; wait for its end.", "仍有任务在运行,请等它结束。")
    environments.remove(name)
    gr.Info(say(lang, "removed", name=name))
    return report(lang), gr.Button(visible=False)


def refuse_strangers(request: gr.Request, lang: str) -> None:
    """Only who sits at this machine, or has logged in, may change environments: a public page's visitors may not."""
    if not is_owner(request):
        raise gr.Error(say(lang, "admin_only"), print_exception=False)
