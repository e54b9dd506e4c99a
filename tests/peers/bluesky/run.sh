#!/usr/bin/env bash
# A Bluesky personal data server and the directory it needs, from npm. Verbs: install | start | stop.
. "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

packages='@atproto/pds@0.5.35 @did-plc/server@0.0.1'
home=$PEER_HOME/bluesky

modern_node() { # the system's Node if it is new enough (22)
  [ "$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)" -ge 22 ] || wheel_node
}

do_install() {
  modern_node
  [ "$(cat "$home/.holds" 2>/dev/null)" != "$packages" ] || return 0
  rm -rf "$home"
  mkdir -p "$home"
  echo '{"private":true}' >"$home/package.json"
  # shellcheck disable=SC2086 # two packages
  npm install --prefix "$home" --no-audit --no-fund --loglevel=error $packages
  printf '%s\n' "$packages" >"$home/.holds"
}

do_start() {
  modern_node
  DIRECTORY_PORT=$(free_port) MODULES=$home launch pds node "$peer/server.mjs"
  await pds 90 test -e "$PEER_DATA/peer.json"
}

dispatch "$@"
