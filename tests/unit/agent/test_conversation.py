"""A digest may stand for a snapshot only when the server holds that very content."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from reporting import a_report, a_snapshot
from vigie_agent.domain.conversation import Conversation
from vigie_agent.domain.spooling import Entry


def an_entry(seq: int, cell: str, *, topic: str = "firewall", full: bool = False) -> Entry:
    return Entry(seq, a_report(a_snapshot(topic, cell)), full)


def digest(cell: str) -> bytes:
    return a_snapshot("firewall", cell).digest


def test_the_committed_content_travels_as_its_digest() -> None:
    conversation = Conversation(4)

    assert conversation.is_unchanged(an_entry(1, "on"), digest("on"))
    assert not conversation.is_unchanged(an_entry(1, "on"), digest("off"))
    assert not conversation.is_unchanged(an_entry(1, "on"), None)


def test_what_is_in_flight_counts_before_what_is_committed() -> None:
    conversation = Conversation(4)

    conversation.sent(an_entry(1, "off"))

    assert not conversation.is_unchanged(an_entry(2, "on"), digest("on"))
    assert conversation.is_unchanged(an_entry(2, "off"), digest("on"))


def test_what_the_server_asked_for_travels_whole() -> None:
    conversation = Conversation(4)

    assert not conversation.is_unchanged(an_entry(1, "on", full=True), digest("on"))


def test_after_a_rejection_nothing_is_taken_for_granted() -> None:
    conversation = Conversation(4)
    conversation.sent(an_entry(1, "on"))

    conversation.acknowledged(1, [1])

    assert not conversation.is_unchanged(an_entry(2, "on"), digest("on"))


def test_the_rejection_of_an_older_one_leaves_the_newer_one_standing() -> None:
    conversation = Conversation(4)
    conversation.sent(an_entry(1, "off"))
    conversation.sent(an_entry(2, "on"))

    conversation.acknowledged(2, [1])

    assert conversation.is_unchanged(an_entry(3, "on"), None)


def test_a_resend_makes_its_topics_travel_whole() -> None:
    conversation = Conversation(4)
    conversation.sent(an_entry(1, "on"))
    conversation.sent(an_entry(2, "on", topic="antivirus"))

    conversation.resend(["firewall"])

    assert not conversation.is_unchanged(an_entry(3, "on"), digest("on"))
    assert conversation.is_unchanged(an_entry(4, "on", topic="antivirus"), None)


def test_a_report_of_several_takes_one_place_and_is_refused_as_a_whole() -> None:
    conversation = Conversation(2)
    conversation.sent(an_entry(1, "on"), an_entry(2, "on", topic="antivirus"))
    conversation.sent(an_entry(3, "on", topic="usb"))

    assert conversation.in_flight == 2
    assert conversation.within(2) == ((1, "firewall"), (2, "antivirus"))
    conversation.acknowledged(3, [2])

    known = [
        conversation.is_unchanged(an_entry(4, "on", topic=topic), None)
        for topic in ("firewall", "antivirus", "usb")
    ]
    assert (known, conversation.in_flight) == ([False, False, True], 0)


def test_room_comes_back_with_acknowledgements() -> None:
    conversation = Conversation(2)
    conversation.sent(an_entry(1, "a"))
    conversation.sent(an_entry(2, "b"))
    full = conversation.has_room

    conversation.acknowledged(1, [])

    assert (full, conversation.has_room, conversation.in_flight) == (False, True, 1)


@dataclass
class Server:
    """Reads what was sent, later; rejects what it is told to reject."""

    held: bytes | None = None
    asked_again: int = 0
    contents: list[bytes] = field(default_factory=list)

    def read(self, entry: Entry, *, unchanged: bool, rejects: bool) -> None:
        if rejects:
            return
        if unchanged and self.held != entry.snapshot.digest:
            self.asked_again += 1
            return
        self.held = entry.snapshot.digest
        self.contents.append(entry.snapshot.digest)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 3)), max_size=30))
def test_a_server_that_rejects_nothing_never_has_to_ask_again(
    steps: list[tuple[str, int]],
) -> None:
    conversation, server = Conversation(100), Server()
    committed: bytes | None = None
    on_the_wire: list[tuple[Entry, bool]] = []

    for seq, (cell, reads) in enumerate(steps, start=1):
        entry = an_entry(seq, cell)
        on_the_wire.append((entry, conversation.is_unchanged(entry, committed)))
        conversation.sent(entry)
        for sent, unchanged in on_the_wire[:reads]:
            server.read(sent, unchanged=unchanged, rejects=False)
            conversation.acknowledged(sent.seq, [])
            committed = sent.snapshot.digest
        on_the_wire = on_the_wire[reads:]

    assert server.asked_again == 0
