#!/bin/sh
# Makes the virtual environment: setup.sh PYTHON VENV. Every package comes from constraints.txt, pinned and hashed.
set -eu
python=$1 venv=$2

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Mailferry needs Python 3.11 or newer; '$python' is $("$python" --version 2>&1)." >&2
    exit 1
}
if ! "$python" -m venv "$venv" 2>/dev/null; then
    # Debian ships venv in a package of its own.
    echo "installing python3-venv" >&2
    if [ "$(id -u)" = 0 ]; then sudo=; else sudo=sudo; fi
    $sudo apt-get update -qq
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
    "$python" -m venv --clear "$venv"
fi
echo "installing Python packages into $venv" >&2
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-warn-script-location \
    --require-hashes -r constraints.txt 2>&1 | grep -v '^WARNING: Location' >&2 || true
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e . 2>&1 |
    grep -v '^WARNING: Location' >&2 || true
"$venv/bin/mailferry" --help >/dev/null
