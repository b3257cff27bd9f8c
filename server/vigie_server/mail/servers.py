"""Meets mail servers: EHLO, STARTTLS, the handshake, QUIT. The `MailServers`.

No message is ever handed over: neither MAIL nor RCPT is said. Whatever a server does, a meeting
takes bounded time and reads a bounded number of short lines (RFC 5321, sections 4.2 and 4.5.3).
"""

import asyncio
import errno
import re
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Final

from vigie_server.domain.mail.exchangers import Meeting, Met

MAX_LINE: Final = 2_048
MOST_LINES: Final = 100
"""Of one reply. RFC 5321 allows 512 octets a line; some servers say more."""
LEAVE_WITHIN: Final = 2.0
"""Seconds for a server to say good-bye."""

_REPLY: Final = re.compile(rb"([2-5][0-9]{2})([ -])?(.*)")
_HOST: Final = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*\.[A-Za-z-]{2,63}"
)
_READY: Final = 220
_DONE: Final = 250
_NO_ROUTE: Final = frozenset({errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})

# OpenSSL's X509_V_ERR_*.
_MET: Final[Mapping[int, Met]] = {
    9: Met.NOT_YET_VALID,
    10: Met.EXPIRED,
    18: Met.SELF_SIGNED,
    62: Met.WRONG_NAME,
}


def hello_name(names: Sequence[str]) -> str:
    """What to call oneself in EHLO (RFC 5321, section 4.1.3): a full name, else an address."""
    for name in names:
        if _HOST.fullmatch(name):
            return name
    for name in names:
        with suppress(ValueError):
            address = ip_address(name)
            return f"[IPv6:{address}]" if address.version == 6 else f"[{address}]"  # noqa: PLR2004
    return "localhost.localdomain"


class _Parted(Exception):
    """The meeting ends here."""

    def __init__(self, met: Met, said: str = "") -> None:
        super().__init__()
        self.met = met
        self.said = said


@dataclass(frozen=True, slots=True)
class _Reply:
    code: int
    lines: tuple[str, ...]

    @property
    def said(self) -> str:
        return f"{self.code} {self.lines[0]}".strip()


class SmtpMeetings:
    """Meets servers at `port`, in the name `own_name`; `tls`: whom to trust."""

    def __init__(self, *, own_name: str, port: int, within: float, tls: ssl.SSLContext) -> None:
        self._own_name = own_name
        self._port = port
        self._within = within
        self._tls = tls

    async def meet(self, host: str, address: str) -> Meeting:
        """Every trouble is a way in which the meeting ended."""
        try:
            async with asyncio.timeout(self._within):
                return await self._meet(host, address)
        except _Parted as parted:
            return Meeting(address, parted.met, parted.said)
        except (TimeoutError, EOFError):
            return Meeting(address, Met.NO_ANSWER)
        except OSError as error:
            met = Met.NO_ROUTE if error.errno in _NO_ROUTE else Met.NO_ANSWER
            return Meeting(address, met)

    async def _meet(self, host: str, address: str) -> Meeting:
        reader, writer = await asyncio.open_connection(address, self._port, limit=MAX_LINE)
        try:
            greeting = await _reply(reader)
            if greeting.code != _READY:
                raise _Parted(Met.TURNED_AWAY, greeting.said)
            hello = await _ask(reader, writer, f"EHLO {self._own_name}")
            if hello.code != _DONE:
                raise _Parted(Met.TURNED_AWAY, hello.said)
            if "STARTTLS" not in {line.strip().upper() for line in hello.lines[1:]}:
                await _leave(reader, writer)
                raise _Parted(Met.NO_STARTTLS)
            ready = await _ask(reader, writer, "STARTTLS")
            if ready.code != _READY:
                raise _Parted(Met.NO_STARTTLS, ready.said)
            until = await self._encrypt(writer, host)
            await _leave(reader, writer)
            return Meeting(address, Met.ENCRYPTED, valid_until=until)
        finally:
            writer.transport.abort()  # a close would wait for the server to agree
            with suppress(OSError):
                await writer.wait_closed()

    async def _encrypt(self, writer: asyncio.StreamWriter, host: str) -> datetime | None:
        try:
            await writer.start_tls(self._tls, server_hostname=host)
        except ssl.SSLCertVerificationError as error:
            met = _MET.get(error.verify_code, Met.UNTRUSTED)
            raise _Parted(met, error.verify_message) from error
        except ssl.SSLError as error:
            raise _Parted(Met.TLS_FAILED, error.reason or "") from error
        except (OSError, EOFError, ValueError) as error:  # ValueError: a name that TLS cannot say
            raise _Parted(Met.TLS_FAILED, type(error).__name__) from error
        certificate = writer.get_extra_info("peercert") or {}
        ends = certificate.get("notAfter")
        return None if ends is None else datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC)


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, command: str) -> _Reply:
    writer.write(f"{command}\r\n".encode("ascii"))
    await writer.drain()
    return await _reply(reader)


async def _leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes leave as is usual; how the server takes it changes nothing of what was seen."""
    with suppress(_Parted, OSError, EOFError):
        async with asyncio.timeout(LEAVE_WITHIN):
            await _ask(reader, writer, "QUIT")


async def _reply(reader: asyncio.StreamReader) -> _Reply:
    """A reply of one or several lines."""
    lines: list[str] = []
    for _ in range(MOST_LINES):
        try:
            line = await reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            raise _Parted(Met.NOT_SMTP) from None
        except asyncio.IncompleteReadError as error:
            if lines or error.partial:
                raise _Parted(Met.NOT_SMTP) from error
            raise
        matched = _REPLY.fullmatch(line.rstrip(b"\r\n"))
        if matched is None:
            raise _Parted(Met.NOT_SMTP)
        lines.append(matched[3].decode("latin-1"))
        if matched[2] != b"-":
            return _Reply(int(matched[1]), tuple(lines))
    raise _Parted(Met.NOT_SMTP)
