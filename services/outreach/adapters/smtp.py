"""E-mail over SMTP, one connection kept open for the next message."""

from email.message import EmailMessage

import aiosmtplib

from libs.runtime.errors import RejectedError, TransientError
from services.outreach.ports import Mail


def compose(mail: Mail, sender: str) -> EmailMessage:
    """A message with one-click unsubscribe (RFC 8058) in two forms of the same text."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = mail.to
    message["Subject"] = mail.subject
    message["Message-ID"] = mail.message_id
    message["List-Unsubscribe"] = f"<{mail.unsubscribe_url}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message["Auto-Submitted"] = "auto-generated"
    if mail.simulated:
        message["X-Greenline-Simulated"] = "true"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message


class SmtpMailer:
    """Used by one task at a time: SMTP is a conversation."""

    def __init__(  # what a server needs to be told
        self,
        host: str,
        port: int,
        sender: str,
        *,
        user: str = "",
        password: str = "",
        starttls: bool = False,
        timeout_s: float = 10.0,
    ) -> None:
        self._sender = sender
        self._options = {
            "hostname": host,
            "port": port,
            "start_tls": starttls,
            "timeout": timeout_s,
            "username": user or None,
            "password": password or None,
        }
        self._client: aiosmtplib.SMTP | None = None

    async def send(self, mail: Mail) -> None:
        try:
            message = compose(mail, self._sender)
        except ValueError as error:  # an address with a line break or the like
            raise RejectedError(f"not a message: {error}") from error
        try:
            client = await self._connected()
            await client.send_message(message)
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _verdict(error.recipients[0].code, str(error.recipients[0].message)) from error
        except aiosmtplib.SMTPResponseException as error:
            raise _verdict(error.code, error.message) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            await self.close()
            raise TransientError(f"mail server: {error!r}") from error

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()

    async def _connected(self) -> aiosmtplib.SMTP:
        if self._client is None or not self._client.is_connected:
            client = aiosmtplib.SMTP(**self._options)  # type: ignore[arg-type]  # one dict for all options
            await client.connect()
            self._client = client
        return self._client


def _verdict(code: int, said: str) -> Exception:
    """RFC 5321: 5xx will not change by itself, anything else may."""
    text = f"{code} {said}"
    return RejectedError(text) if 500 <= code < 600 else TransientError(text)
