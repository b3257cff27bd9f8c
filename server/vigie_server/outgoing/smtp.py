"""Notices by e-mail: a plain text and an HTML part, handed to the relay of the settings.

The relay is named by who runs the server, so it may be on a private address. Its certificate is
checked. Device text reaches headers only through `Message.subject`, which is one line.
"""

import asyncio
import smtplib
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from enum import StrEnum

from vigie_server.domain.notices.message import Message, as_html, as_text
from vigie_server.outgoing.secrets import NoSecret
from vigie_server.ports.notifying import Outcome, Sending, Sent

PERMANENT = range(500, 600)
"""Replies that are for good (RFC 5321, section 4.2.1)."""


class Encryption(StrEnum):
    """`none` is for a relay on loopback."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Relay:
    """Where messages are handed to. `password` reads it each time, so it can be changed."""

    host: str
    port: int
    encryption: Encryption
    user: str
    password: Callable[[], str]
    sender: str
    own_name: str
    within: float


@dataclass(frozen=True, slots=True)
class ByMail:
    """The `Carrier` of e-mail."""

    relay: Relay
    tls: ssl.SSLContext
    words: Callable[[Sending], Message]

    async def __call__(self, sending: Sending) -> Outcome:
        letter = letter_of(sending, self.words(sending), self.relay)
        return await asyncio.to_thread(self._hand_over, letter, sending.recipient.address)

    def _hand_over(self, letter: EmailMessage, address: str) -> Outcome:
        try:
            connection = self._connected()
            try:
                if self.relay.user:
                    connection.login(self.relay.user, self.relay.password())
                connection.send_message(letter, self.relay.sender, [address])
            finally:
                _leave(connection)
        except (NoSecret, smtplib.SMTPException, OSError, ValueError) as error:
            return _failed(error)
        return Outcome(Sent.SENT)

    def _connected(self) -> smtplib.SMTP:
        relay = self.relay
        if relay.encryption is Encryption.TLS:
            return smtplib.SMTP_SSL(
                relay.host,
                relay.port,
                local_hostname=relay.own_name,
                timeout=relay.within,
                context=self.tls,
            )
        connection = smtplib.SMTP(
            relay.host, relay.port, local_hostname=relay.own_name, timeout=relay.within
        )
        if relay.encryption is Encryption.STARTTLS:
            try:
                connection.starttls(context=self.tls)
            except BaseException:
                connection.close()
                raise
        return connection


def _failed(error: Exception) -> Outcome:
    """Why, without what the relay said: it may quote the address."""
    match error:
        case NoSecret():
            why = str(error)
        case smtplib.SMTPRecipientsRefused():
            code = next(iter(error.recipients.values()))[0]
            refused = Sent.REFUSED if code in PERMANENT else Sent.FAILED
            return Outcome(refused, f"the relay refused the address ({code})")
        case smtplib.SMTPResponseException():
            why = f"the relay answered {error.smtp_code}"
        case ssl.SSLCertVerificationError():
            why = f"the relay's certificate: {error.verify_message}"
        case smtplib.SMTPException():
            why = f"the relay does not follow: {type(error).__name__}"
        case _:
            why = f"the relay cannot be reached: {type(error).__name__}"
    return Outcome(Sent.FAILED, why)


def _leave(connection: smtplib.SMTP) -> None:
    """Takes leave. How the relay takes it changes nothing of what it took before."""
    with suppress(OSError, smtplib.SMTPException):
        connection.quit()
    connection.close()


def letter_of(sending: Sending, message: Message, relay: Relay) -> EmailMessage:
    """The e-mail. Its Message-ID is the same at each attempt."""
    letter = EmailMessage(policy=SMTP)
    letter["From"] = relay.sender
    letter["To"] = sending.recipient.address
    letter["Subject"] = message.subject
    letter["Date"] = format_datetime(sending.at)
    letter["Message-ID"] = f"<{sending.id}@{relay.sender.rpartition('@')[2]}>"
    letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's autoresponder answers it
    letter["Content-Language"] = message.language
    letter.set_content(as_text(message))
    letter.add_alternative(as_html(message), subtype="html")
    return letter
