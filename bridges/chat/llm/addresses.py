"""Servers' addresses: which a user may have this app ask.

Whoever reaches the page can have it call an address of their choice. By default addresses of this machine and of its
own network are allowed, because Ollama and vLLM run there; TFG_CHAT_LOCAL_LLM=0, meant for a page that strangers reach,
refuses them (loopback, private, and names that resolve to such). Link-local addresses (where clouds keep a machine's
credentials) are always refused. What the owner set by OPENAI_BASE_URL or ZHIPUAI_BASE_URL is always allowed. Redirects
are not followed.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
from urllib.parse import urlsplit

from bridges.chat.llm.faults import LlmError, fault

MAX_LENGTH, LOOK_UP_S = 500, 8.0
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def check_address(base_url: str) -> str:
    """The address without a slash at its end. Raises LlmError unless it is http(s)://host[:port][/path]."""
    try:
        parts = urlsplit(base_url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or len(base_url) > MAX_LENGTH or not base_url.isprintable() or " " in base_url:
        raise _bad_address()
    if parts.username is not None or parts.query or parts.fragment:
        raise _bad_address()
    return base_url.rstrip("/")


def is_local(base_url: str) -> bool:
    """Whether the address names this machine or its network by number or as localhost; proxies are passed by then."""
    host = urlsplit(base_url).hostname or ""
    if host == "localhost":
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False


async def check_reach(base_url: str) -> None:
    """Raise LlmError where a visitor must not have the app ask this address. Names are looked up."""
    parts = urlsplit(base_url)
    looking = asyncio.get_running_loop().getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
    try:
        found = await asyncio.wait_for(looking, LOOK_UP_S)
    except asyncio.TimeoutError:
        raise fault("unreachable") from None
    except (OSError, UnicodeError):
        return  # a proxy may know the name; without one the connection says that it cannot be reached
    local_allowed = os.environ.get("TFG_CHAT_LOCAL_LLM", "1") != "0"
    for address in (ipaddress.ip_address(row[4][0]) for row in found):
        if address.is_link_local or (not local_allowed and not address.is_global):
            raise LlmError(
                "llm_address_not_allowed",
                "This page does not allow model servers in its own network.",
                "此页面不允许使用其内部网络中的模型服务器。",
            )


def _bad_address() -> LlmError:
    return LlmError(
        "llm_bad_address",
        "The address of the model server must look like https://host/path.",
        "模型服务器地址的格式应为 https://主机/路径。",
    )
