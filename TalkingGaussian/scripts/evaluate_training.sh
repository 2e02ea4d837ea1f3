#!/usr/bin/env bash
# Judge a trained avatar by the frames it never saw:  bash scripts/evaluate_training.sh WORKSPACE
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# shellcheck source=../../environments/resolve.sh
source "$here/../environments/resolve.sh"
export PYTHONPATH="$here${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
tfg_exec tg_eval python "$here/evaluate_training.py" "$@"
