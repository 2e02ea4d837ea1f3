#!/usr/bin/env bash
# Stands in for run_talkinggaussian.sh in tests: takes the same arguments and plays the "audio" file, a bash script
# that may use $output, progress STEP OF, stages and say_error.
set -u
verb="$1"
while [ $# -gt 0 ]; do
  case "$1" in
    --audio_file | --avatar) audio="$2" ;;
    --output_file) output="$2" ;;
  esac
  shift
done
stages() { echo '@stages ["load", "audio", "render", "finish"]' >&2; }
progress() { echo "@progress {\"stage\": \"render\", \"step\": $1, \"of\": $2}" >&2; }
say_error() { echo "@error {\"code\": \"$1\", \"en\": \"$2\", \"zh\": \"$3\"}" >&2; }
# shellcheck source=/dev/null
. "$audio"
