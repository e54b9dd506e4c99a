#!/usr/bin/env bash
# The fuzzer of the API: schemathesis, in a Python of its own.
set -euo pipefail

package=schemathesis==4.32.5
venv=${PEER_HOME:-${HOME:-/var/tmp}/.cache/holdline-peers}/schemathesis-venv

if [ "$(cat "$venv/.holds" 2>/dev/null)" != "$package" ]; then
  python3 -m venv --clear "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$package"
  printf '%s\n' "$package" >"$venv/.holds"
fi
"$venv/bin/schemathesis" --version
