"""A connection that nothing ends, as a named pipe of Windows is, over a Unix socket.

A module of its own, so that a child process can be told to use it.
"""

import socket

from thrift.transport.TSocket import TSocket

from vigie_agent.engines.osqueryd_wire import Connection, ConnectionBroken, ThriftConnection


def blocking_connection(path: str) -> Connection:
    """Connected to the Unix socket `path`, without any timeout."""
    connecting = socket.socket(socket.AF_UNIX)
    try:
        connecting.connect(path)
    except OSError as error:
        connecting.close()
        raise ConnectionBroken(error.strerror or "") from error
    transport = TSocket()
    transport.setHandle(connecting)
    return ThriftConnection(transport)
