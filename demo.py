"""TFG Studio: one page for talking digital humans.

python demo.py            the page on http://127.0.0.1:5001
import demo; demo.demo    the same page for a notebook or a Space (importing starts nothing)
"""

from __future__ import annotations

import argparse
import getpass
import logging
import os
import sys
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr
from starlette.middleware import Middleware

from bridges import environments, gpus, paths
from bridges.errors import RequestError
from bridges.jobs.job import adopt, clean_up
from tabs import look
from tabs.chat import chat_tab
from tabs.evaluate import evaluate_tab
from tabs.generate import SAMPLES, generate_tab
from tabs.language import ChosenLanguage
from tabs.library import library_tab
from tabs.publish import shelf
from tabs.sessions import LANGUAGE_SCRIPT, remembered
from tabs.system import system_tab
from tabs.train import train_tab
from tabs.words import TEXTS, W

MAX_UPLOAD = "500mb"
CACHE_SECONDS = (3600, 86400)  # look every hour, delete what Gradio copied a day ago


class Studio(gr.Blocks):
    """The page with its looks and limits: `launch()` in a notebook gives what `python demo.py` gives."""

    def launch(self, **options: Any) -> Any:  # type: ignore[override]
        """Gradio's launch; `options` go before the page's own."""
        return super().launch(**{**launch_options(), **options})


def build() -> Studio:
    """The whole page; starts nothing."""
    with Studio(title="TFG Studio", analytics_enabled=False, fill_width=True, delete_cache=CACHE_SECONDS) as page:
        lang = gr.Textbox(
            "en", visible="hidden", elem_id="lang"
        )  # no State: only what the browser holds can be set by it
        look.header(dict(zip(("en", "zh"), TEXTS["tagline"], strict=True)))
        first = page.load(lambda chosen: chosen, lang, lang, js=LANGUAGE_SCRIPT, api_visibility="private")
        # what a browser keeps is read only where it is on the page from the start, not in a tab yet to be opened
        evaluations = remembered("tfg_evaluations")
        with gr.Tabs() as tabs:
            with gr.Tab(W("tab_generate"), id="generate"):
                generating = generate_tab(first, lang)
            with gr.Tab(W("tab_train"), id="train") as tab:
                train_tab(first, lang, tab, tabs, generating.avatar)
            with gr.Tab(W("tab_chat"), id="chat") as tab:
                chat_tab(tab, lang)
            with gr.Tab(W("tab_evaluate"), id="evaluate") as tab:
                evaluate_tab(tab, first, lang, generating.jobs, evaluations)
            with gr.Tab(W("tab_library"), id="library") as tab:
                library_tab(tab, lang, tabs, generating)
            with gr.Tab(W("tab_system"), id="system") as tab:
                system_tab(tab, lang)
        gr.HTML(html_template="<p class='tfg-note'>${value}</p>", value=W("label_note"))
    return page


def launch_options() -> dict[str, Any]:
    """How the page is served, wherever it is launched from."""
    return {
        "i18n": W,
        "theme": look.theme(),
        "css": look.CSS,
        "app_kwargs": {"middleware": [Middleware(ChosenLanguage)]},
        "max_file_size": MAX_UPLOAD,
        "allowed_paths": [str(paths.avatars()), str(paths.BUNDLED_AVATARS), str(SAMPLES), str(shelf())],
        "enable_monitoring": False,
        "run_history": False,
        "show_error": False,
        "ssr_mode": False,
    }


demo = build()


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line; every option has an environment variable TFG_… as its default."""
    env = os.environ.get
    hosted = "SPACE_ID" in os.environ  # a Hugging Face Space serves what listens on all addresses at 7860
    host = env("TFG_HOST", env("GRADIO_SERVER_NAME", "0.0.0.0" if hosted else "127.0.0.1"))  # noqa: S104
    port = env("TFG_PORT", env("GRADIO_SERVER_PORT", "7860" if hosted else "5001"))
    parser = argparse.ArgumentParser(description="TFG Studio: talking digital humans on one page.")
    parser.add_argument("--host", default=host, help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=port, help="port (%(default)s)")
    parser.add_argument("--share", action="store_true", help="a public link; asks for --auth")
    parser.add_argument("--auth", default=env("TFG_AUTH"), metavar="NAME:PASSWORD", help="let in only who knows these")
    parser.add_argument("--root-path", default=env("TFG_ROOT_PATH", ""), help="path prefix behind a proxy")
    return parser.parse_args(arguments)


def credentials(options: argparse.Namespace) -> tuple[str, str] | None:
    """(name, password) or None. A public link without them asks at the terminal, or is refused."""
    given = options.auth
    if options.share and not given:
        if not sys.stdin.isatty():
            sys.exit("error: --share opens this app to the internet: give --auth NAME:PASSWORD as well.")
        given = f"{input('name for the public link: ')}:{getpass.getpass('password: ')}"
    if not given:
        return None
    name, colon, password = given.partition(":")
    if not (name and colon and password):
        sys.exit("error: --auth must be NAME:PASSWORD.")
    return name, password


def prepare_engine() -> None:
    """At the first start the engine's environment is made in the background, and where a card can draw, the part that
    it draws with; old results are cleared away."""
    adopt()
    clean_up()
    try:
        environments.prepare_if_missing("talking_gaussian")
        if any(card.sm >= gpus.OLDEST_SM for card in gpus.list_gpus()):
            environments.prepare_if_missing("talking_gaussian", "gpu")
    except RequestError as error:
        logging.getLogger("tfg").warning("%s", error)


def main() -> None:
    """Launch the page."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    options = parse(sys.argv[1:])
    auth = credentials(options)
    prepare_engine()
    try:
        demo.launch(
            server_name=options.host,
            server_port=options.port,
            share=options.share,
            auth=auth,
            root_path=options.root_path,
        )
    except (OSError, OverflowError):  # raised while the port is being taken, never later
        sys.exit(
            f"error: cannot listen on {options.host}:{options.port}: in use or not allowed; choose another --port."
        )


if __name__ == "__main__":
    main()
