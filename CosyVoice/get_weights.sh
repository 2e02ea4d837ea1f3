#!/usr/bin/env bash
# Fetches CosyVoice's models; needs no environment of its own:  bash CosyVoice/get_weights.sh list
#   bash CosyVoice/get_weights.sh CosyVoice2-0.5B [--hub modelscope]     bash CosyVoice/get_weights.sh --from-folder DIR
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
export PYTHONPATH="$here:$here/../TalkingGaussian${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
exec "${PYTHON:-python3}" "$here/get_weights.py" "$@"
