#!/usr/bin/env bash
# An authorization server (oidc-provider, certified) from npm. Verbs: install | start | stop.
. "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

package=oidc-provider@9.13.3
home=$PEER_HOME/oidc

modern_node() { # the system's Node if it is new enough (22)
  [ "$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)" -ge 22 ] || wheel_node
}

do_install() {
  modern_node
  [ "$(cat "$home/.holds" 2>/dev/null)" != "$package" ] || return 0
  rm -rf "$home"
  mkdir -p "$home"
  echo '{"private":true}' >"$home/package.json"
  npm install --prefix "$home" --no-audit --no-fund --loglevel=error "$package"
  printf '%s\n' "$package" >"$home/.holds"
}

do_start() {
  modern_node
  DESK_PORT=$(free_port) MODULES=$home SECRET=$(secret) launch oidc node "$peer/server.mjs"
  await oidc 60 test -e "$PEER_DATA/peer.json"
}

dispatch "$@"
