"""What a parameter would change: the verdicts of its rule, from stored evidence, before it is set.

Both verdicts are worked out now, with and without the change: what time alone has changed since
the last judgement is not told as an effect of the parameter.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final

from vigie_server.domain.devices import Device
from vigie_server.domain.facts import Fact
from vigie_server.domain.rules import Catalogue
from vigie_server.domain.surroundings import Surroundings
from vigie_server.domain.verdicts import Status
from vigie_server.ports.foreseeing import Foreseen
from vigie_server.ports.sessions import RecordStore
from vigie_server.services.device_records import content_of
from vigie_server.services.rule_book import RuleBook

TOGETHER: Final = 50


@dataclass(frozen=True, slots=True)
class Foresee:
    """Judges devices as they are and as they would be; changes nothing."""

    store: RecordStore
    catalogue: Catalogue
    now: Callable[[], datetime]

    def __call__(
        self,
        keys: Sequence[int],
        rule_id: str,
        changed: Callable[[Surroundings], Surroundings],
        *,
        looked_at: Callable[[int], None] = lambda _: None,
    ) -> Iterator[Foreseen]:
        """The devices, in order, whose verdict would change if what is around them were `changed`.

        `looked_at` is told how many devices more have been judged.
        """
        rule = self.catalogue.rules[rule_id]
        book = RuleBook(replace(self.catalogue, rules={rule.id: rule}))
        for start in range(0, len(keys), TOGETHER):
            chunk = keys[start : start + TOGETHER]
            place = {key: number for number, key in enumerate(chunk)}
            for record, forms in sorted(
                self.store.many_with_forms(chunk), key=lambda found: place[found[0].key]
            ):
                facts: dict[str, Fact] = {}
                for topic in book.topics_of(rule.id) & forms.keys():
                    held = record.snapshots[topic]
                    content = partial(content_of, forms[topic])
                    fact = book.stored_fact(topic, held.digest, content, held.observed_at)
                    if fact is not None:
                        facts[topic] = fact
                other = changed(record.around).around(record.device)
                before, after = (
                    self._status(book, device, facts) for device in (record.device, other)
                )
                if before is not after:
                    yield Foreseen(record.device, before, after)
            looked_at(len(chunk))

    def _status(self, book: RuleBook, device: Device, facts: dict[str, Fact]) -> Status:
        (verdict,) = book.judge(device, facts, topics=None, on_device=True, now=self.now())
        return verdict.status
