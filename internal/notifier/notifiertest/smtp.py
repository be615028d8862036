"""An SMTP server for tests: each message that it takes is one line of JSON on standard output.

usage: smtp.py none|starttls|implicit CERTIFICATE KEY
The first line is the port. alice may log in with "open sesame"; mail to nobody@ is refused for good, to later@ for now.
"""

import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

mode, certificate, key = sys.argv[1:4]


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 5.1.1 no such mailbox"
        if address.startswith("later@"):
            return "451 4.7.1 come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        print(json.dumps({
            "from": envelope.mail_from, "to": envelope.rcpt_tos, "hello": session.host_name,
            "tls": session.ssl is not None or mode == "implicit", "user": getattr(session.auth_data, "login", b"").decode(),
            "data": envelope.content.decode("latin-1"),
        }), flush=True)
        return "250 2.0.0 taken as number 4711"


def authenticate(server, session, envelope, mechanism, data):
    good = data.login == b"alice" and data.password == b"open sesame"
    return AuthResult(success=good, handled=False, auth_data=data)


async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def session():
        return SMTP(Handler(), hostname="test.invalid", authenticator=authenticate, auth_require_tls=mode == "starttls",
                    tls_context=context if mode == "starttls" else None, enable_SMTPUTF8=True)

    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0, ssl=context if mode == "implicit" else None)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
