"""The rules of arguments, and the words in which they refuse."""

import numpy as np
import pytest

from keras_classics import checks
from tests import public

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("rule", "words", "good", "bad"),
    [
        (checks.whole(), "a whole number", (0, -3, np.int64(2), 10**400), (1.0, True, "1", None)),
        (checks.whole(1), "a whole number, at least 1", (1, 7), (0, -1)),
        (checks.whole(0, 5), "a whole number from 0 to 5", (0, 5), (-1, 6)),
        (
            checks.number(),
            "a number",
            (0, -1.5, np.float32(2)),
            (NAN, INF, -INF, True, 1j, "1", 10**400, np.ones(2)),
        ),
        (checks.number(0), "a number, at least 0", (0, 1e300), (-1e-300,)),
        (checks.number(above=0), "a number above 0", (1e-300,), (0, -1)),
        (checks.number(0, 1), "a number from 0 to 1", (0, 1), (-0.1, 1.1)),
        (checks.number(0, below=1), "a number from 0 to below 1", (0, 0.99), (1,)),
        (checks.number(above=0, most=1), "a number above 0, at most 1", (1,), (0, 1.1)),
        (checks.one_of(None, "a", "b"), 'None, "a" or "b"', (None, "a"), ("c", 0, [], np.ones(2))),
        (checks.one_of(1, 2), "1 or 2", (1, 2), (True, 1.0, "1")),
        (checks.optional(checks.COUNT), "None or a whole number, at least 1", (None, 1), (0,)),
        (checks.PAIR, "a pair of whole numbers, each at least 1", ((1, 2), [3, 4]), ((1,), "ab")),
        (checks.several(checks.SHARE), "one or more values, each a nu", ([0.5], np.ones(2)), ([],)),
        (
            checks.several(checks.SHARE, 0),
            "any number of values, each",
            ([], (1,)),
            ((2,), np.ones(())),
        ),
        (checks.several(checks.COUNT, 3, 3), "3 values, each", ((1, 2, 3),), ((1, 2), 5)),
        (checks.span(checks.COUNT), "a pair (smallest, largest), each", ((1, 1),), ((2, 1), (1,))),
        (checks.rising(checks.COUNT), "values that rise, each a", ((), (1, 2)), ((1, 1), (2, 1))),
        (checks.BOOL, "True or False", (True, 0, 1), (2, "x", None, 1.0)),
        (checks.TEXT, "text", ("",), (1, None, b"x")),
        (checks.PATH, "a path", ("x",), (1, b"x")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_rules(rule, words, good, bad):
    assert rule.words.startswith(words)
    for value in good:
        rule.check("it", value)
    for value in bad:
        with pytest.raises(ValueError, match="`it` must be .* Received: it="):
            rule.check("it", value)


def test_a_rule_of_a_public_argument_answers_for_any_value():
    values = [None, 5, -1.5, NAN, True, 1j, "", "x", b"x", {}, {1: 2}, [], [None], (1, "x")]
    values += [[[1], 2], iter([1]), object(), print, int]
    values += [np.ones(()), np.ones(2), np.ones((2, 2)), np.array("x"), np.array([None])]
    answers = []
    for name, face in public.faces().items():
        methods = vars(face).values() if isinstance(face, type) else [face]
        for argument, rule in [r for m in methods for r in getattr(m, "rules", {}).items()]:
            for value in values:
                try:
                    answers.append(bool(rule.holds(value)))
                except Exception as error:
                    pytest.fail(f"{name}, `{argument}`, for {value!r}: {error!r}")
    assert answers.count(False) > answers.count(True) > 500


def test_arguments():
    @checks.arguments(side=checks.whole(8))
    def network(side, *others, classes=10, **more):
        """A network."""
        return side, others, classes, more

    assert network(np.int64(8), -1, 0, classes=np.int64(2), x=-1) == (8, (-1, 0), 2, {"x": -1})
    assert type(network(8, classes=np.int64(2))[2]) is int
    assert network(8)[2] == 10
    assert (network.__name__, network.__doc__) == ("network", "A network.")
    with pytest.raises(
        ValueError, match=r"`side` must be a whole number, at least 8. Received: side=7"
    ):
        network(7)
    with pytest.raises(ValueError, match=r"`classes` must be .*at least 1. Received: classes=0"):
        network(8, classes=0)
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'side'"):
        network()


def test_long_values_are_shown_in_one_line():
    assert checks.shown("x" * 200) == "'" + "x" * 96 + "..."
    assert "\n" not in checks.shown(np.ones((30, 30)))


def test_numbers_of_numpy_become_pythons():
    value = checks.plain([np.float64(0.5), (np.int64(1), "a"), np.bool_(True)])
    assert value == [0.5, (1, "a"), True]
    assert [type(value[0]), type(value[1][0]), type(value[2])] == [float, int, bool]
