#!/usr/bin/env bash
# A throw-away PostgreSQL for the tests. Verbs: install | start | crash | copy | promote | stop.
#
# `crash` ends the server at once, as a power cut does, and starts it again on the same port. `copy` makes a replica as
# of this moment; `promote` ends the server at once, and the replica takes its place, without what was committed since.
#
#   PEER_DATA  data, log and peer.json of this run (default: a fresh temporary folder)
#   PORT       TCP port on 127.0.0.1 (default: a free one)
#   PGBIN      folder of initdb and pg_ctl (default: the newest one installed)
#
# Durability stays at the server's defaults: fsync and synchronous_commit are on, because the
# tests that kill a node rely on what a commit promises. peer.json names the database URL; its
# password is random, so that nobody else on the machine can use the server.
set -euo pipefail

find_bin() { # the newest server whose initdb is there
  if [ -n "${PGBIN:-}" ]; then echo "$PGBIN"; return; fi
  local candidate newest=
  for candidate in $(printf '%s\n' /usr/lib/postgresql/*/bin /usr/local/pgsql/bin | sort -V); do
    [ ! -x "$candidate/initdb" ] || newest=$candidate
  done
  echo "$newest"
}

as_user() { # the server refuses to run as root
  if [ "$(id -u)" = 0 ]; then
    setpriv --reuid "$runas" --regid "$(id -g "$runas")" --clear-groups -- "$@"
  else
    "$@"
  fi
}

do_install() {
  if [ -z "$(find_bin)" ]; then
    [ "$(id -u)" = 0 ] || { echo "install a PostgreSQL server: initdb was not found" >&2; exit 1; }
    # RUNLEVEL=1: the package must not start a server of its own.
    get() { RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 "$@"; }
    get install -y --no-install-recommends postgresql || { get update && get install -y --no-install-recommends postgresql; }
  fi
  "$(find_bin)/postgres" --version
}

do_start() {
  local bin=$1 port=${PORT:-} password
  [ -n "$port" ] || port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
  mkdir -p "$cluster"
  (umask 077 && printf '%s\n' "$password" >"$cluster/password")
  if [ "$(id -u)" = 0 ]; then
    chmod a+x "$PEER_DATA"
    chown -R "$runas" "$cluster"
  fi
  as_user "$bin/initdb" -D "$cluster/data" -U holdline --pwfile="$cluster/password" -A scram-sha-256 \
    -E UTF8 --locale=C.UTF-8 >"$PEER_DATA/initdb.log"
  serve "$bin" "$cluster/data" "$port" \
    || { tail -n 20 "$cluster/log" >&2; exit 1; }
  (umask 077 && cat >"$PEER_DATA/peer.json" <<JSON
{
  "url": "postgres://holdline:$password@127.0.0.1:$port/postgres",
  "socket": "$cluster",
  "port": $port,
  "pid": $(head -n 1 "$cluster/data/postmaster.pid")
}
JSON
  )
  echo "PostgreSQL answers on 127.0.0.1:$port; $PEER_DATA/peer.json names its URL"
}

serve() { # serve BIN FOLDER PORT OPTION... ; many tests at once, each with a small pool of its own
  as_user "$1/pg_ctl" -s -w -t 60 -D "$2" -l "$cluster/log" \
    -o "-k '$cluster' -c listen_addresses=127.0.0.1 -p $3 -c max_connections=400 ${4:-}" start
}

do_crash() {
  local port
  port=$(sed -n 4p "$cluster/data/postmaster.pid")
  as_user "$1/pg_ctl" -s -w -m immediate -D "$cluster/data" stop
  serve "$1" "$cluster/data" "$port"
}

do_copy() {
  local port
  port=$(sed -n 4p "$cluster/data/postmaster.pid")
  PGPASSWORD=$(cat "$cluster/password") as_user "$1/pg_basebackup" -h 127.0.0.1 -p "$port" -U holdline \
    -D "$cluster/replica" -c fast
  as_user touch "$cluster/replica/standby.signal"
}

do_promote() {
  local port
  port=$(sed -n 4p "$cluster/data/postmaster.pid")
  as_user "$1/pg_ctl" -s -w -m immediate -D "$cluster/data" stop
  mv "$cluster/data" "$cluster/lost"
  mv "$cluster/replica" "$cluster/data"
  serve "$1" "$cluster/data" "$port" "-c primary_conninfo=''"
  as_user "$1/pg_ctl" -s -w -D "$cluster/data" promote
}

do_stop() { # by the process id in the cluster's own folder
  [ -e "$cluster/data/postmaster.pid" ] || return 0
  as_user "$1/pg_ctl" -s -w -t 30 -m fast -D "$cluster/data" stop \
    || as_user "$1/pg_ctl" -s -w -m immediate -D "$cluster/data" stop
}

verb=${1:-}
case $verb in
  install) do_install; exit ;;
  start | crash | copy | promote | stop) ;;
  *) echo "verbs: install start crash copy promote stop" >&2; exit 2 ;;
esac

cd / # the server's user may not enter the caller's folder
PEER_DATA=${PEER_DATA:-$(mktemp -d)}
mkdir -p "$PEER_DATA"
cluster=$PEER_DATA/pg
runas=$(id -un postgres 2>/dev/null || echo nobody)
bin=$(find_bin)
[ -n "$bin" ] || { echo "no PostgreSQL server here: run '$0 install' first" >&2; exit 1; }
"do_$verb" "$bin"
