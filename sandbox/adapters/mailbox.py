"""An SMTP sink: takes every message, delivers none, tells who was written to."""

import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from typing import TYPE_CHECKING, Any

from aiosmtpd.smtp import SMTP, Envelope, Session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HOST = "127.0.0.1"
MOST = 20_000  # messages remembered; the count goes on


def _nobody(_address: str) -> None:
    """Until somebody wants to know."""


@dataclass  # without slots: aiosmtpd looks through its members, which fails in Python 3.11.2 for one with
class Mailbox:
    """What arrived. `on_mail` is called with each recipient's address."""

    on_mail: Callable[[str], None] = _nobody
    received: int = 0
    port: int = 0
    messages: list[Message] = field(default_factory=list)

    async def handle_DATA(  # noqa: N802 (aiosmtpd's name)
        self,
        server: SMTP,  # noqa: ARG002
        session: Session,  # noqa: ARG002
        envelope: Envelope,
    ) -> str:
        self.received += 1
        content = envelope.content
        if isinstance(content, bytes) and len(self.messages) < MOST:
            self.messages.append(message_from_bytes(content))
        for address in envelope.rcpt_tos:
            self.on_mail(address.lower())
        return "250 Message accepted by the sandbox"


@asynccontextmanager
async def open_mailbox(port: int = 0) -> "AsyncIterator[Mailbox]":
    """Listen for the length of the block; `port` 0 takes a free one."""
    mailbox = Mailbox()

    def protocol() -> Any:
        return SMTP(mailbox, enable_SMTPUTF8=True, hostname="sandbox.example", loop=loop)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, HOST, port)
    mailbox.port = server.sockets[0].getsockname()[1]
    try:
        yield mailbox
    finally:
        server.close()
