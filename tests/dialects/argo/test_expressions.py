"""Tags, expressions and conditions: values, what may stay unresolved, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from polyrhythm.dialects.argo.expressions import (
    ExpressionError,
    evaluate,
    evaluate_when,
    substitute,
)

ENV = {
    "inputs.parameters.x": "3",
    "inputs.parameters.should-print": "true",
    "inputs.parameters": "[]",
    "tasks.flip-coin.outputs.result": "heads",
    "tasks.gone.outputs.parameters.p": None,
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("7 / 2", 3.5),
        ("-7 % 3", -1),
        ("2 ** 3 ** 2", 512.0),
        ("-2 ** 2", -4.0),
        ("not true || true", True),
        ("1 < 2 && 2 <= 2", True),
        ("1 == 1.0", True),
        ("'1' == 1", False),
        ("'a' + \"b\\n\"", "ab\n"),
        ("`raw\\n`", "raw\\n"),
        ("'it\\'s'", "it's"),
        ("1 in [1, 2] and 3 not in [1, 2]", True),
        ("'k' in {k: 1}", True),
        ("'abc' matches '^a.c$' && 'abc' contains 'b' && 'abc' startsWith 'a'", True),
        ("[1, 2, 3][1:]", [2, 3]),
        ("[1, 2, 3][-1]", 3),
        ("'hello'[1:3]", "el"),
        ("{a: {b: 1}}.a.b", 1),
        ("{a: nil}.a?.b", None),
        ("nil ?? 'x'", "x"),
        ("true ? 1 : 2", 1),
        ("if false { 1 } else { 2 }", 2),
        ("let a = 2; let b = 3; a * b", 6),
        ("filter([1, 2, 3, 4], # > 2)", [3, 4]),
        ("map(1..3, {# * #})", [1, 4, 9]),
        ("[{n: 1}, {n: 2}] | map(.n) | sum()", 3),
        ("reduce([1, 2, 3], #acc + #, 10)", 16),
        ("count([1, 2, 3], # % 2 == 1)", 2),
        ("sortBy([3, 1, 2], -#)", [3, 2, 1]),
        ("groupBy(['a', 'bb', 'c'], len(#))", {"1": ["a", "c"], "2": ["bb"]}),
        ("any([1, 2], # == 2) and all([1, 2], # > 0) and none([1], # > 1)", True),
        ("findIndex([5, 6], # == 6)", 1),
        ("asInt('4') + int(3.9)", 7),
        ("asFloat('1.5')", 1.5),
        ("string(5.0) + string(true)", "5true"),
        ("toJson({b: 1.0, a: [1, 'x']})", '{"a":[1,"x"],"b":1}'),
        ("jsonpath('{\"a\": [{\"b\": 7}]}', '$.a[0].b')", 7),
        ("jsonpath('{\"a\": [{\"b\": 7}]}', '$.a[*].b')", [7]),
        ("sprig.add(1, 2, 3) - sprig.max(1, 9)", -3),
        ("sprig.b64dec('aGk=')", "hi"),
        ("sprig.trim(' a ') | upper()", "A"),
        ("join(split('a,b', ','), '-')", "a-b"),
        ("round(2.5) + round(-2.5)", 0.0),
        ("// said\n1 /* and done */ + 1", 2),
        ("tasks['flip-coin'].outputs.result == 'heads' ? 1 : 2", 1),
        ("tasks.gone.outputs.parameters.p ?? 'none'", "none"),
        ("inputs.parameters['should-print'] == 'true'", True),
        ("1_000 + 0x10", 1016),
    ],
)
def test_values(text: str, value: Any) -> None:
    assert evaluate(text, ENV) == value
    assert type(evaluate(text, ENV)) is type(value)


@pytest.mark.parametrize(
    "text",
    [
        "1 +",
        "(1",
        "'open",
        "nothing",
        "nil.a",
        "[1][5]",
        "1 + 'a'",
        "1 && true",
        "5 % 0",
        "asInt('x')",
        "nofunction(1)",
        "sprig.env('HOME')",
        "'x'()",
        "#",
        "@",
        "1 2",
        "int(nil)",
        "filter([1], #)",
        "fromJSON('{')",
        "sprig.div(1, 0)",
    ],
)
def test_errors_are_expression_errors(text: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(text, ENV)


@pytest.mark.parametrize(
    "text",
    [
        "repeat('x', 100000000)",
        "sprig.repeat(100000000, 'x')",
        "1..100000000",
        "(" * 200 + "1" + ")" * 200,
        "-" * 200 + "1",
        "map(1..1000, map(1..1000, #))",
        "'" + "a" * 30 + "!' matches '(a+)+$'",
        "1 + " * 40_000 + "1",
        "1 + " * 4_000 + "1",
        "a" + ".b" * 4_000,
        "let a = 'xxxxxxxxxx'; " + "".join(f"let a = a + a{''}; " for _ in range(30)) + "a",
    ],
)
def test_what_explodes_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        evaluate(text, {})


def test_tags_are_replaced_in_texts_only() -> None:
    tree = {"a": ["{{ inputs.parameters.x }}-{{= asInt(inputs.parameters.x) + 1}}"], "n": 1}
    assert substitute(tree, ENV) == {"a": ["3-4"], "n": 1}
    assert substitute("{{=[1, 'a', {k: 2.0}]}}", {}) == '[1,"a",{"k":2}]'


def test_inner_tags_come_first() -> None:
    once = substitute("{{inputs.parameters.{{item}}}}", {"item": "x"})
    assert once == "{{inputs.parameters.x}}"
    assert substitute(once, ENV) == "3"


def test_what_is_not_known_stays_unless_it_must_be() -> None:
    assert substitute("{{later}} {{=item.a}} {{=bad(}}", {}) == "{{later}} {{=item.a}} {{=bad(}}"
    with pytest.raises(ExpressionError, match="failed to resolve"):
        substitute("{{later}}", {}, allow_unresolved=False)
    with pytest.raises(ExpressionError, match="is missing"):
        substitute("{{=tasks.a.status}}", {"tasks.b.status": "x"}, strict=("tasks",))
    with pytest.raises(ExpressionError, match="failed to resolve"):
        substitute("{{tasks.a.status}}", {}, strict=("tasks",))
    kept = "{{tasks.a.outputs.artifacts.b}}"
    assert substitute(kept, {}, strict=("tasks",)) == kept


def test_an_absent_output_is_an_error_or_a_fallback() -> None:
    name = "tasks.gone.outputs.parameters.p"
    with pytest.raises(ExpressionError, match="absent optional"):
        substitute(f"{{{{{name}}}}}", ENV)
    assert substitute(f"{{{{={name} ?? 'd'}}}}", ENV, strict=("tasks",)) == "d"


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("", True),
        ("heads == heads", True),
        ("heads != tails", True),
        ("5 > 3 && 2 <= 2", True),
        ("'a' in ('a', 'b')", True),
        ("c in (a, b)", False),
        ("'abc' =~ '^a' && 'abc' !~ 'z'", True),
        ("!(1 == 2) || false", True),
        ("1 + 2 * 3 == 7", True),
        ("2 ** 3 == 8", True),
        ("true == true", True),
        ('"x y" == "x y"', True),
        ("true ? false : true", False),
        ("'10' == 10", False),
    ],
)
def test_conditions(text: str, holds: bool) -> None:
    assert evaluate_when(text) is holds


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("abc", "Expected boolean evaluation for 'abc'. Got abc"),
        ("1", "Expected boolean evaluation for '1'. Got 1"),
        ("{{x}} == 1", "Invalid token"),
        ("1 ==", "Invalid 'when' expression"),
        ("a b", "Invalid 'when' expression"),
        ("a > 1", "cannot be used"),
        ("(1 == 1", "Unbalanced parenthesis"),
        ("(" * 500 + "true", "nested too deep"),
    ],
)
def test_bad_conditions(text: str, said: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate_when(text)
    assert said in str(caught.value)
