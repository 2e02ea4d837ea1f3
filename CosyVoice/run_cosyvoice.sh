#!/usr/bin/env bash
# Text to speech in its own environment:  bash run_cosyvoice.sh --tts_text TEXT --prompt_wav WAV --prompt_text TEXT
#   --model_dir DIR --language zh --speed 1.0 --output_file out.wav          (--help lists the rest)
# Exit codes: 0 done, 2 bad input, 3 the environment is missing (one line says which command makes it).
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=../environments/resolve.sh
source "$here/../environments/resolve.sh"
export PYTHONPATH="$here:$here/../TalkingGaussian${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
# the part with CosyVoice where it is demanded or there; else the light one, whose embedded voice says that it stands in
engine=auto before=""
for word in "$@"; do
  if [ "$before" = --engine ]; then engine="$word"; fi
  before="$word"
done
export TFG_ENV_PART=inference
case "$engine" in
  cosyvoice) TFG_ENV_PART=cloning ;;
  auto) if TFG_ENV_PART=cloning tfg_find cosyvoice; then TFG_ENV_PART=cloning; fi ;;
esac
tfg_exec cosyvoice python "$here/test_cosyvoice.py" "$@"
