#!/usr/bin/env bash
# An SMTP server that fails by recipient, with a JSON view of what it kept. Verbs: install | start | stop.
# PORT is the view's; SMTP has a port of its own. See sink.py for the recipients.
. "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

do_install() { venv mail aiosmtpd==1.4.6 trustme==1.2.1; }

do_start() {
  local name plain ports password
  plain=$(free_port)
  ports="\"plain\": $plain"
  for name in starttls tls other stranger middle; do ports+=", \"$name\": $(free_port)"; done
  password=$(secret)
  SMTP_PORTS="{$ports}" SMTP_PASSWORD=$password \
    launch sink "$PEER_HOME/mail/bin/python" "$peer/sink.py" "$PEER_DATA/ca.pem"
  await sink 30 curl -sf "http://127.0.0.1:$PORT/"
  keep_json <<JSON
{"host": "127.0.0.1", "port": $plain, "ports": {$ports}, "user": "holdline", "password": "$password", "kept": "http://127.0.0.1:$PORT/",
 "authority": "$PEER_DATA/ca.pem"}
JSON
}

dispatch "$@"
