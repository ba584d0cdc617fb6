# Sourced by the scripts beside it: the development environment in .venv, made once, and
# brought up to date when pyproject.toml changes. $1 names extras: "" or "test".

setup() {
  local python="${PYTHON:-python3}" stamp=".venv/.cogsmith-${1:-run}" want
  if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
    echo "error: $python is missing or older than 3.10" >&2
    echo "hint:  name a newer one: PYTHON=/path/to/python3 $0" >&2
    exit 1
  fi
  want="$(cksum < pyproject.toml) $("$python" -V)"
  if [ "$(cat "$stamp" 2>/dev/null)" = "$want" ] && [ -x .venv/bin/cogsmith ]; then return; fi
  echo "setting up .venv${1:+ for tests} (once)" >&2
  [ -x .venv/bin/pip ] || "$python" -m venv .venv
  .venv/bin/pip install --quiet --disable-pip-version-check --editable ".${1:+[$1]}"
  echo "$want" > "$stamp"
}
