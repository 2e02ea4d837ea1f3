#!/usr/bin/env bash
# Is a video good enough to train an avatar from?  bash scripts/preflight.sh VIDEO [--json | --report FILE] [--start_s S] [--end_s S]
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# shellcheck source=../../environments/resolve.sh
source "$here/../environments/resolve.sh"
export PYTHONPATH="$here${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
tfg_exec tg_eval python -m data_utils.preflight "$@"
