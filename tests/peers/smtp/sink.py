"""An SMTP server whose recipients choose its faults. What it accepted is read as JSON over HTTP.

    ok        accepted
    tempfail  451 at RCPT
    permfail  550 at RCPT
    full      552 after the message
    drop      the message is kept, then the connection ends without an answer
    slow      the answer to the message takes three seconds

A fault word may carry a suffix after a plus sign: `drop+1@example.test`. Logging in is possible,
never required; a wrong password is refused with 535.
"""

import asyncio
import email
import email.policy
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

LOOPBACK = "127.0.0.1"
REFUSED = {"tempfail": "451 4.7.1 Try again later", "permfail": "550 5.1.1 No such mailbox"}
kept = []


def fault(address):
    return address.split("@")[0].split("+")[0]


def authenticate(server, session, envelope, mechanism, data):
    expected = LoginPassword(b"holdline", os.environ["SMTP_PASSWORD"].encode())
    if data == expected:
        return AuthResult(success=True)
    return AuthResult(success=False, handled=False, message="535 5.7.8 Wrong user name or password")


class Sink:
    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = REFUSED.get(fault(address))
        if answer is None:
            envelope.rcpt_tos.append(address)
        return answer or "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        faults = {fault(address) for address in envelope.rcpt_tos}
        if "full" in faults:
            return "552 5.2.2 Mailbox full"
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        words = {kind: part.get_content() for kind in ("plain", "html") if (part := message.get_body((kind,)))}
        kept.append({
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": {name.lower(): str(value) for name, value in message.items()},
            "text": words.get("plain", ""),
            "html": words.get("html"),
            "pictures": [
                {"id": part["content-id"], "type": part.get_content_type(), "inside": part.get_content_disposition(),
                 "bytes": part.get_content().hex()}
                for part in message.walk() if part.get_content_maintype() == "image"
            ],
            "authenticated": session.authenticated,
        })
        if "slow" in faults:
            await asyncio.sleep(3)
        if "drop" in faults:
            server.transport.abort()
            return None
        return "250 2.0.0 Queued"


class View(BaseHTTPRequestHandler):
    def do_GET(self):
        content = json.dumps(kept).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        pass


Controller(
    Sink(),
    hostname=LOOPBACK,
    port=int(os.environ["SMTP_PORT"]),
    authenticator=authenticate,
    auth_require_tls=False,
).start()
ThreadingHTTPServer((LOOPBACK, int(os.environ["PORT"])), View).serve_forever()
