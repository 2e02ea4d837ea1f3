#!/usr/bin/env bash
# Fetches CosyVoice's code and its submodule Matcha-TTS at the commits that were tested here:  bash CosyVoice/get_upstream.sh
#   --mirror PREFIX     put before both addresses (or TFG_GIT_MIRROR), e.g. one that ends with /
#   --cosyvoice URL --matcha URL     other addresses, or folders with a clone (for a machine without network)
#   --to DIR            default: models/cosyvoice/source under TFG_HOME (default: the project)
# Can be run again at any time: what is there is kept, what was interrupted goes on.
set -euo pipefail
COSYVOICE_COMMIT=ace7c47f41bbd303aa6bf1ea80e6f9fbd595cd40
MATCHA_COMMIT=dd9105b34bf2be2230f4aa1e4769fb586a3c824e
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
mirror="${TFG_GIT_MIRROR:-}" cosyvoice="" matcha=""
to="${COSYVOICE_SOURCE:-${TFG_HOME:-$(dirname "$here")}/models/cosyvoice/source}"

fail() {
  printf 'error: %s\n' "$1" >&2
  if [ -n "${TFG_JOB_DIR:-}" ]; then printf '@error {"code": "%s", "en": "%s", "zh": "%s"}\n' "$2" "$1" "$3" >&2; fi
  exit "${4:-1}"
}

while [ $# -gt 0 ]; do
  if [ "$1" = --help ]; then sed -n '2,7p' "${BASH_SOURCE[0]}"; exit 0; fi
  if [ $# -lt 2 ]; then fail "$1 needs a value; see --help" bad_arguments "$1 缺少参数" 2; fi
  case "$1" in
    --mirror) mirror="$2" ;;
    --cosyvoice) cosyvoice="$2" ;;
    --matcha) matcha="$2" ;;
    --to) to="$2" ;;
    *) fail "there is no option $1; see --help" bad_arguments "没有选项 $1" 2 ;;
  esac
  shift 2
done
cosyvoice="${cosyvoice:-${mirror}https://github.com/FunAudioLLM/CosyVoice.git}"
matcha="${matcha:-${mirror}https://github.com/shivammehta25/Matcha-TTS.git}"
type -P git >/dev/null || fail "git is not installed; install it and run this again" no_git "未安装 git,请先安装"
# a question for a password would wait for ever
export GIT_TERMINAL_PROMPT=0

# get URL COMMIT FOLDER NAME: a clone at that commit alone where the server gives single commits, else a whole one
get() {
  local url="$1" commit="$2" folder="$3" try
  if [ "$(git -C "$folder" rev-parse -q --verify HEAD 2>/dev/null)" = "$commit" ] && [ -d "$folder/.git" ]; then
    git -C "$folder" checkout -q --force "$commit"
    echo "$4 is there."
    return
  fi
  echo "Fetching $4 …"
  git init -q "$folder"
  for try in 1 2 3; do
    if git -C "$folder" cat-file -e "$commit^{commit}" 2>/dev/null ||
      git -C "$folder" fetch -q --depth 1 "$url" "$commit" 2>/dev/null ||
      git -C "$folder" fetch -q "$url" '+refs/heads/*:refs/remotes/origin/*'; then
      git -C "$folder" -c advice.detachedHead=false checkout -q --force "$commit" && return
    fi
    echo "That did not work (attempt $try of 3)." >&2
    sleep "$try"
  done
  fail "$4 could not be fetched from $url; check the network, or give --mirror or --cosyvoice/--matcha" not_fetched \
    "无法获取 $4。请检查网络,或用 --mirror、--cosyvoice/--matcha 指定其他地址"
}

printf '@stages ["source", "submodule"]\n@progress {"stage": "source"}\n' >&2
get "$cosyvoice" "$COSYVOICE_COMMIT" "$to" CosyVoice
printf '@progress {"stage": "submodule"}\n' >&2
get "$matcha" "$MATCHA_COMMIT" "$to/third_party/Matcha-TTS" Matcha-TTS
echo "CosyVoice's code is ready in $to"
