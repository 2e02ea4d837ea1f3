# shellcheck shell=bash
# For scripts that run several programs one after the other, each in its environment: source it, then
#     in_environment NAME PROGRAM ARGUMENTS…
# A signal to the script ends the program that runs, which may write a checkpoint first, and then the script.
chain_home="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# shellcheck source=../../environments/resolve.sh
source "$chain_home/../environments/resolve.sh"
export PYTHONPATH="$chain_home${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
# two trainings that learn from sound at once, each with a thread a core, took 280 s instead of 10 on 32 cores
export OMP_WAIT_POLICY="${OMP_WAIT_POLICY:-passive}" OPENBLAS_NUM_THREADS="${OPENBLAS_NUM_THREADS:-2}"
chain_child="" chain_signal=""

chain_stop() {
  chain_signal="$1"
  if [ -n "$chain_child" ]; then kill -TERM "$chain_child" 2>/dev/null || true; fi
}
trap 'chain_stop 143' TERM HUP
trap 'chain_stop 130' INT

in_environment() {
  local code=0
  if [ -n "$chain_signal" ]; then exit "$chain_signal"; fi
  (
    trap - TERM INT HUP
    tfg_exec "$@"
  ) <&0 &
  chain_child=$!
  wait "$chain_child" || code=$?
  # `wait` also ends when a signal comes: the program itself may still be writing
  while kill -0 "$chain_child" 2>/dev/null; do
    code=0
    wait "$chain_child" || code=$?
  done
  chain_child=""
  if [ -n "$chain_signal" ]; then exit "$chain_signal"; fi
  if [ "$code" -ne 0 ]; then exit "$code"; fi
}
