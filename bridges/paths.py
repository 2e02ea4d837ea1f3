"""Where things are. `TFG_HOME` moves the user's data (runs, avatars, environments) elsewhere; default: the project."""

from __future__ import annotations

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
BUNDLED_AVATARS = PROJECT / "TalkingGaussian" / "avatars"
ENVIRONMENTS = PROJECT / "environments"
TALKING_GAUSSIAN_SCRIPT = PROJECT / "TalkingGaussian" / "run_talkinggaussian.sh"
PREFLIGHT_SCRIPT = PROJECT / "TalkingGaussian" / "scripts" / "preflight.sh"
COSYVOICE_SCRIPT = PROJECT / "CosyVoice" / "run_cosyvoice.sh"
UPSTREAM_SCRIPT = PROJECT / "CosyVoice" / "get_upstream.sh"
WEIGHTS_SCRIPT = PROJECT / "CosyVoice" / "get_weights.sh"
METRICS_SCRIPT = PROJECT / "TalkingGaussian" / "scripts" / "run_metrics.sh"
TRAIN_SCRIPT = PROJECT / "TalkingGaussian" / "scripts" / "train_from_video.sh"


def home() -> Path:
    """The folder of the user's data; read on every call so that a notebook can still set TFG_HOME."""
    return Path(os.environ.get("TFG_HOME") or PROJECT).expanduser().resolve()


def runs() -> Path:
    """The folder of all job folders."""
    return home() / "runs"


def avatars() -> Path:
    """The folder of the user's own avatars."""
    return home() / "avatars"


def trainings() -> Path:
    """The folder of all trainings' workspaces."""
    return home() / "training"


def voices() -> Path:
    """The folder of the user's voices."""
    return home() / "voices"
