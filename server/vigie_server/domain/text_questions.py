"""What a rule asks of the texts in its rows, proved from its expressions.

The devices of a fleet differ most in names: of people, of hosts, of products, serial numbers. A
rule rarely cares which name it is. It decides by whether one is empty or listed, and tells it in a
sentence. Where its expressions do nothing with a column but ask such questions, rows whose texts
have the same answers are alike to it: what it decided of one it decides of the other, and the words
alone differ (`Alike`).

Questions are `column == 'text'` and `!=`, `column in ['text', ...]`, `startsWith`, `endsWith` and
`contains` of a text, functions of `domain/conditions.py` over a parameter and the column, answered
by the very functions that CEL calls; and whether rows have the same text in the column: comparing
it with itself, or counting distinct ones. A column that stands anywhere else is given up, and so
are all of them where an expression is not read here (`domain/expressions.py`): that costs time and
nothing else. That cells are reached by their names alone is what `domain/rule_columns.py` proves.
"""

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from weakref import WeakValueDictionary

from vigie_server.domain.conditions import FUNCTIONS
from vigie_server.domain.expressions import Call, Items, Literal, Name, Node, NotRead, Select, tree
from vigie_server.domain.facts import CellTexts
from vigie_server.domain.parameters import Setting
from vigie_server.domain.topics import COMMON_COLUMNS, ColumnType, Topic

TEXTS_KEPT: Final = 512
"""Texts of one column whose answers are kept, of each choice of questions."""
_PARAMETERS: Final = "p"
_EQUALS: Final = "=="
_SAME: Final = "same"
_EDGE: Final = "\0"  # a text may hold it: then it is looked at by itself
_OF_TEXTS: Final[Mapping[str, Callable[[str, str], object]]] = {
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": str.__contains__,
    _EQUALS: str.__eq__,
}
"""What is asked of a text and another."""
_OF_PARAMETERS: Final = frozenset(
    {"listed", "supported", "support_end", "support_estimated", "product"}
)
"""Functions of a parameter and a text."""
_MACROS: Final = frozenset({"all", "exists", "exists_one", "filter", "map"})


@dataclass(frozen=True, slots=True)
class Question:
    """A function of a text and of `other`: a text, or the parameter of that name."""

    function: str
    other: str
    of_parameter: bool = False

    def asked(self, container: str, setting: Setting) -> Callable[[str], object]:
        """The question with the parameter in force."""
        other: object = self.other
        if self.of_parameter:
            other = setting.carried[f"{container}.{_PARAMETERS}.{self.other}"]
        function = _OF_TEXTS.get(self.function)
        if function is None:
            ours = FUNCTIONS[self.function]
            return lambda text: ours(other, text)
        return lambda text: function(text, other)  # type: ignore[arg-type] # a text, or of type text


WHETHER_THE_SAME: Final = Question(_SAME, "")
"""Asked of a column as a whole: which rows have the same text."""

Questions = Mapping[str, tuple[Question, ...]]
"""All that is asked of each column, by its name."""


class _Answers(dict[str, object]):
    """What is answered of each text of a column, or the text itself where no answer is given.

    Whether it is one of several texts is one question: it is that one, or none of them. Most
    columns hold nothing that is asked for: all their texts are looked through for it together.
    """

    def __init__(self, asks: Sequence[Question], container: str, setting: Setting) -> None:
        super().__init__()
        others = [ask for ask in asks if ask.function != _EQUALS]
        self._asked: Final = [ask.asked(container, setting) for ask in others]
        self._compared_to: Final = {ask.other: ask.other for ask in asks if ask.function == _EQUALS}
        self._traces: Final = [_trace(ask) for ask in others]
        self._at_once: Final = not any(
            ask.of_parameter or ask.function not in _OF_TEXTS for ask in asks
        )
        self._none: Final[object] = (None, *[False for _ in others])

    def __missing__(self, text: str) -> object:
        if len(self) >= TEXTS_KEPT:
            self.clear()
        try:
            found: object = (
                self._compared_to.get(text),
                *[ask(text) for ask in self._asked],
            )
        except (ValueError, LookupError, TypeError):  # evaluated, it fails, and says of what
            found = text
        self[text] = found
        return found

    def of(self, texts: Sequence[str]) -> Hashable:
        """What is answered of each."""
        if self._at_once and self._compared_to.keys().isdisjoint(texts):
            joined = _EDGE + _EDGE.join(texts) + _EDGE
            for trace in self._traces:
                if trace in joined:
                    break
            else:
                return (self._none,) * len(texts)
        return tuple(map(self.__getitem__, texts))


def _trace(ask: Question) -> str:
    """What stands in texts between edges where the answer to a question of any of them is yes."""
    if ask.function == "startsWith":
        return _EDGE + ask.other
    return ask.other + _EDGE if ask.function == "endsWith" else ask.other


_SHARED: Final[WeakValueDictionary[tuple[Question, ...], _Answers]] = WeakValueDictionary()
"""Answers to questions of texts alone, the same for every rule that asks them."""


def _answers(asks: tuple[Question, ...], container: str, setting: Setting) -> _Answers:
    known = _SHARED.get(asks)
    if known is None:
        known = _Answers(asks, container, setting)
        if not any(ask.of_parameter for ask in asks):
            _SHARED[asks] = known
    return known


Asking = Callable[[Sequence[str]], Hashable]
"""What is asked of a column: equal for texts that are alike, row by row."""


class Alike:
    """Tells contents of a topic apart as far as a rule with its parameters does."""

    __slots__ = ("asked",)

    def __init__(self, asked: Mapping[str, tuple[Asking, ...]]) -> None:
        self.asked: Final = asked
        """By column. One that is not among them is compared by its texts."""

    @classmethod
    def by(cls, questions: Questions, container: str, setting: Setting) -> "Alike":
        """As far as these questions do, of a rule with these parameters."""
        asked: dict[str, tuple[Asking, ...]] = {}
        for name, asks in questions.items():
            of_one = tuple([ask for ask in asks if ask is not WHETHER_THE_SAME])
            together: tuple[Asking, ...] = (_pattern,) if WHETHER_THE_SAME in asks else ()
            alone = (_answers(of_one, container, setting).of,) if of_one else ()
            asked[name] = (*together, *alone)
        return cls(asked)

    @classmethod
    def together(cls, rules: Iterable[tuple["Alike", Collection[str]]]) -> "Alike":
        """As far as any of these rules does, each given with the columns that it follows."""
        asked: dict[str, dict[Asking, None]] = {}
        by_text: set[str] = set()
        for alike, followed in rules:
            for name in followed:
                if name in alike.asked:
                    asked.setdefault(name, {}).update(dict.fromkeys(alike.asked[name]))
                else:
                    by_text.add(name)
        return cls({name: tuple(asks) for name, asks in asked.items() if name not in by_text})

    def telling(self, followed: Collection[str]) -> tuple[str, ...]:
        """Those of the columns that are followed of which it matters what they hold."""
        return tuple([name for name in followed if self.asked.get(name) != ()])

    def of(self, content: CellTexts) -> Hashable:
        """Equal for contents of which the rule decides the same, row by row."""
        count, columns = content
        asked = self.asked
        found: list[Hashable] = [count]
        for name, texts in columns:
            asks = asked.get(name)
            if asks is None:
                found += (name, texts)
            else:  # where nothing is, that it has travelled is known by the fact's columns
                for ask in asks:
                    found += (name, ask(texts))
        return tuple(found)


def _pattern(texts: Sequence[str]) -> tuple[int, ...]:
    """Of each text, the place among them of the first like it."""
    first: dict[str, int] = {}
    return tuple([first.setdefault(text, place) for place, text in enumerate(texts)])


def questions_of(
    expressions: Collection[str],
    followed: Sequence[str] | None,
    parameters: Collection[str],
    topic: Topic,
    *,
    elsewhere: Collection[str] = (),
) -> Questions:
    """The columns of texts of which a rule asks nothing but questions, and these.

    `followed` are the columns of the topic that its verdicts can follow; None for all. Columns
    `elsewhere` are those of its other topics: a text of one of that name may be compared with
    theirs.
    """
    if followed is None:
        return {}
    texts = [
        name
        for name in followed
        if name not in COMMON_COLUMNS and topic.columns[name].type is ColumnType.TEXT
    ]
    reading = _Reading(texts, frozenset(parameters), frozenset(elsewhere))
    try:
        for text in expressions:
            reading.follow(tree(text), {})
    except NotRead:
        return {}
    return {name: tuple(dict.fromkeys(found)) for name, found in reading.questions.items()}


_Local = Mapping[str, Sequence[str] | None]
"""Names of loops: the texts that one goes through where they are written down, or None."""


class _Reading:
    """Collects what expressions ask; a column that they use otherwise is given up."""

    def __init__(
        self, columns: Sequence[str], parameters: frozenset[str], elsewhere: frozenset[str]
    ) -> None:
        self.questions: Final[dict[str, list[Question]]] = {name: [] for name in columns}
        self._parameters: Final = parameters
        self._elsewhere: Final = elsewhere

    def follow(self, node: Node, local: _Local) -> None:
        """Takes an expression. Raises NotRead where a name means something else than it seems."""
        match node:
            case Select(of, field):
                self.questions.pop(field, None)
                self.follow(of, local)
            case Items(items):
                for item in items:
                    self.follow(item, local)
            case Call(function, of, arguments):
                if not self._asks(function, of, arguments, local):
                    self._follow_call(function, of, arguments, local)
            case _:
                pass

    def _follow_call(
        self, function: str, of: Node | None, arguments: Sequence[Node], local: _Local
    ) -> None:
        if of is not None:
            self.follow(of, local)
        match function, arguments:
            case macro, (Name(name), *asked) if of is not None and macro in _MACROS:
                if name == _PARAMETERS:
                    raise NotRead(name)
                inner = {**local, name: _texts(of)}
                for one in asked:
                    self.follow(one, inner)
            case _:
                for one in arguments:
                    self.follow(one, local)

    def _asks(
        self, function: str, of: Node | None, arguments: Sequence[Node], local: _Local
    ) -> bool:
        """Whether this is a question to one of the columns, which is then noted."""
        found: tuple[Node, Sequence[Question]] | None = None
        match function, of, arguments:
            case (("==" | "!="), None, (one, other)):
                found = self._compared(one, other, local) or self._compared(other, one, local)
            case "in", None, (cell, Items() as among):
                texts = _texts(among)
                found = None if texts is None else (cell, _equal_to(texts))
            case "size", None, (Call("distinct", None, (Call("map", rows, of_each),)),):
                return rows is not None and self._counts_distinct(rows, of_each, local)
            case _, None, (Select(Name("p"), name), cell) if function in _OF_PARAMETERS:
                if name in self._parameters:
                    found = cell, [Question(function, name, of_parameter=True)]
            case _, _, (Literal(str(text)),) if of is not None and function in _OF_TEXTS:
                found = of, [Question(function, text)]
            case _:
                pass
        return found is not None and self._notes(*found, local)

    def _compared(
        self, cell: Node, other: Node, local: _Local
    ) -> tuple[Node, Sequence[Question]] | None:
        match other:
            case Literal(str(text)):
                return cell, _equal_to([text])
            case Name(name) if (texts := local.get(name)) is not None:
                return cell, _equal_to(texts)
            case Select() if _column(other, local) == _column(cell, local):
                return cell, [WHETHER_THE_SAME]
            case _:
                return None

    def _counts_distinct(self, rows: Node, of_each: Sequence[Node], local: _Local) -> bool:
        match of_each:
            case Name(name), Select(Name(also)) as cell if name == also:
                if self._notes(cell, [WHETHER_THE_SAME], {**local, name: None}):
                    self.follow(rows, local)
                    return True
            case _:
                pass
        return False

    def _notes(self, cell: Node, questions: Sequence[Question], local: _Local) -> bool:
        column = _column(cell, local)
        if column is None or column not in self.questions:
            return False
        if WHETHER_THE_SAME in questions and column in self._elsewhere:
            return False
        self.questions[column] += questions
        return True


def _column(node: Node, local: _Local) -> str | None:
    """The column of a cell: a field of what a loop goes through."""
    match node:
        case Select(Name(name), field) if name in local and local[name] is None:
            return field
        case _:
            return None


def _equal_to(texts: Sequence[str]) -> Sequence[Question]:
    return [Question(_EQUALS, text) for text in texts]


def _texts(node: Node) -> Sequence[str] | None:
    """The texts of a list that is written down; None of anything else."""
    if not isinstance(node, Items):
        return None
    texts = [item.value for item in node.items if isinstance(item, Literal)]
    found = [text for text in texts if isinstance(text, str)]
    return found if len(found) == len(node.items) else None
