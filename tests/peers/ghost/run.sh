#!/usr/bin/env bash
# Ghost on SQLite, from npm. Verbs: install | start | stop.
. "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

version=6.65.0
home=$PEER_HOME/ghost

do_install() {
  local pnpm
  [ "$(cat "$home/.holds" 2>/dev/null)" != "$version" ] || return 0
  wheel_node
  rm -rf "$home"
  mkdir -p "$home/site" "$home/pnpm"
  (cd "$home" && npm pack --silent "ghost@$version" >/dev/null && tar xzf "ghost-$version.tgz" --strip-components=1 -C site)
  # Its package holds parts of its own that only pnpm installs, from its lock file.
  pnpm=$(node -p "require('$home/site/package.json').packageManager.split('+')[0]")
  echo '{"private":true}' >"$home/pnpm/package.json"
  npm install --prefix "$home/pnpm" --no-audit --no-fund --loglevel=error "$pnpm"
  # Of what would be built only the database is needed; the rest takes minutes, and Ghost goes without it.
  export CI=1
  pnpm=$home/pnpm/node_modules/.bin/pnpm
  (cd "$home/site" && "$pnpm" install --prod --frozen-lockfile --ignore-scripts --store-dir "$home/store" \
    --reporter=append-only && "$pnpm" rebuild --store-dir "$home/store" better-sqlite3)
  printf '%s\n' "$version" >"$home/.holds"
}

do_start() {
  # By the number: Ghost asks its own address, and looks names up in the DNS only.
  local content=$PEER_DATA/content url=http://127.0.0.1:$PORT
  wheel_node
  cp -r "$home/site/content" "$content"
  mkdir -p "$content"/{data,logs,images,files,media,settings,public}
  export url NODE_ENV=production server__host=127.0.0.1 server__port=$PORT
  export database__client=better-sqlite3 database__useNullAsDefault=true
  export database__connection__filename=$content/data/ghost.db paths__contentPath=$content/
  export privacy__useUpdateCheck=false privacy__useGravatar=false privacy__useRpcPing=false
  export security__staffDeviceVerification=false mail__transport=stub logging__level=warn
  export logging__transports='["stdout"]'
  cd "$home/site"
  launch ghost node index.js
  await ghost 120 curl -sf "$url/ghost/api/admin/site/"
  node "$peer/prepare.mjs" "$url" | keep_json
  [ -s "$PEER_DATA/peer.json" ] || { echo "Ghost was not set up" >&2; return 1; }
}

dispatch "$@"
