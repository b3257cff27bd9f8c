"""`augeas`: configuration files as trees, by the lenses of this machine's Augeas.

Conditions: `path = <file>` gives all below the file; `path LIKE` only the top node of each file,
unless it ends in `%%`; `node` takes a place in Augeas's tree, or a path expression. Without any,
every file that a lens is for is read. A file that its lens cannot parse has no rows: why is told
below `/augeas/files<path>/error`.
"""

from collections.abc import Iterable
from typing import Final

from vigie_agent.domain.table import Request, Table, TableRow
from vigie_agent.tables.augeas_library import AugeasTree, opened_tree
from vigie_agent.tables.columns import osquery_columns
from vigie_agent.tables.host import Host

AUGEAS: Final = osquery_columns("node index, value, label, path additional")

_EVERYTHING: Final = "/files//*"
_FILES: Final = "/files"
_ABOUT_FILES: Final = "/augeas/files"
_NOT_LITERAL: Final = frozenset("*[]|()$!=")


def tables(host: Host) -> tuple[Table, ...]:
    def generate(request: Request) -> Iterable[TableRow]:
        expressions = path_expressions(request)
        with opened_tree(host.root) as tree:
            _load(tree, host, expressions)
            for node in tree.matching("|".join(expressions)):
                request.check_time()
                yield {
                    "node": node.place,
                    "value": node.value,
                    "label": node.label,
                    # As osquery cuts it, also where it is no file's: `s/files/...` of /augeas.
                    "path": (node.file or node.place)[len(_FILES) :],
                }

    return (Table("augeas", AUGEAS, generate, platforms=frozenset({"linux"})),)


def path_expressions(request: Request) -> list[str]:
    """What to select from the tree, as Augeas writes it."""
    expressions = list(request.equals("node"))
    expressions += [_expression(pattern) for pattern in request.likes("node")]
    for path in request.equals("path"):
        expressions += [f"{_FILES}{path}//*", f"{_FILES}{path}"]
    expressions += [_FILES + _expression(pattern) for pattern in request.likes("path")]
    return expressions or [_EVERYTHING]


def _expression(pattern: str) -> str:
    """A `LIKE` pattern: Augeas knows no parts of names, so a level with a `%` is any level."""
    levels = pattern.split("/")
    if levels[-1] == "%%":
        levels[-1:] = ["", "*"]
    return "/".join("*" if "%" in level else level for level in levels)


def _load(tree: AugeasTree, host: Host, expressions: Iterable[str]) -> None:
    """Loads the files that the expressions name; all of them if they name none, which is slow."""
    files = [_named_file(host, expression) for expression in expressions]
    if None in files:
        tree.load_all()
        return
    for file in dict.fromkeys(files):
        if file:
            tree.load(file)


def _named_file(host: Host, expression: str) -> str | None:
    """The file an expression lies in; empty if no file can match; None if it names no file."""
    for prefix in (_ABOUT_FILES, _FILES):
        if expression.startswith(f"{prefix}/"):
            break
    else:
        return None
    path = ""
    for level in expression.removeprefix(prefix).split("/")[1:]:
        if not level or _NOT_LITERAL.intersection(level):
            return None
        path = f"{path}/{level}"
        if host.path(path).is_file():
            return path
        if not host.path(path).is_dir():
            return ""
    return None
