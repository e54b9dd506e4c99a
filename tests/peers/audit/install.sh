#!/usr/bin/env bash
# What tests/verify_audit.py needs: a Python environment with an Ed25519 package.
. "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

mkdir -p "$PEER_HOME"
venv audit-venv cryptography==50.0.2
