#!/usr/bin/env bash
# The embedded language model as a server for this machine alone:  bash run_offline_llm.sh serve [--threads 1] [--idle_s 900]
# Says where it listens in one JSON line on stdout; ends when stdin closes, or after idle_s without a line on stdin.
# Exit codes: 0 done, 2 bad input, 3 the environment is missing (one line says which command makes it).
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=../../../environments/resolve.sh
source "$here/../../../environments/resolve.sh"
export PYTHONUNBUFFERED=1
tfg_exec offline_llm python "$here/serve.py" "$@"
