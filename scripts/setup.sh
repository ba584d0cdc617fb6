# Sourced by the scripts beside it: the development environment in .venv, made once and
# made again when pyproject.toml changes.

setup() {
  local python="${PYTHON:-python3}" stamp=.venv/.cogsmith-setup want
  want="$(cksum pyproject.toml) $("$python" -c 'import sys; print(sys.version_info[:2])')"
  if [ "$(cat "$stamp" 2>/dev/null)" = "$want" ]; then return; fi
  if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
    echo "cogsmith needs Python 3.10 or newer; name one with PYTHON=/path/to/python3" >&2
    exit 1
  fi
  echo "setting up .venv (once)" >&2
  [ -x .venv/bin/pip ] || "$python" -m venv .venv
  .venv/bin/pip install --quiet --disable-pip-version-check --editable '.[test]'
  echo "$want" > "$stamp"
}

setup
