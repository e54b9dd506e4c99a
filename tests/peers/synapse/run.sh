#!/usr/bin/env bash
# Matrix Synapse on SQLite, from PyPI, without federation. Verbs: install | start | stop.
. "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

do_install() { venv synapse matrix-synapse==1.163.2; }

do_start() {
  local config=$PEER_DATA/config.yaml python=$PEER_HOME/synapse/bin/python url=http://127.0.0.1:$PORT shared
  shared=$(secret)
  (umask 077 && cat >"$config") <<YAML
server_name: bank.test
public_baseurl: $url/
pid_file: $PEER_DATA/synapse.own
listeners:
  - {port: $PORT, type: http, tls: false, bind_addresses: ['127.0.0.1'], resources: [{names: [client], compress: false}]}
database: {name: sqlite3, args: {database: $PEER_DATA/synapse.db}}
media_store_path: $PEER_DATA/media
signing_key_path: $PEER_DATA/signing.key
log_config: $PEER_DATA/log.yaml
registration_shared_secret: $shared
macaroon_secret_key: $(secret)
form_secret: $(secret)
report_stats: false
trusted_key_servers: []
federation_domain_whitelist: []
rc_message: {per_second: 1000, burst_count: 1000}
rc_login:
  address: {per_second: 1000, burst_count: 1000}
  account: {per_second: 1000, burst_count: 1000}
  failed_attempts: {per_second: 1000, burst_count: 1000}
YAML
  cat >"$PEER_DATA/log.yaml" <<YAML
version: 1
handlers: {console: {class: logging.StreamHandler}}
root: {level: WARNING, handlers: [console]}
disable_existing_loggers: false
YAML
  "$python" -m synapse.app.homeserver -c "$config" --generate-keys
  launch synapse "$python" -m synapse.app.homeserver -c "$config"
  await synapse 90 curl -sf "$url/_matrix/client/versions"
  SHARED=$shared "$python" "$peer/prepare.py" "$url" | keep_json
  [ -s "$PEER_DATA/peer.json" ] || { echo "Synapse was not set up" >&2; return 1; }
}

dispatch "$@"
