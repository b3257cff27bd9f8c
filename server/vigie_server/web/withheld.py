"""What is kept from contractors: names of people in evidence, and the reasons that quote it.

The header `Vigie-Withheld: personal-data` says so. A token made with `--personal-data` sees all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from fastapi.responses import Response

from vigie_server.domain.personal import REASON, without_names
from vigie_server.ports.lists import ChangeOfDevice, VerdictOfDevice
from vigie_server.ports.pages import Page, Pages, Position
from vigie_server.ports.readers import TransitionRecord, VerdictRecord
from vigie_server.ports.tokens import ApiCaller

HEADER: Final = "Vigie-Withheld"
WHAT: Final = "personal-data"

Item = TypeVar("Item", VerdictRecord, TransitionRecord, VerdictOfDevice, ChangeOfDevice)


@dataclass(frozen=True, slots=True)
class Withheld:
    """Takes names out of what is shown. `columns` are those that name people, by rule."""

    columns: Mapping[str, frozenset[str]]

    def pages(self, caller: ApiCaller, pages: Pages[Item]) -> Pages[Item]:
        """The pages as the caller may see them."""
        if caller.personal_data:
            return pages

        def shown(after: Position | None, limit: int) -> Page[Item]:
            page = pages(after, limit)
            return Page(self.of(caller, page.items), page.after)

        return shown

    def of(self, caller: ApiCaller, items: Sequence[Item]) -> Sequence[Item]:
        """Items as the caller may see them."""
        return items if caller.personal_data else [self.shown(item) for item in items]

    def shown(self, item: Item) -> Item:
        """The same without names."""
        shown: VerdictRecord | TransitionRecord | VerdictOfDevice | ChangeOfDevice
        match item:
            case VerdictOfDevice():
                shown = replace(item, verdict=self._verdict(item.verdict))
            case ChangeOfDevice():
                shown = replace(item, change=self._change(item.change))
            case VerdictRecord():
                shown = self._verdict(item)
            case _:
                shown = self._change(item)
        return shown

    def _verdict(self, record: VerdictRecord) -> VerdictRecord:
        columns = self.columns.get(record.rule)
        if columns is None:
            return record
        rows = [without_names(row, columns) for row in record.offending]
        return replace(record, reason=REASON, offending=rows)

    def _change(self, record: TransitionRecord) -> TransitionRecord:
        return replace(record, reason=REASON) if record.rule in self.columns else record


def told(caller: ApiCaller, answer: Response) -> Response:
    """The answer, which says that something is kept from the caller where it is."""
    if not caller.personal_data:
        answer.headers[HEADER] = WHAT
    return answer
