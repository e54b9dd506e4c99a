"""An SMTP server whose recipients choose its faults. What it accepted is read as JSON over HTTP.

    ok        accepted
    tempfail  451 at RCPT
    permfail  550 at RCPT
    full      552 after the message
    bounce    accepted, and `returned` has the report that comes back because nobody is there
    drop      the message is kept, then the connection ends without an answer
    slow      the answer to the message takes three seconds

It listens on several ports. `plain` has no TLS, and failing logins come back as 535. `starttls` takes nothing before
STARTTLS, `tls` begins with TLS; both show a certificate for 127.0.0.1 by the authority in `ca.pem`. The certificate of
`other` is for another machine, that of `stranger` by an authority that nobody trusts. `middle` is somebody on the way to
`starttls`: whatever the server answers to STARTTLS, it adds good answers in clear.

A fault word may carry a suffix after a plus sign: `drop+1@example.test`. Logging in is possible,
never required; a wrong password is refused with 535.
"""

import asyncio
import email
import email.policy
from email.message import Message
from email.mime.base import MIMEBase
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
import json
import os
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import trustme
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


def report(envelope, gone):
    """What a server sends back that finds out later that nobody is there (RFC 3464)."""
    whole = MIMEMultipart("report", report_type="delivery-status")
    whole["From"] = "Mail delivery <mailer-daemon@example.test>"
    whole["To"] = envelope.mail_from
    whole["Subject"] = "Returned mail"
    whole.attach(MIMEText("Your mail could not be delivered."))
    groups = [{"Reporting-MTA": "dns; mx.example.test"}]
    groups += [{"Final-Recipient": f"rfc822; {address}", "Action": "failed", "Status": "5.1.1",
                "Diagnostic-Code": f"smtp; 550 5.1.1 <{address}>: nobody is there"} for address in gone]
    status = MIMEBase("message", "delivery-status")
    status.set_payload([Message() for _ in groups])
    for group, fields in zip(status.get_payload(), groups):
        for name, value in fields.items():
            group[name] = value
    whole.attach(status)
    whole.attach(MIMEMessage(email.message_from_bytes(envelope.content)))
    return whole.as_string()


class Sink:
    def __init__(self, by):
        self.by = by

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
            "by": self.by,
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
            "returned": report(envelope, gone) if (gone := [a for a in envelope.rcpt_tos if fault(a) == "bounce"]) else None,
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


def certificate(authority, name):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    return context


def listen(by, port, **security):
    hidden = "tls_context" in security
    Controller(
        Sink(by),
        hostname=LOOPBACK,
        port=port,
        authenticator=authenticate,
        auth_require_tls=hidden,
        require_starttls=hidden,
        **security,
    ).start()


# "250 ok" to EHLO, the log-in, the sender, the recipient and the message, and what DATA needs.
FORGED = b"250-mail\r\n250 AUTH PLAIN\r\n235 in\r\n250 ok\r\n250 ok\r\n354 go on\r\n250 queued\r\n221 bye\r\n"


async def between(reader, writer):
    """Passes on what both say, and adds the forged answers once the server lets TLS begin."""
    to_server = await asyncio.open_connection(LOOPBACK, ports["starttls"])

    async def down():
        while line := await to_server[0].read(65536):
            writer.write(line + FORGED if line.startswith(b"220 ") and b"TLS" in line else line)
            await writer.drain()

    async def up():
        while content := await reader.read(65536):
            to_server[1].write(content)
            await to_server[1].drain()

    await asyncio.wait([asyncio.create_task(down()), asyncio.create_task(up())], return_when=asyncio.FIRST_COMPLETED)
    writer.close()
    to_server[1].close()


async def stand_between():
    server = await asyncio.start_server(between, LOOPBACK, ports["middle"])
    await server.serve_forever()


ports = json.loads(os.environ["SMTP_PORTS"])
trusted, strange = trustme.CA(), trustme.CA()
trusted.cert_pem.write_to_path(sys.argv[1])
listen("plain", ports["plain"])
listen("starttls", ports["starttls"], tls_context=certificate(trusted, LOOPBACK))
listen("tls", ports["tls"], ssl_context=certificate(trusted, LOOPBACK))
listen("other", ports["other"], tls_context=certificate(trusted, "mail.other.example"))
listen("stranger", ports["stranger"], tls_context=certificate(strange, LOOPBACK))
threading.Thread(target=lambda: asyncio.run(stand_between()), daemon=True).start()
ThreadingHTTPServer((LOOPBACK, int(os.environ["PORT"])), View).serve_forever()
