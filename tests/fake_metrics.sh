#!/usr/bin/env bash
# Stands in for run_metrics.sh in tests of the page: writes what the engine writes for OUT, GT (and --also), or --list.
set -eu
if [ "$1" = --list ]; then
  echo '[{"name": "psnr", "title": {"en": "PSNR", "zh": "峰值"}, "direction": "higher", "unit": "dB", "source": "s", "licence": "", "needs": [], "lack": null}, {"name": "lpips_alex", "title": {"en": "LPIPS", "zh": "感知"}, "direction": "lower", "unit": "", "source": "s", "licence": "", "needs": [], "lack": {"en": "Needs weights.", "zh": "需要权重。", "action": null}}]'
  exit 0
fi
folder="" also="" output="$1" reference="$2"
while [ $# -gt 0 ]; do
  case "$1" in
    --folder) folder="$2" ;;
    --also) also="$2" ;;
  esac
  shift
done
cmp -s "$output" "$reference" && echo "the inputs were mixed up" >&2 && exit 1
results=""
for number in 1 2; do
  if [ "$number" = 2 ] && [ -z "$also" ]; then break; fi
  mkdir -p "$folder/$number"
  echo '{"fps": 25, "start_s": 0, "curves": {"psnr": [30.0, null, 31.5]}}' >"$folder/$number/frames.json"
  echo frame >"$folder/$number/frames.csv"
  echo film >"$folder/$number/pair.mp4"
  printf 'jpeg' >"$folder/$number/worst-psnr-000002.jpg"
  results="$results${results:+, }{\"name\": \"model $number\", \"metrics\": [], \"notes\": [], \"missing\": [], \"worst\": [{\"file\": \"worst-psnr-000002.jpg\", \"key\": \"psnr\", \"frame\": 2, \"time_s\": 0.08, \"value\": 30.0}]}"
done
echo "{\"results\": [$results]}" >"$folder/report.json"
echo table >"$folder/metrics.csv"
echo latex >"$folder/table.tex"
