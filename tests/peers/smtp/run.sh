#!/usr/bin/env bash
# An SMTP server that fails by recipient, with a JSON view of what it kept. Verbs: install | start | stop.
# PORT is the view's; SMTP has a port of its own. See sink.py for the recipients.
. "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

do_install() { venv smtp aiosmtpd==1.4.6; }

do_start() {
  local smtp password
  smtp=$(free_port)
  password=$(secret)
  SMTP_PORT=$smtp SMTP_PASSWORD=$password launch sink "$PEER_HOME/smtp/bin/python" "$peer/sink.py"
  await sink 30 curl -sf "http://127.0.0.1:$PORT/"
  keep_json <<JSON
{"host": "127.0.0.1", "port": $smtp, "user": "holdline", "password": "$password", "kept": "http://127.0.0.1:$PORT/"}
JSON
}

dispatch "$@"
