#!/usr/bin/env bash
# The interpreter of tests/verify_audit.py: a Python of its own with the one package it needs.
set -euo pipefail

package=cryptography==50.0.2
venv=${PEER_HOME:-${HOME:-/var/tmp}/.cache/holdline-peers}/audit-venv

have() { # the very version, and able to verify a signature
  "$venv/bin/python" - "${package#*==}" <<'PY' 2>/dev/null
import sys
from importlib.metadata import version
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
sys.exit(version("cryptography") != sys.argv[1])
PY
}

if ! have; then
  python3 -m venv --clear "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: "$package"
  have
fi
echo "$venv/bin/python has $package"
