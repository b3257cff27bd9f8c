"""The socket on which an extension answers its osqueryd: one thread a connection; Unix only."""

import contextlib
import socketserver
import struct
from typing import Any, Final

import structlog
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.Thrift import TException, TProcessor
from thrift.transport.TSocket import TSocket
from thrift.transport.TTransport import TBufferedTransport

log: Final = structlog.get_logger()

_MAX_REQUEST_BYTES: Final = 1024 * 1024


class ExtensionServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Listens beside the daemon's socket; each thread ends when the daemon hangs up."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, path: str, processor: TProcessor) -> None:
        self.processor = processor
        super().__init__(path, _Calls)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """A caller that sends what is no call loses its connection; nothing else happens."""
        log.warning("extension_call_failed")


class _Calls(socketserver.BaseRequestHandler):
    server: ExtensionServer

    def handle(self) -> None:
        connected = TSocket()
        connected.setHandle(self.request)
        protocol = TBinaryProtocol(
            TBufferedTransport(connected),
            string_length_limit=_MAX_REQUEST_BYTES,
            container_length_limit=_MAX_REQUEST_BYTES,
        )
        with contextlib.suppress(TException, OSError, EOFError, struct.error, ValueError):
            while True:
                self.server.processor.process(protocol, protocol)
