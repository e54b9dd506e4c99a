#!/usr/bin/env bash
# A browser for the console's tests: Debian's Chromium, and from npm what drives it and what checks
# accessibility. Both are installed once.
. "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

packages='playwright-core@1.65.1 axe-core@4.14.1'
home=$PEER_HOME/browser

[ -x /usr/bin/chromium ] || debian chromium
[ "$(cat "$home/.holds" 2>/dev/null)" != "$packages" ] || exit 0
rm -rf "$home"
mkdir -p "$home"
echo '{"private":true}' >"$home/package.json"
# shellcheck disable=SC2086 # two packages
npm install --prefix "$home" --no-audit --no-fund --loglevel=error $packages
printf '%s\n' "$packages" >"$home/.holds"
