#!/usr/bin/env bash
# Stands in for scripts/train_from_video.sh in tests: takes its arguments and plays the "video" file, a bash script that
# may use $workspace, $id, stages, progress STEP OF, history STEP LMD, install and say_error.
set -u
line="$*"
while [ $# -gt 0 ]; do
  case "$1" in
    --video) video="$2" ;;
    --workspace) workspace="$2" ;;
  esac
  shift
done
id="${workspace##*/}"
stages() { echo '@stages ["frames", "track", "face", "install"]' >&2; }
progress() { echo "@progress {\"stage\": \"face\", \"step\": $1, \"of\": $2, \"preview\": \"previews/face_$1.jpg\"}" >&2; }
history() {
  mkdir -p "$workspace/face"
  echo "{\"step\": $1, \"stage\": \"face\", \"loss\": 0.1, \"psnr\": 30.5, \"lmd\": $2}" >>"$workspace/face/history.jsonl"
}
install() {
  local avatar="$TFG_HOME/avatars/$id"
  mkdir -p "$avatar"
  printf '{"format_version": 1, "id": "%s", "name": {"en": "Ann", "zh": "安"}, "fps": 25, "size": 512}' "$id" >"$avatar/avatar.json"
  echo '{"avatar": {"lmd": 3.1}, "frozen": {"lmd": 5.4}}' >"$workspace/report.json"
  echo "$id"
}
say_error() { echo "@error {\"code\": \"$1\", \"en\": \"$2\", \"zh\": \"$3\"}" >&2; }
# shellcheck source=/dev/null
. "$video"
