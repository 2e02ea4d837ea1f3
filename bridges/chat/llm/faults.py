"""What goes wrong with a language model, as one clear sentence each.

GLM's codes: the provider's list of error codes (open.bigmodel.cn, "error codes"); the others speak OpenAI's.
"""

from __future__ import annotations

import json
from typing import Any

from bridges.errors import RequestError

MAX_DETAIL = 200
# GLM's own codes, which say more than the HTTP status they come with
GLM_CODES = {
    **dict.fromkeys(("1000", "1001", "1002", "1003", "1004", "1110", "1111", "1112", "1121", "1220"), "bad_key"),
    **dict.fromkeys(("1113", "1304", "1308", "1309"), "no_balance"),
    **dict.fromkeys(("1211", "1221", "1222", "1311"), "no_model"),
    **dict.fromkeys(("1302", "1303", "1305", "1312", "1313"), "rate_limit"),
    **dict.fromkeys(("1300", "1301"), "filtered"),
    **dict.fromkeys(("1120", "1230", "1234", "500"), "server_fault"),
    "1261": "too_long",
}
# words of OpenAI-compatible servers in "code", "type" or "message", the telling ones first
WORDS = (
    ("exceed_context_size", "too_long"),
    ("context_length", "too_long"),
    ("context length", "too_long"),
    ("context window", "too_long"),
    ("insufficient_quota", "no_balance"),
    ("insufficient balance", "no_balance"),
    ("content_filter", "filtered"),
    ("content_policy", "filtered"),
    ("model_not_found", "no_model"),
    ("invalid_api_key", "bad_key"),
)
STATUSES = {401: "bad_key", 402: "no_balance", 403: "bad_key", 408: "timeout", 413: "too_long", 429: "rate_limit"}
FINISHES = {
    "sensitive": "filtered",
    "content_filter": "filtered",
    "network_error": "server_fault",
    "model_context_window_exceeded": "too_long",
}
SENTENCES = {
    "bad_key": ("The model server refused the key; check it.", "模型服务器拒绝了该密钥,请检查。"),
    "no_balance": (
        "The account has no balance or quota left at the model server.",
        "模型服务账户余额或额度不足,请充值后再试。",
    ),
    "rate_limit": (
        "The model server gets too many requests at the moment; try again shortly.",
        "模型服务器请求过多(触发限流),请稍后重试。",
    ),
    "filtered": (
        "The model server's content filter stopped this answer; ask in another way.",
        "内容被模型服务器的安全审核拦截,请换一种问法。",
    ),
    "no_model": ("The model server does not have this model; choose another.", "模型服务器没有该模型,请另选一个。"),
    "no_address": (
        "There is no chat service at this address; check the base URL.",
        "该地址没有对话服务,请检查 Base URL。",
    ),
    "timeout": ("The model server did not answer in time; try again.", "模型服务器响应超时,请重试。"),
    "unreachable": (
        "The model server cannot be reached; check the address and the network.",
        "无法连接模型服务器,请检查地址和网络。",
    ),
    "server_fault": ("The model server has a fault of its own; try again.", "模型服务器内部出错,请重试。"),
    "malformed": (
        "The model server sent something that is no answer; check the base URL.",
        "模型服务器返回的内容无法识别,请检查 Base URL。",
    ),
    "cut": ("The model server broke the answer off; try again.", "模型服务器中断了回答,请重试。"),
    "empty": ("The model gave an empty answer; try again.", "模型没有给出回答,请重试。"),
    "too_long": (
        "The conversation is too long for this model; clear it or shorten the question.",
        "对话超出模型的上下文长度,请清空对话或缩短问题。",
    ),
}
RETRY = ("rate_limit", "timeout", "unreachable", "server_fault", "cut", "empty")


class LlmError(RequestError):
    """A model that did not answer. retry: whether the same question may work again; wait_s: how long the server wants
    one to wait before that (None: not said).
    """

    def __init__(self, code: str, en: str, zh: str, retry: bool = False, wait_s: float | None = None) -> None:
        super().__init__(code, en, zh)
        self.retry, self.wait_s = retry, wait_s


def fault(kind: str, wait_s: float | None = None) -> LlmError:
    """The error of a kind in SENTENCES; its code is "llm_" and the kind."""
    en, zh = SENTENCES[kind]
    return LlmError(f"llm_{kind}", en, zh, kind in RETRY, wait_s)


def no_key(variable: str) -> LlmError:
    """No key was given."""
    return LlmError(
        "llm_no_key",
        f"This model server needs a key: enter one, or set {variable}.",
        f"该模型服务需要密钥:请填写,或设置环境变量 {variable}。",
    )


def fault_of_answer(status: int, text: str, key: str = "", wait: str = "") -> LlmError:
    """From a refusal's HTTP status and body to a sentence. wait: its Retry-After header, in seconds."""
    code, words = _told(text)
    wait_s = float(wait) if wait.isdecimal() and len(wait) < 6 else None
    kind = _kind_of(status, code, words)
    return _refused(status, words, key) if kind is None else fault(kind, wait_s)


def fault_in_stream(error: Any, key: str = "") -> LlmError:
    """From an "error" inside a stream to a sentence."""
    return fault_of_answer(500, json.dumps({"error": error}), key)


def fault_of_finish(reason: str | None) -> LlmError | None:
    """The error that a finish_reason tells of, or None."""
    return fault(FINISHES[reason]) if reason in FINISHES else None


def _told(text: str) -> tuple[str, str]:
    """The code and the words of an error body, whatever its form."""
    try:
        body = json.loads(text)
    except ValueError:
        return "", ""
    error = body.get("error", body) if isinstance(body, dict) else body
    if not isinstance(error, dict):
        return "", str(error)
    words = " ".join(str(error.get(name) or "") for name in ("code", "type", "message"))
    return str(error.get("code") or ""), words.strip()


def _kind_of(status: int, code: str, words: str) -> str | None:
    if code in GLM_CODES:
        return GLM_CODES[code]
    lower = words.lower()
    for word, kind in WORDS:
        if word in lower:
            return kind
    if status == 404:
        return "no_model" if "model" in lower else "no_address"
    if status in STATUSES:
        return STATUSES[status]
    if 300 <= status < 400 or status == 405:
        return "no_address"
    return "server_fault" if status >= 500 else None


def _refused(status: int, words: str, key: str) -> LlmError:
    """A refusal of no known kind: with the server's own words, but never with the key."""
    said = " ".join((words.replace(key, "***") if key else words).split())[:MAX_DETAIL]
    return LlmError(
        "llm_refused",
        f"The model server refused the question ({status}{': ' + said if said else ''}).",
        f"模型服务器拒绝了该请求({status}{':' + said if said else ''})。",
    )
