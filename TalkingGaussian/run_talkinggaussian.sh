#!/usr/bin/env bash
# Runs the avatar engine in its own environment:  bash run_talkinggaussian.sh infer --avatar DIR --audio_file WAV --output_file MP4
# Exit codes: 0 done, 2 bad input, 3 the environment is missing (one line says which command makes it).
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=../environments/resolve.sh
source "$here/../environments/resolve.sh"
export PYTHONPATH="$here${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
# threads that wait must not spin: the encoder and the listening thread want those cores
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-passive}" OPENBLAS_NUM_THREADS="${OPENBLAS_NUM_THREADS:-2}"
tfg_exec talking_gaussian python "$here/test_talkinggaussian.py" "$@"
