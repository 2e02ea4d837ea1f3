#!/usr/bin/env bash
# A video -> a dataset:  bash scripts/process.sh VIDEO [--out DIR] [--check --json] …   (see data_utils/process.py)
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# shellcheck source=../../environments/resolve.sh
source "$here/../environments/resolve.sh"
export PYTHONPATH="$here${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
tfg_exec tg_eval python "$here/data_utils/process.py" "$@"
