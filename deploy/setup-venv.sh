#!/usr/bin/env bash
# Makes the virtual environment named in $1 and installs Vigie in it, every dependency hash-checked.
# Where Debian's python3-venv is missing it is installed when we are root; otherwise the command is
# printed.
set -euo pipefail
venv=$1
python=${PYTHON:-python3}

"$python" - <<'PY' || { echo "Vigie needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" >&2; exit 1; }
import sys
sys.exit(sys.version_info < (3, 11))
PY

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
  package="python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv"
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing $package ..."
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$package" >/dev/null
  else
    echo "Python's venv module is missing. Install it, then run make again:" >&2
    echo "  sudo apt-get install $package" >&2
    exit 1
  fi
fi

echo "Setting up the virtual environment in $venv (a minute or two the first time) ..."
"$python" -m venv "$venv"
export PIP_DISABLE_PIP_VERSION_CHECK=1
# The file names every package there is to install. --no-deps: some releases of pip look past a pin
# for `name[extra]`, and stop once a newer release of it is out.
"$venv/bin/pip" install --quiet --no-deps --require-hashes -r requirements/dev.txt
"$venv/bin/pip" install --quiet --no-deps --no-build-isolation -e .
"$venv/bin/pip" check --quiet
