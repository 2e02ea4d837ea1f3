#!/usr/bin/env bash
# Compares a generated video with its reference, in the tg_eval environment:  bash run_metrics.sh OUT GT [--json] …
# Exit codes: 0 done, 2 bad input, 3 the environment is missing (one line says which command makes it).
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# shellcheck source=../../environments/resolve.sh
source "$here/../environments/resolve.sh"
export PYTHONPATH="$here${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# the frames run side by side already
export OPENBLAS_NUM_THREADS="${OPENBLAS_NUM_THREADS:-1}"
# memory of a picture's size is used again at once, not handed back to the system each time (a third of the time)
export MALLOC_MMAP_THRESHOLD_=1073741824 MALLOC_TRIM_THRESHOLD_=1073741824 MALLOC_TOP_PAD_=33554432
tfg_exec tg_eval python "$here/metrics.py" "$@"
