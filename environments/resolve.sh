# shellcheck shell=bash
# The one place where a script switches environment. Source it, then end with:
#     tfg_exec NAME PROGRAM ARGUMENTS…
# 1. a conda, mamba or micromamba environment NAME that holds NAME/settings.json's "marker_packages" (people have other
# environments of these names); 2. the project's own environments/.envs/NAME (under TFG_HOME), if what was installed is
# what NAME/requirements.txt asks for; 3. exit code 3 and the command that creates it.
# TFG_ENV_PART=training asks for another part. Runs on bash 3.2 (macOS) too.

TFG_ENVIRONMENTS="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
TFG_ENVS="${TFG_HOME:-$(dirname "$TFG_ENVIRONMENTS")}/environments/.envs"

tfg_exec() {
  local name="$1" program="$2"
  shift 2
  # no module of the caller's Python may reach into the engine's
  unset PYTHONHOME VIRTUAL_ENV __PYVENV_LAUNCHER__
  if ! tfg_find "$name"; then
    _tfg_missing "$name"
    exit 3
  fi
  if [ "$TFG_KIND" = conda ]; then
    _tfg_conda_run "$name" "$program" "$@"
  else
    export VIRTUAL_ENV="$TFG_PREFIX" PATH="$TFG_PREFIX/bin:$PATH"
    if [ -x "$TFG_PREFIX/bin/$program" ]; then program="$TFG_PREFIX/bin/$program"; fi
    exec "$program" "$@"
  fi
}

# Finds environment NAME: sets TFG_KIND (conda or venv), TFG_PREFIX (its folder) and, for conda, TFG_CONDA and TFG_BY
# (how `run` is told of it). TFG_LACKS: the packages that a conda environment NAME, not used therefore, lacks.
tfg_find() {
  TFG_KIND="" TFG_PREFIX="" TFG_CONDA="" TFG_BY="" TFG_LACKS=""
  _tfg_find_conda "$1" && return 0
  tfg_is_ready "$1" "${TFG_ENV_PART:-inference}" || return 1
  TFG_KIND=venv TFG_PREFIX="$TFG_ENVS/$1"
}

# Whether the project's own NAME holds PART as its requirements ask now: its marker has "PART <sha256>".
tfg_is_ready() {
  local name="$1" part="$2" marker="$TFG_ENVS/$1/tfg-ready" file="requirements.txt" word sum digest
  [ -f "$marker" ] && [ -x "$TFG_ENVS/$name/bin/python" ] || return 1
  if [ "$part" != inference ]; then file="requirements-$part.txt"; fi
  [ -f "$TFG_ENVIRONMENTS/$name/$file" ] || return 1
  digest="$( (sha256sum 2>/dev/null || shasum -a 256) <"$TFG_ENVIRONMENTS/$name/$file")"
  while read -r word sum; do
    if [ "$word" = "$part" ] && [ "$sum" = "${digest%% *}" ]; then return 0; fi
  done <"$marker"
  return 1
}

_tfg_find_conda() {
  local name="$1" exe base folder lacks
  while IFS= read -r exe; do
    [ -n "$exe" ] && [ -x "$exe" ] || continue
    base="$(_tfg_base_of "$exe")"
    for folder in "$base/envs/$name" "$HOME/.conda/envs/$name" "${MAMBA_ROOT_PREFIX:-$base}/envs/$name" \
      "$(_tfg_registered "$name")" "$(_tfg_listed "$exe" "$base" "$name")"; do
      [ -x "$folder/bin/python" ] || continue
      lacks="$(_tfg_lacks "$folder" "$name")"
      if [ -n "$lacks" ]; then
        TFG_LACKS="$lacks"
        continue
      fi
      TFG_KIND=conda TFG_CONDA="$exe" TFG_PREFIX="$folder" TFG_LACKS=""
      # by name only where the tool looks names up
      TFG_BY=-p
      if [ "$folder" = "$base/envs/$name" ]; then TFG_BY=-n; fi
      return 0
    done
  done < <(_tfg_conda_candidates)
  return 1
}

# The marker packages of NAME that the environment in FOLDER lacks for the part that is asked for, with ", " between; a
# look at folders, no Python.
_tfg_lacks() {
  local folder="$1" package found lacks=""
  for package in $(_tfg_markers "$2" "${TFG_ENV_PART:-inference}"); do
    for found in "$folder"/lib/python*/site-packages/"$package"; do
      if [ -d "$found" ]; then continue 2; fi
    done
    lacks="$lacks${lacks:+, }$package"
  done
  printf '%s' "$lacks"
}

# The words of "marker_packages": {"PART": [ … ]}, which stands on one line of NAME/settings.json.
_tfg_markers() {
  local line
  [ -f "$TFG_ENVIRONMENTS/$1/settings.json" ] || return 0
  while IFS= read -r line; do
    case "$line" in
      *'"marker_packages"'*"\"$2\": ["*)
        line="${line##*"\"$2\": ["}"
        line="${line%%"]"*}"
        line="${line//\"/}"
        printf '%s' "${line//,/}"
        ;;
    esac
  done <"$TFG_ENVIRONMENTS/$1/settings.json"
}

# Executables that may be conda, the named ones first.
_tfg_conda_candidates() {
  local root tool
  printf '%s\n' "${CONDA_EXE:-}" "${MAMBA_EXE:-}"
  for tool in conda mamba micromamba; do type -P "$tool" || true; done
  for root in "$HOME" /opt /usr/local; do
    for tool in miniconda3 anaconda3 miniforge3 mambaforge miniconda anaconda conda micromamba; do
      printf '%s\n' "$root/$tool/bin/conda" "$root/$tool/bin/micromamba"
    done
  done
  printf '%s\n' "$HOME/.local/bin/micromamba"
  return 0
}

# The installation an executable belongs to: BASE of BASE/bin/conda or BASE/condabin/conda.
_tfg_base_of() {
  local folder="${1%/*}"
  case "${1##*/}" in
    micromamba) printf '%s' "${MAMBA_ROOT_PREFIX:-$HOME/micromamba}" ;;
    *) printf '%s' "${folder%/*}" ;;
  esac
}

# The path of NAME in the list that conda keeps of environments, also of those made outside its own folder.
_tfg_registered() {
  local line
  [ -f "$HOME/.conda/environments.txt" ] || return 0
  while IFS= read -r line; do
    if [ "${line##*/}" = "$1" ] && [ -x "$line/bin/python" ]; then
      printf '%s' "$line"
      return 0
    fi
  done <"$HOME/.conda/environments.txt"
}

# The path of NAME as the tool itself says, for one that does not stand in its base (a shim, a system package).
# Asking takes up to a second, so the answer is kept for ten minutes.
_tfg_listed() {
  local exe="$1" base="$2" name="$3" kept row path
  [ ! -d "$base/conda-meta" ] || return 0
  kept="$TFG_ENVS/.conda-$(printf '%s' "$exe" | tr -c 'A-Za-z0-9' _)"
  if [ -z "$(find "$kept" -mmin -10 2>/dev/null)" ]; then
    mkdir -p "$TFG_ENVS" 2>/dev/null
    { "$exe" env list 2>/dev/null; printf 'base-envs %s/envs\n' "$("$exe" info --base 2>/dev/null)"; } >"$kept.$$" &&
      mv -f "$kept.$$" "$kept"
  fi
  while IFS= read -r row; do
    path="/${row#*/}"
    case "$row" in
      "$name "* | "  $name "*) printf '%s' "$path"; return 0 ;;
      "base-envs /"*) if [ -d "$path/$name" ]; then printf '%s' "$path/$name"; return 0; fi ;;
    esac
  done <"$kept"
}

# `conda run` does not hand signals on, so this shell stays and does; everything else passes through unchanged.
_tfg_conda_run() {
  local name="$1" word flags="" child
  shift
  for word in "$@"; do
    case "$word" in
      *$'\n'*)
        _tfg_error newline_in_argument "An argument holds a line break, which conda cannot pass on; give the text as a file." \
          "参数中含有换行,conda 无法传递;请改用文件提供文本。"
        exit 2
        ;;
    esac
  done
  # micromamba, and a mamba without conda beside it (2.x), never capture output and do not know the flag
  if [ "${TFG_CONDA##*/}" = conda ]; then
    flags=--no-capture-output
  elif [ "${TFG_CONDA##*/}" = mamba ] && [ -x "${TFG_CONDA%/*}/conda" ]; then
    TFG_CONDA="${TFG_CONDA%/*}/conda" flags=--no-capture-output
  fi
  if [ "$TFG_BY" = -p ]; then name="$TFG_PREFIX"; fi
  "$TFG_CONDA" run "$TFG_BY" "$name" ${flags:+"$flags"} "$@" <&0 &
  child=$!
  TFG_INTERRUPTED=""
  trap '_tfg_signal_tree TERM '"$child" TERM HUP
  # a shell starts its background children deaf to INT (Ctrl-C)
  trap 'TFG_INTERRUPTED=130; _tfg_signal_tree TERM '"$child" INT
  _tfg_wait "$child"
}

# Waits for the child through any number of signals and ends with its exit code, or 130 after Ctrl-C.
_tfg_wait() {
  local code=0
  wait "$1" || code=$?
  while kill -0 "$1" 2>/dev/null; do
    code=0
    wait "$1" || code=$?
  done
  exit "${TFG_INTERRUPTED:-$code}"
}

# Signals a process and everything under it, the youngest first.
_tfg_signal_tree() {
  local child
  for child in $(ps -A -o pid=,ppid= | awk -v parent="$2" '$2 == parent { print $1 }'); do
    _tfg_signal_tree "$1" "$child"
  done
  kill -s "$1" "$2" 2>/dev/null || true
}

_tfg_missing() {
  local part="${TFG_ENV_PART:-inference}" how en="" zh=""
  how="python environments/manage.py create $1"
  if [ "$part" != inference ]; then how="$how --part $part"; fi
  if [ -n "$TFG_LACKS" ]; then en=" (conda's one lacks $TFG_LACKS)" zh="(conda 中的同名环境缺少 $TFG_LACKS)"; fi
  printf 'error: environment %s (%s) is not ready%s; create it with: %s\n' "$1" "$part" "$en" "$how" >&2
  if [ -n "${TFG_JOB_DIR:-}" ]; then
    printf '@error {"code": "environment_missing", "en": "The environment %s is not ready%s; create it with: %s", "zh": "环境 %s 尚未准备好%s;请运行:%s", "fix": {"action": "create_environment", "name": "%s", "part": "%s"}}\n' \
      "$1" "$en" "$how" "$1" "$zh" "$how" "$1" "$part" >&2
  fi
}

_tfg_error() {
  printf 'error: %s\n' "$2" >&2
  if [ -n "${TFG_JOB_DIR:-}" ]; then printf '@error {"code": "%s", "en": "%s", "zh": "%s"}\n' "$1" "$2" "$3" >&2; fi
}
