"""Working ahead: an iterator is run by a thread of its own, a few items before they are asked for."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")
WAIT_S = 0.2


class _Failed(Exception):  # noqa: N818 (a parcel, not an error of its own)
    """What the thread ended with, carried to the reader."""


@contextmanager
def prefetched(items: Iterator[Item], ahead: int) -> Iterator[Iterator[Item]]:
    """Items of `items`, at most `ahead` of them made before they are read; its errors are raised to the reader.

    Leaving the context stops the thread, also when not all was read.
    """
    ready: queue.Queue[Item | _Failed | None] = queue.Queue(ahead)
    stop = threading.Event()

    def put(item: Item | _Failed | None) -> None:
        while not stop.is_set():
            try:
                ready.put(item, timeout=WAIT_S)
            except queue.Full:
                continue
            return

    def work() -> None:
        try:
            for item in items:
                put(item)
                if stop.is_set():
                    return
            put(None)
        except BaseException as error:  # to be raised where it is waited for
            put(_Failed(error))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield _read(ready)
    finally:
        stop.set()
        thread.join()


def _read(ready: queue.Queue[Item | _Failed | None]) -> Iterator[Item]:
    while (item := ready.get()) is not None:
        if isinstance(item, _Failed):
            raise item.args[0]
        yield item
