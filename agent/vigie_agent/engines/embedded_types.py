"""Column types as osquery names them, for columns that are no table's own but computed.

osquery reads them off SQLite's program, and so do we: the instruction that fills a register says
what the register holds; a result row is a run of registers. What no instruction tells is UNKNOWN.
A type is a hint for the reader, never used to convert.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

UNKNOWN: Final = "UNKNOWN"


class Instruction(NamedTuple):
    """One line of `EXPLAIN`, as far as it matters here."""

    opcode: str
    p1: int
    p2: int
    p3: int

    @classmethod
    def read(cls, line: Sequence[object]) -> "Instruction":
        """From EXPLAIN's columns: address, opcode, three operands, and what we do not need."""
        _address, opcode, *operands = line
        p1, p2, p3 = (value if isinstance(value, int) else 0 for value in operands[:3])
        return cls(str(opcode), p1, p2, p3)


# What an instruction leaves behind, by the register (second or third operand) it writes to.
_WRITES_P2: Final[Mapping[str, str]] = {
    "Integer": "INTEGER",
    "Int64": "BIGINT",
    "String": "TEXT",
    "String8": "TEXT",
    "Not": "INTEGER",
    "BitNot": "INTEGER",
}
_WRITES_P3: Final[Mapping[str, str]] = {
    "Concat": "TEXT",
    "AggStep": "BIGINT",
    "Or": "INTEGER",
    "And": "INTEGER",
    "BitAnd": "INTEGER",
    "BitOr": "INTEGER",
    "ShiftLeft": "BIGINT",
    "ShiftRight": "BIGINT",
    "Add": "BIGINT",
    "Subtract": "BIGINT",
    "Multiply": "BIGINT",
    "Divide": "BIGINT",
    "Remainder": "BIGINT",
}
_CAST_TO: Final[Mapping[str, str]] = {
    "A": "BLOB",
    "B": "TEXT",
    "C": "INTEGER",
    "D": "BIGINT",
    "E": "DOUBLE",
}


def column_types(declared: Sequence[str | None], program: Iterable[Instruction]) -> tuple[str, ...]:
    """The type of each result column: its table's, else what the program tells."""
    types = list(declared)
    registers: dict[int, str] = {}
    for step in program:
        if step.opcode == "ResultRow":
            for index, known in enumerate(declared):
                types[index] = known or registers.get(step.p1 + index, types[index])
        else:
            _follow(step, registers)
    return tuple(type_ or UNKNOWN for type_ in types)


def _follow(step: Instruction, registers: dict[int, str]) -> None:
    """What the registers hold after `step`."""
    match step.opcode:
        case "Copy":
            for offset in range(step.p3 + 1):
                if step.p1 + offset in registers:
                    registers[step.p2 + offset] = registers.pop(step.p1 + offset)
        case "Cast" if chr(step.p2) in _CAST_TO:
            registers[step.p1] = _CAST_TO[chr(step.p2)]
        case opcode if opcode in _WRITES_P2:
            registers[step.p2] = _WRITES_P2[opcode]
        case opcode if opcode in _WRITES_P3:
            registers[step.p3] = _WRITES_P3[opcode]
        case _:
            pass
