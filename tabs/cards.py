"""A grid of cards with a picture and two lines (cards.js): avatars, results."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import gradio as gr

HERE = Path(__file__).parent
TEMPLATE = '<div class="tfg-cards"></div><p class="tfg-cards-empty" hidden></p>'


@dataclass(frozen=True)
class Card:
    """poster, video: files that the page serves, or ""; badge: a word in the corner; bad: whether it is a fault."""

    id: str
    title: str
    line: str
    poster: str = ""
    video: str = ""
    badge: str = ""
    bad: bool = False
    mark: str = ""


def cards(elem_id: str) -> gr.HTML:
    """A grid whose value is `listed(…)`; it triggers `select` with {"id"} where a card is clicked."""
    return gr.HTML(
        value="",
        html_template=TEMPLATE,
        css_template=(HERE / "cards.css").read_text(encoding="utf-8"),
        js_on_load=(HERE / "cards.js").read_text(encoding="utf-8"),
        elem_id=elem_id,
    )


def listed(items: list[Card], chosen: str = "", empty: str = "") -> str:
    """The value of a grid. chosen: the id of the marked card; empty: what is said where there is none."""
    return json.dumps({"items": [asdict(item) for item in items], "chosen": chosen, "empty": empty}, ensure_ascii=False)
