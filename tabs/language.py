"""The reader's choice of language, told to the page before anything of it runs.

Gradio takes the language from `navigator.language` when its scripts start, and puts an app's own `head` in only after
that; so the choice (kept in the browser by the header's buttons) is put into the served HTML itself.
"""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SCRIPT = b"""<script>
(() => {
  const chosen = localStorage.getItem('tfg_language');
  if (!chosen) return;
  Object.defineProperty(navigator, 'language', {get: () => chosen});
  Object.defineProperty(navigator, 'languages', {get: () => [chosen]});
})();
</script>"""


class ChosenLanguage:
    """ASGI middleware: SCRIPT goes in behind <head> of every HTML page."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hold back an HTML answer until it is whole; let everything else through as it comes."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        held: list[Message] = []

        async def passing(message: Message) -> None:
            if message["type"] == "http.response.start" and is_html(message):
                held.append(message)
            elif held:
                held.append(message)
                if not message.get("more_body"):
                    await release(held, send)
            else:
                await send(message)

        await self.app(scope, receive, passing)


def is_html(start: Message) -> bool:
    """Whether a response's head announces plain HTML."""
    headers = MutableHeaders(raw=start["headers"])
    return headers.get("content-type", "").startswith("text/html") and "content-encoding" not in headers


async def release(held: list[Message], send: Send) -> None:
    """Send a held response with the script in it."""
    start, *parts = held
    body = b"".join(part.get("body", b"") for part in parts).replace(b"<head>", b"<head>" + SCRIPT, 1)
    MutableHeaders(raw=start["headers"])["content-length"] = str(len(body))
    await send(start)
    await send({"type": "http.response.body", "body": body})
