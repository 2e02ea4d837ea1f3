"""Settings checked and completed: what a provider needs for one call."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any, NoReturn

from bridges.chat.llm.addresses import check_address
from bridges.chat.llm.faults import LlmError, no_key
from bridges.chat.llm.registry import PROVIDERS, Provider
from bridges.chat.llm.settings import LlmSettings, ProviderInfo

RANGES: dict[str, tuple[float, float]] = {"temperature": (0, 2), "max_tokens": (1, 8192), "timeout_s": (1, 600)}
MAX_NAME, MAX_KEY = 200, 500


@dataclass(frozen=True)
class Call:
    """One provider with its address ("": it has its own), model and key. Its repr has no key.

    owners: the one who runs the app chose the address, by a variable of the environment.
    """

    provider: Provider
    model: str
    base_url: str
    owners: bool
    key: str = field(repr=False)
    temperature: float
    max_tokens: int
    timeout_s: float


def resolve(settings: LlmSettings) -> Call:
    """The call that the settings ask for. Raises RequestError where they cannot be used; asks no network."""
    provider = PROVIDERS.get(settings.provider)
    if provider is None:
        _refuse("provider", f"one of {', '.join(PROVIDERS)}", f"以下之一:{'、'.join(PROVIDERS)}")
    for name, (low, high) in RANGES.items():
        _check_number(name, getattr(settings, name), low, high)
    info = provider.info()
    # a provider without an address of its own, the embedded one, is asked nowhere else
    base_url = check_address(settings.base_url.strip() or info.base_url) if info.base_url else ""
    model = settings.model.strip() or next(iter(info.models), "")
    if len(model) > MAX_NAME or not model.isprintable():
        _refuse("model", "a model's name", "模型名称")
    return Call(
        provider=provider,
        model=model,
        base_url=base_url,
        owners=base_url == os.environ.get(provider.address_variable or "-", "").rstrip("/"),
        key=_key_of(settings, info, base_url),
        temperature=float(settings.temperature),
        max_tokens=int(settings.max_tokens),
        timeout_s=float(settings.timeout_s),
    )


def _key_of(settings: LlmSettings, info: ProviderInfo, base_url: str) -> str:
    """The key given, or the owner's from the environment; that one goes to the provider's own address only, so that no
    visitor of a shared page can have it sent elsewhere.
    """
    key = settings.key.strip()
    if not key and info.key_variable and base_url == info.base_url.rstrip("/"):
        key = os.environ.get(info.key_variable, "").strip()
    if info.needs_key and not key:
        raise no_key(info.key_variable)
    # anything else would break the header, and the library's own fault would then print the key
    if len(key) > MAX_KEY or not key.isascii() or any(not " " < character < "\x7f" for character in key):
        raise LlmError(
            "llm_bad_key",
            "The key has characters that no key has; copy it again.",
            "密钥含有无效字符,请重新复制。",
        )
    return key


def _check_number(name: str, value: Any, low: float, high: float) -> None:
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and low <= value <= high
    if not usable or (name == "max_tokens" and value != int(value)):
        _refuse(name, f"{low:g} to {high:g}", f"{low:g} 到 {high:g}")


def _refuse(name: str, en: str, zh: str) -> NoReturn:
    raise LlmError("llm_bad_setting", f"{name} must be {en}.", f"{name} 必须是 {zh}。")
