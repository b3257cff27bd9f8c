"""A call goes on to its end, whatever the server says of the connection meanwhile."""

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, DataReceived
from hyperframe.frame import GoAwayFrame, PingFrame

from vigie_server.simulator.stream import http_connection

REQUEST = [
    (b":method", b"POST"),
    (b":scheme", b"https"),
    (b":path", b"/"),
    (b":authority", b"localhost"),
]


def test_what_a_server_says_behind_its_goaway_is_heard_and_its_pings_are_answered() -> None:
    client, server = http_connection(), H2Connection(H2Configuration(client_side=False))
    client.initiate_connection()
    client.send_headers(1, REQUEST)
    server.initiate_connection()
    server.receive_data(client.data_to_send())
    server.send_headers(1, [(":status", "200")])
    client.receive_data(server.data_to_send())
    leaving = (
        GoAwayFrame(last_stream_id=2**31 - 1).serialize() + PingFrame(0, b"8 octets").serialize()
    )
    server.send_data(1, b"goodbye")

    events = client.receive_data(leaving + server.data_to_send())

    assert [event.data for event in events if isinstance(event, DataReceived)] == [b"goodbye"]
    assert any(isinstance(event, ConnectionTerminated) for event in events)
    assert b"8 octets" in client.data_to_send()
