#!/usr/bin/env bash
# Train an avatar from a dataset:  bash scripts/train_xx.sh DATASET WORKSPACE [GPU_ID|cpu] [--preset draft|standard|high] …
# Run again it goes on where it stopped. Exit codes: 0 done, 2 bad input, 3 the environment is missing.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# shellcheck source=chain.sh
source "$here/scripts/chain.sh"
if [ $# -lt 2 ]; then
  echo "error: usage: train_xx.sh DATASET WORKSPACE [GPU_ID|cpu] [--preset draft|standard|high]" >&2
  exit 2
fi
dataset="$1" workspace="$2"
shift 2
device=auto
if [ $# -gt 0 ] && [ "${1#--}" = "$1" ]; then
  device="$1"
  shift
fi
if [ -z "${TFG_STAGES_SAID:-}" ]; then echo '@stages ["sound", "mouth", "face", "fuse", "export"]' >&2; fi
export TFG_STAGES_SAID=1
for program in train_mouth train_face train_fuse; do
  TFG_ENV_PART=training in_environment talking_gaussian python "$here/$program.py" "$dataset" "$workspace" --gpu "$device" "$@"
done
