#!/usr/bin/env bash
# What counts as X counts, to compare with: twitter-text from npm, with the emoji of its own version.
. "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

packages='twitter-text@3.1.0 twemoji-parser@11.0.2 punycode@1.4.1'
home=$PEER_HOME/twitter-text

[ "$(cat "$home/.holds" 2>/dev/null)" != "$packages" ] || exit 0
rm -rf "$home"
mkdir -p "$home"
echo '{"private":true}' >"$home/package.json"
# shellcheck disable=SC2086 # several packages
npm install --prefix "$home" --no-audit --no-fund --ignore-scripts --loglevel=error $packages
printf '%s\n' "$packages" >"$home/.holds"
