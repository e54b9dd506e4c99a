#!/usr/bin/env bash
# WordPress from Debian over a MariaDB of its own, served by PHP. Verbs: install | start | stop.
. "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

source=${WORDPRESS:-/usr/share/wordpress}
theme=twentytwentythree # without one, a visitor sees an empty page

do_install() {
  if command -v mariadbd >/dev/null && [ -e "$source/wp-content/themes/$theme" ] && php -m 2>/dev/null | grep -qi mysqli; then return; fi
  debian wordpress "wordpress-theme-$theme" mariadb-server php-cli php-mysql php-gd php-xml php-mbstring php-curl
}

do_start() {
  local socket=$PEER_DATA/db.sock site=$PEER_DATA/site owner=() url=http://127.0.0.1:$PORT
  if [ "$(id -u)" = 0 ]; then # the database server refuses to run as root
    owner=(--user=mysql)
    mkdir -p "$PEER_DATA/db"
    chown mysql "$PEER_DATA" "$PEER_DATA/db"
    chmod a+x "$PEER_DATA"
  fi
  mariadb-install-db --no-defaults --datadir="$PEER_DATA/db" --auth-root-authentication-method=normal \
    --skip-test-db "${owner[@]}" >"$PEER_DATA/prepare.log" 2>&1
  launch mariadb mariadbd --no-defaults --datadir="$PEER_DATA/db" --socket="$socket" --skip-networking \
    --skip-log-bin --pid-file="$PEER_DATA/mariadb.own" "${owner[@]}"
  await mariadb 60 mariadb-admin --no-defaults --user=root --socket="$socket" ping
  mariadb --no-defaults --user=root --socket="$socket" --execute="create database wordpress character set utf8mb4"

  cp -rL "$source" "$site" # the package links into folders that the site must be able to write
  rm -f "$site/wp-config.php"
  mkdir -p "$site/wp-content/uploads"
  cp "$peer/config.php" "$site/wp-config.php"
  export WORDPRESS_URL=$url WORDPRESS_SOCKET=$socket
  php "$peer/prepare.php" "$site" | keep_json
  [ -s "$PEER_DATA/peer.json" ] || { echo "WordPress was not set up" >&2; return 1; }
  PHP_CLI_SERVER_WORKERS=4 launch php php -d upload_max_filesize=20M -S "127.0.0.1:$PORT" -t "$site"
  await php 60 curl -sf "$url/wp-json/"
}

dispatch "$@"
