#!/usr/bin/env bash
# A video of a person -> an avatar in every list:
#   bash scripts/train_from_video.sh --video FILE --workspace DIR --identity FILE.json [--preset draft|standard|high]
#        [--gpu ID|cpu] [--seed N] [--size 512] [--start_s S] [--end_s S] [--sound_shift_ms MS]
# Run again it goes on where it stopped. Prints the avatar's folder name at the end.
# Exit codes: 0 done, 2 bad input, 3 an environment is missing.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# shellcheck source=chain.sh
source "$here/scripts/chain.sh"
video="" workspace="" identity="" preset=draft device=auto
processing=() training=()
while [ $# -gt 0 ]; do
  if [ $# -lt 2 ]; then
    echo "error: $1 needs a value" >&2
    exit 2
  fi
  case "$1" in
    --video) video="$2" ;;
    --workspace) workspace="$2" ;;
    --identity) identity="$2" ;;
    --preset) preset="$2" ;;
    --gpu) device="$2" ;;
    --seed | --held_out) training+=("$1" "$2") ;;
    --size | --start_s | --end_s | --sound_shift_ms) processing+=("$1" "$2") ;;
    *)
      echo "error: unknown option $1" >&2
      exit 2
      ;;
  esac
  shift 2
done
if [ -z "$video" ] || [ -z "$workspace" ] || [ -z "$identity" ]; then
  echo "error: --video, --workspace and --identity are needed" >&2
  exit 2
fi
echo '@stages ["frames", "track", "fit", "masks", "plates", "sound", "mouth", "face", "fuse", "export", "evaluate", "install"]' >&2
export TFG_STAGES_SAID=1

in_environment tg_eval python "$here/data_utils/process.py" "$video" --out "$workspace/dataset" ${processing[@]+"${processing[@]}"}
for program in train_mouth train_face train_fuse; do
  TFG_ENV_PART=training in_environment talking_gaussian python "$here/$program.py" "$workspace/dataset" "$workspace" \
    --preset "$preset" --gpu "$device" --identity "$identity" ${training[@]+"${training[@]}"}
done
in_environment tg_eval python "$here/evaluate_training.py" "$workspace"
in_environment talking_gaussian python "$here/test_talkinggaussian.py" install --avatar "$workspace/avatar"
