#!/bin/sh
# Builds the compiled wheel and unpacks it: compiled.sh BIN DIRECTORY. What users install from a release is what the
# benchmark measures; the tree itself stays pure Python.
set -eu
bin=$1 directory=$2
if ! command -v cc >/dev/null 2>&1; then
    echo "no C compiler: the benchmark measures the pure Python build" >&2
    exit 0
fi
wheels=$(mktemp -d)
trap 'rm -rf "$wheels"' EXIT
echo "compiling the hot path (about two minutes)" >&2
MAILFERRY_COMPILE=1 "$bin/python" -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir "$wheels" .
rm -rf "$directory"
"$bin/python" -m pip install --quiet --no-deps --target "$directory" "$wheels"/*.whl
