"""How every program of the engine ends: done, refused with a sentence, or stopped."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable

from talking_gaussian import stopping
from talking_gaussian.errors import UserError, file_fault

BAD_INPUT = 2


def run(work: Callable[[], None]) -> int:
    """Do `work`; returns the exit code: 0 done, 2 bad input (one sentence is said), 128 + n ended by signal n."""
    try:
        work()
    except UserError as error:
        return refused(error)
    except OSError as error:
        return refused(file_fault(error))
    except stopping.Stopped as stopped:
        return 128 + stopped.number
    return 0


def refused(error: UserError) -> int:
    """Say what cannot be used, for a person and in a job for the page; the exit code."""
    if os.environ.get("TFG_JOB_DIR"):
        report = {"code": error.code, "en": error.en, "zh": error.zh}
        print("@error", json.dumps(report, ensure_ascii=False), file=sys.stderr)
    print(f"error: {error.sentence(os.environ.get('TFG_LANG', 'en'))}", file=sys.stderr)
    return BAD_INPUT
