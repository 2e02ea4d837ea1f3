#!/usr/bin/env bash
# NIQE and BRISQUE of a video, in the tg_niqe environment:  bash run_niqe.sh VIDEO [--metrics niqe,brisque] [--json]
# Exit codes: 0 done, 2 bad input, 3 the environment is missing (one line says which command makes it).
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# shellcheck source=../../environments/resolve.sh
source "$here/../environments/resolve.sh"
export PYTHONPATH="$here" PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
tfg_exec tg_niqe python -m evaluation.no_reference "$@"
