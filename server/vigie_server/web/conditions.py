"""Changes that hold only for what was read: `If-Match` and `If-None-Match` (RFC 9110, 13.1).

Who changes what a colleague has changed meanwhile is told so (412), and overwrites nothing. A
change that names a tag where nothing has one is refused too: a condition is never passed over.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

from fastapi import Header, Request
from pydantic import BaseModel

from vigie_server.domain.errors import ConditionFailed, ConditionMissing, DeclarationRefused
from vigie_server.ports.conditions import Require, whatever
from vigie_server.web.tags import changed_since, tag_of

IF_MATCH: Final = "If-Match"
IF_NONE_MATCH: Final = "If-None-Match"
_ANY: Final = "*"
_MARK: Final = 428
_TAG: Final = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')

CONDITIONAL: Final[dict[int | str, dict[str, Any]]] = {_MARK: {"description": "A tag is demanded."}}
"""What the documentation says of a change that takes conditions; it marks the route as such."""

Held = TypeVar("Held")
IfMatch = Annotated[
    str | None,
    Header(
        alias=IF_MATCH,
        description="Change it only while its `ETag` is one of these; `*`: only if it is there.",
        examples=['"8d3f0c"', _ANY],
    ),
]
IfNoneMatch = Annotated[
    str | None,
    Header(
        alias=IF_NONE_MATCH,
        description="`*`: only if it is not there yet.",
        examples=[_ANY],
    ),
]


@dataclass(frozen=True, slots=True)
class Condition:
    """What a change asks of the state that it finds. None: nothing."""

    match: Sequence[str] | None = None
    none_match: Sequence[str] | None = None

    def on(self, *shown: Callable[[Held], BaseModel]) -> Require[Held]:
        """The condition for a store, on what it holds as `shown` shows it, in one form or more."""
        if self.match is None and self.none_match is None:
            return whatever

        def require(held: Held | None) -> None:
            self.check(() if held is None else [show(held) for show in shown])

        return require

    def check(self, forms: Sequence[BaseModel]) -> None:
        """Raises ConditionFailed. `forms`: what is there, in each form; none: nothing is."""
        tags = [tag_of(form) for form in forms]
        if self.match is not None and not self._matches(self.match, tags):
            raise ConditionFailed(
                self._changed(forms), tags[0] if tags else None, tuple(self._fields(forms))
            )
        if self.none_match is not None and self._matches(self.none_match, tags):
            raise ConditionFailed(
                "it is there already: to change it, get it and send its `ETag` in `If-Match`",
                tags[0],
            )

    @staticmethod
    def _matches(given: Sequence[str], tags: Sequence[str]) -> bool:
        return bool(tags) if _ANY in given else not set(given).isdisjoint(tags)

    def _changed(self, forms: Sequence[BaseModel]) -> str:
        if not forms:
            return "there is nothing here, it was removed or never made: send it without `If-Match`"
        fields = self._fields(forms)
        what = f" ({', '.join(fields)})" if fields else ""
        return (
            f"it was changed since it was read{what}, and this change was not made: "
            "get it again, and send your change of it with its new `ETag`"
        )

    def _fields(self, forms: Sequence[BaseModel]) -> Sequence[str]:
        told = (changed_since(tag, form) for tag in self.match or () for form in forms)
        return next((fields for fields in told if fields), ())


def condition_of(request: Request, *, demanded: bool) -> Condition:
    """What a request demands. Raises DeclarationRefused, and ConditionMissing where it must."""
    match, none_match = (_tags(request, name) for name in (IF_MATCH, IF_NONE_MATCH))
    if demanded and match is None and none_match is None:
        raise ConditionMissing(
            "this server takes changes of what was read alone: get it and send its `ETag` in "
            f"`{IF_MATCH}`, or `{IF_NONE_MATCH}: *` to make what is not there yet"
        )
    return Condition(match, none_match)


def refuse_unbound(request: Request) -> None:
    """Raises ConditionFailed for a condition on a route that knows none."""
    route = request.scope.get("route")
    if IF_MATCH in request.headers and _MARK not in getattr(route, "responses", {}):
        raise ConditionFailed(f"no `ETag` names what this changes: send it without `{IF_MATCH}`")


def _tags(request: Request, name: str) -> Sequence[str] | None:
    lines = request.headers.getlist(name)
    if not lines:
        return None
    text = ",".join(lines).strip()
    if text == _ANY:
        return (_ANY,)
    found = _TAG.findall(text)
    if not found or _TAG.sub("", text).strip(", \t"):
        raise DeclarationRefused(
            f'{name}: give tags as `ETag` has them, in their quotation marks ("..."), or *'
        )
    return found
