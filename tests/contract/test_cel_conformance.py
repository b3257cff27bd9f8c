"""What we rely on in `cel_expr_python`: an upgrade that changes any of it fails here first."""

from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any, Final

import pytest
from cel_expr_python import cel
from cel_expr_python.ext import ext_bindings, ext_strings

TYPE: Final[Any] = cel.Type
ROWS: Final = TYPE.List(TYPE.Map(TYPE.STRING, TYPE.DYN))
Evaluate = Callable[[str], Any]


def function(name: str, implementation: Callable[..., object], *parameters: Any) -> Any:
    overload = cel.Overload(name, TYPE.DYN, list(parameters), False, implementation)
    return cel.FunctionDecl(name, [overload])


def refuse(_text: str) -> object:
    raise ValueError("not on the list")


def environment(functions: Sequence[Any] = ()) -> Any:
    return cel.NewEnv(
        variables={
            "topics.firewall.rows": ROWS,
            "v1.topics.vpn.rows": ROWS,
            "v1.Q1.p.limit": TYPE.INT,
            "now": TYPE.INT,
            "anything": TYPE.DYN,
        },
        container="v1.Q1",
        functions=functions,
        extensions=[ext_bindings.ExtBindings(), ext_strings.ExtStrings()],
    )


ROW: Final = {"part": "ufw", "enabled": True, "rules": 3, "logs": None, "#": 0}
VALUES: Final[dict[str, object]] = {
    "topics.firewall.rows": [ROW, {**ROW, "enabled": False, "#": 1}],
    "v1.topics.vpn.rows": [],
    "v1.Q1.p.limit": 3,
    "now": 1_800_000_000,
    "anything": "text",
}


@pytest.fixture
def evaluate() -> Evaluate:
    """Evaluates on an activation of an environment that declares nothing, as the judge does."""
    compiler = environment(
        [
            function("refuse", refuse, TYPE.STRING),
            function("longest", lambda numbers: max(numbers, default=None), TYPE.LIST),
        ]
    )
    activation = cel.NewEnv(variables={}).Activation(VALUES)
    return lambda text: compiler.compile(text).eval(activation)


def test_the_version_is_the_one_that_was_studied() -> None:
    assert version("cel-expr-python") == "0.1.3"


@pytest.mark.parametrize(
    "text",
    [
        "1 / 0 > 1",
        "topics.firewall.rows.exists(r, r.missing)",
        "topics.firewall.rows.all(r, r.logs < 3)",
        "anything > 3",
        "anything && true",
        "refuse('x')",
    ],
)
def test_an_evaluation_error_is_a_truthy_value_of_type_error_with_a_text(
    evaluate: Evaluate, text: str
) -> None:
    value = evaluate(text)

    assert value
    assert value.type() == TYPE.ERROR
    assert isinstance(value.plain_value(), str)


@pytest.mark.parametrize(("text", "expected"), [("now > 3", True), ("now < 3", False)])
def test_a_boolean_is_pythons_own(evaluate: Evaluate, text: str, expected: bool) -> None:
    assert evaluate(text).plain_value() is expected


def test_a_text_is_told_from_an_error_by_its_type(evaluate: Evaluate) -> None:
    value = evaluate("'1 / 0'")

    assert value.type() == TYPE.STRING
    assert value.plain_value() == "1 / 0"


def test_loops_turn_ten_thousand_times_and_then_raise() -> None:
    within, beyond = [{"#": n} for n in range(9_999)], [{"#": n} for n in range(10_000)]
    compiled = environment().compile("topics.firewall.rows.all(r, r['#'] >= 0)")

    assert compiled.eval(data={"topics.firewall.rows": within}).plain_value() is True
    with pytest.raises(RuntimeError, match="budget"):
        compiled.eval(data={"topics.firewall.rows": beyond})


def test_loops_in_loops_share_the_budget() -> None:
    rows = [{"#": n} for n in range(101)]
    compiled = environment().compile(
        "topics.firewall.rows.all(a, topics.firewall.rows.all(b, a['#'] >= 0))"
    )

    with pytest.raises(RuntimeError, match="budget"):
        compiled.eval(data={"topics.firewall.rows": rows})


def test_a_name_is_looked_for_in_the_container_and_then_outwards(evaluate: Evaluate) -> None:
    assert evaluate("p.limit == 3").plain_value() is True
    assert evaluate("topics.vpn.rows.size()").plain_value() == 0
    assert evaluate("topics.firewall.rows.size()").plain_value() == 2


@pytest.mark.parametrize(
    "text",
    ["p.nothing > 3", "topics.usb.rows.size() > 0", "now == 'text'", "now +", "nothing(now)"],
)
def test_what_is_not_declared_does_not_compile(text: str) -> None:
    with pytest.raises(RuntimeError):
        environment().compile(text)


def test_a_declared_name_without_a_value_is_an_error_when_used() -> None:
    value = environment().compile("now > 3").eval(data={})

    assert value.type() == TYPE.ERROR


def test_an_activation_keeps_what_it_converted() -> None:
    rows = [{"enabled": True}]
    activation = cel.NewEnv(variables={}).Activation({"topics.firewall.rows": rows})
    compiled = environment().compile("topics.firewall.rows[0].enabled")

    before = compiled.eval(activation).plain_value()
    rows[0]["enabled"] = False
    after = compiled.eval(activation).plain_value()

    assert before is True
    assert after is True


@pytest.mark.parametrize(
    "cell", [pytest.param(10**30, id="too large"), pytest.param(object(), id="no value of CEL")]
)
def test_a_value_that_cannot_be_converted_is_an_error(cell: object) -> None:
    value = (
        environment()
        .compile("topics.firewall.rows.size() > 0")
        .eval(data={"topics.firewall.rows": [{"cell": cell}]})
    )

    assert value.type() == TYPE.ERROR


def test_a_lone_surrogate_raises() -> None:
    compiled = environment().compile("topics.firewall.rows.size() > 0")

    with pytest.raises(RuntimeError):
        compiled.eval(data={"topics.firewall.rows": [{"cell": "\ud800"}]})


def test_rows_come_back_by_their_number(evaluate: Evaluate) -> None:
    value = evaluate("[1] + topics.firewall.rows.filter(r, !r.enabled).map(r, r['#'])")

    assert value.plain_value() == [1, 1]


def test_a_null_equals_null_and_nothing_else(evaluate: Evaluate) -> None:
    assert evaluate("topics.firewall.rows[0].logs == null").plain_value() is True
    assert evaluate("topics.firewall.rows[0].logs == true").plain_value() is False
    assert evaluate("topics.firewall.rows[0].logs != true").plain_value() is True


def test_a_binding_that_fails_fails_only_where_it_is_used(evaluate: Evaluate) -> None:
    assert evaluate("cel.bind(x, 1 / 0, true)").plain_value() is True
    assert evaluate("cel.bind(x, 1 / 0, x > 0)").type() == TYPE.ERROR


def test_a_function_of_ours_may_answer_null(evaluate: Evaluate) -> None:
    assert evaluate("longest([])").plain_value() is None
    assert evaluate("longest([1, 5, 3])").plain_value() == 5


def test_a_decided_or_hides_an_error_beside_it(evaluate: Evaluate) -> None:
    assert evaluate("topics.firewall.rows.exists(r, r.missing || r.enabled)").plain_value() is True
