"""Connections of HTTP readers: parsed by httptools, within a bound on what a request has to say.

llhttp, which httptools is made of, keeps no limit on the head of a request or on what follows its
body, and gathers both in memory before anybody has shown a token.
"""

from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_TOO_LONG: Final = "The head of the request is too long."


def within(max_head: int) -> type[HttpToolsProtocol]:
    """The protocol of a connection that is closed when a head, or trailers, pass so many bytes.

    One read of the socket more may be in memory: it is counted once it has been parsed.
    """

    class Bounded(HttpToolsProtocol):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self._unspoken = 0
            """Bytes since the last head, part of a body or end of a request."""

        def data_received(self, data: bytes) -> None:
            self._unspoken += len(data)
            super().data_received(data)
            if self._unspoken > max_head and not self.transport.is_closing():
                self.send_400_response(_TOO_LONG)

        def on_headers_complete(self) -> None:
            self._unspoken = 0
            super().on_headers_complete()

        def on_body(self, body: bytes) -> None:
            self._unspoken = 0
            super().on_body(body)

        def on_message_complete(self) -> None:
            self._unspoken = 0
            super().on_message_complete()

    return Bounded
