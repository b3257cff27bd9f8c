"""A relay on loopback: takes whole messages by real SMTP over real STARTTLS, or refuses them."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import partial

from fakes.loopback import loopback_server


@dataclass
class MailRelay:
    """How it behaves; `taken` are the messages, with whom each was for.

    `answers` are given instead of the usual ones, once each, by the command's first word
    (`DATA.` for the end of a message); `taking` is set at each message.
    """

    tls: ssl.SSLContext | None = None
    answers: dict[str, bytes] = field(default_factory=dict)
    port: int = 0
    heard: list[str] = field(default_factory=list)
    taken: list[tuple[str, EmailMessage]] = field(default_factory=list)
    taking: asyncio.Event = field(default_factory=asyncio.Event)

    def subjects(self) -> list[str]:
        return [str(letter["Subject"]) for _, letter in self.taken]

    async def holds(self, count: int, within: float = 30) -> None:
        """Returns once it has taken so many messages."""
        async with asyncio.timeout(within):
            while len(self.taken) < count:
                self.taking.clear()
                await self.taking.wait()


@asynccontextmanager
async def mail_relay(relay: MailRelay) -> AsyncIterator[MailRelay]:
    """Serves on a free port, or the one it had, until the block is left."""
    async with loopback_server(partial(_talk, relay), port=relay.port) as relay.port:
        yield relay


async def _talk(
    relay: MailRelay, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    writer.write(b"220 relay.example ESMTP\r\n")
    to = ""
    while line := await reader.readline():
        command = line.decode().strip()
        word = command.split(":")[0].split()[0].upper()
        relay.heard.append(command)
        usual = {"DATA": b"354 go on\r\n", "QUIT": b"221 bye\r\n", "STARTTLS": b"220 go\r\n"}
        answer = usual.get(word, b"250 fine\r\n")
        if word == "EHLO":
            extensions = b"250-STARTTLS\r\n" if relay.tls else b""
            answer = b"250-relay.example\r\n" + extensions + b"250 HELP\r\n"
        if word == "RCPT":
            to = command.partition("<")[2].partition(">")[0]
        writer.write(relay.answers.pop(word, answer))
        await writer.drain()
        if word == "STARTTLS" and relay.tls:
            await writer.start_tls(relay.tls)
        if word == "DATA":
            content = (await reader.readuntil(b"\r\n.\r\n")).removesuffix(b".\r\n")
            end = relay.answers.pop("DATA.", b"250 taken\r\n")
            if end.startswith(b"250"):
                letter = message_from_bytes(content.replace(b"\r\n..", b"\r\n."), policy=default)
                relay.taken.append((to, letter))
                relay.taking.set()
            writer.write(end)
            await writer.drain()
        if word == "QUIT":
            return
