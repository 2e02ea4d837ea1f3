"""Faults as sentences: what a handler raises becomes a message in the reader's language, and the log keeps the rest."""

from __future__ import annotations

import contextlib
import functools
import inspect
import logging
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import gradio as gr

from bridges.errors import RequestError
from tabs.words import say

log = logging.getLogger("tfg")
Handler = TypeVar("Handler", bound=Callable[..., Any])


def spoken(handler: Handler) -> Handler:
    """Decorate a handler that has a `lang` argument: refused requests and surprises are shown as one sentence."""
    signature = inspect.signature(handler)

    @contextlib.contextmanager
    def saying(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[None]:
        lang = signature.bind(*args, **kwargs).arguments["lang"]
        try:
            yield
        except RequestError as error:
            raise gr.Error(error.sentence(lang), print_exception=False) from error
        except gr.Error:
            raise
        except Exception as error:
            log.exception("handler %s failed", handler.__name__)
            raise gr.Error(say(lang, "unexpected"), print_exception=False) from error

    @functools.wraps(handler)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        with saying(args, kwargs):
            return handler(*args, **kwargs)

    @functools.wraps(handler)
    async def awaited(*args: Any, **kwargs: Any) -> Any:
        with saying(args, kwargs):
            return await handler(*args, **kwargs)

    return awaited if inspect.iscoroutinefunction(handler) else wrapped  # type: ignore[return-value]
