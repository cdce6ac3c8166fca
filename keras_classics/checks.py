"""What an argument must be: rules as data, and one form of message.

This module needs neither Keras nor NumPy.

A rule says in words what it takes. One word stands for one thing in all constructors: `ARGUMENTS`
has the rules of these words, and `arguments` applies them.
"""

import functools
import importlib.util
import inspect
import itertools
import numbers
import os
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from math import inf
from typing import Any, NamedTuple, TypeVar, cast

Function = TypeVar("Function", bound=Callable[..., Any])
MAX = sys.float_info.max
BACKENDS = ("tensorflow", "jax", "torch", "openvino")  # packages, and extras of this one


class Rule(NamedTuple):
    """What a value must be: in words, and as a function.

    Example:

    ```python
    from keras_classics import checks

    even = checks.Rule("an even number", lambda value: value % 2 == 0)
    even.check("count", 4)
    ```
    """

    words: str
    holds: Callable[[Any], bool]

    def check(self, name: str, value: Any) -> None:
        """Refuses a value that the rule does not hold for.

        Args:
            name: Name of the argument.
            value: Its value.

        Raises:
            ValueError: In the words of the rule.
        """
        if not self.holds(value):
            raise ValueError(f"`{name}` must be {self.words}. Received: {name}={shown(value)}")


def shown(value: Any) -> str:
    """A value in one line of at most 100 characters."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 100 else f"{text[:97]}..."


def whole(least: float = -inf, most: float = inf) -> Rule:
    """The rule of whole numbers from `least` to `most`. `True` is none."""

    def holds(x):
        return isinstance(x, numbers.Integral) and not isinstance(x, bool) and least <= x <= most

    return Rule("a whole number" + _bounds(least, most), holds)


def number(least: float = -inf, most: float = inf, above: float = -inf, below: float = inf) -> Rule:
    """The rule of finite numbers of a range, with its ends (`least`, `most`) or without."""

    def holds(x):
        x = plain(x)  # which compares without an overflow
        is_one = isinstance(x, numbers.Real) and not isinstance(x, bool)
        return is_one and abs(x) <= MAX and least <= x <= most and above < x < below

    return Rule("a number" + _bounds(least, most, above, below), holds)


def _bounds(least, most, above=-inf, below=inf):
    """The ends of a range in words."""
    if least > -inf and min(most, below) < inf:
        return f" from {least} to {most if most < inf else f'below {below}'}"
    words = {" at least ": least, " above ": above, " at most ": most, " below ": below}
    found = [f"{word}{end}" for word, end in words.items() if abs(end) < inf]
    return ",".join(found).replace(" at least", ", at least")


def one_of(*values: Any) -> Rule:
    """The rule of a choice of `None`, words or whole numbers."""
    *first, last = (f'"{x}"' if isinstance(x, str) else str(x) for x in values)
    words = f"{', '.join(first)} or {last}" if first else last
    return Rule(words, lambda x: any(type(x) is type(each) and x == each for each in values))


def optional(rule: Rule) -> Rule:
    """The rule of a value that may be `None` instead."""
    return Rule(f"None or {rule.words}", lambda x: x is None or rule.holds(x))


def either(first: Rule, second: Rule) -> Rule:
    """The rule of a value of one of two kinds."""
    return Rule(f"{first.words}, or {second.words}", lambda x: first.holds(x) or second.holds(x))


def several(rule: Rule, least: int = 1, most: float = inf) -> Rule:
    """The rule of a list, a tuple, an array or the like of `least` to `most` values of a rule."""

    def holds(x):
        is_one = isinstance(x, Sequence) or getattr(x, "ndim", 0) > 0
        is_one = is_one and not isinstance(x, (str, bytes))
        return is_one and least <= len(x) <= most and all(map(rule.holds, x))

    count = str(least) if least == most else "one or more" if least else "any number of"
    return Rule(f"{count} values, each {rule.words}", holds)


def span(rule: Rule) -> Rule:
    """The rule of a range: a pair `(smallest, largest)`."""
    pair = several(rule, 2, 2)
    words = f"a pair (smallest, largest), each {rule.words}"
    return Rule(words, lambda x: pair.holds(x) and x[0] <= x[1])


def rising(rule: Rule) -> Rule:
    """The rule of any number of values, each larger than the one before."""
    values = several(rule, 0)
    return Rule(
        f"values that rise, each {rule.words}",
        lambda x: values.holds(x) and all(a < b for a, b in itertools.pairwise(x)),
    )


def _is_collection_of_names(x):
    # An array of no dimension has a method for it, which fails.
    is_one = isinstance(x, Iterable) and not isinstance(x, str) and getattr(x, "ndim", 1)
    if not is_one:
        return False
    return not isinstance(x, Collection) or all(isinstance(n, str) for n in x)


def as_array(x: Any) -> Any:
    """A value as an array, for the rules: of objects where it has rows of several lengths."""
    import numpy

    try:
        return numpy.asarray(x)
    except ValueError:
        return numpy.empty(0, object)


def is_config(x: Any) -> bool:
    """Whether a value is what Keras saves of an object. Keras says what is wrong within it."""
    return isinstance(x, dict) and "class_name" in x


def _is_known_to_keras(module):
    """Whether Keras, or this library by its registered name, has an object for a value."""

    def holds(x):
        if x is None or callable(x) or is_config(x):
            return True
        import keras

        try:
            getattr(keras, module).get(x)
        except (TypeError, ValueError):
            return isinstance(x, str) and bool(
                keras.saving.get_registered_object(f"keras_classics>{x}")
            )
        return True

    return holds


ANYTHING = Rule("anything", lambda x: True)
BOOL = Rule("True or False", lambda x: isinstance(x, numbers.Integral) and x in (0, 1))
TEXT = Rule("text", lambda x: isinstance(x, str))
PATH = Rule("a path", lambda x: isinstance(x, (str, os.PathLike)))
COUNT, FROM_0 = whole(1), whole(0)
NUMBER, NOT_NEGATIVE, POSITIVE = number(), number(0), number(above=0)
SHARE, RATE = number(0, 1), number(0, below=1)
SEED = whole(0, 2**32 - 1)  # what NumPy and Keras take
PAIR = Rule("a pair of whole numbers, each at least 1", several(COUNT, 2, 2).holds)
SIDES = either(COUNT, PAIR)
CENTRE = one_of("mass", "mnist", "box")  # of a digit: see `preprocessing.normalize_digit`
NAMES = optional(several(TEXT))
PADDING = one_of("valid", "same")
BY_NAMES = Rule(
    "a dictionary from names of layers or variables to numbers, none negative",
    lambda x: (
        isinstance(x, Mapping)
        and all(isinstance(name, str) and NOT_NEGATIVE.holds(value) for name, value in x.items())
    ),
)
MODEL = Rule("a keras.Model", lambda x: hasattr(x, "layers") and hasattr(x, "get_layer"))
ARRAY = Rule("an array", lambda x: len(getattr(x, "shape", ())) > 0)
ARRAYS = Rule(
    "a dictionary of arrays",
    lambda x: isinstance(x, dict) and all(map(ARRAY.holds, x.values())),
)
ACTIVATION = Rule("the name of an activation, or a function", _is_known_to_keras("activations"))
INITIALIZER = Rule(
    "the name of an initializer, or an initializer", _is_known_to_keras("initializers")
)
SCHEDULE = Rule("a schedule of keras.optimizers.schedules", callable)

# One word for one thing in all constructors. Where a word has another meaning, or is no word of
# several, `arguments` is given its rule.
ARGUMENTS = {
    **dict.fromkeys(("filters", "units", "classes", "groups", "embed_dim", "mlp_dim"), COUNT),
    **dict.fromkeys(("num_heads", "patch_size", "num_layers", "patterns", "box", "plane"), COUNT),
    "depth_multiplier": COUNT,
    **dict.fromkeys(("kernel_size", "pool_size", "strides", "size"), SIDES),
    **dict.fromkeys(("use_bias", "include_top", "lrn", "overlapping_pooling", "auxiliary"), BOOL),
    "centre": CENTRE,
    **dict.fromkeys(("antialias", "increasing", "relative", "trainable"), BOOL),
    **dict.fromkeys(("activation", "classifier_activation"), ACTIVATION),
    **dict.fromkeys(("kernel_initializer", "bias_initializer", "initializer"), INITIALIZER),
    "coefficient_initializer": INITIALIZER,
    **dict.fromkeys(("dropout", "stochastic_depth"), RATE),
    **dict.fromkeys(("epsilon", "alpha", "beta", "weight_decay", "exponent"), NOT_NEGATIVE),
    **dict.fromkeys(("shift", "shear", "sigma", "magnitude", "magnitude_std"), NOT_NEGATIVE),
    **dict.fromkeys(("bias", "mu", "j"), POSITIVE),
    **dict.fromkeys(("momentum", "share"), SHARE),
    **dict.fromkeys(("value", "background", "bias_start"), NUMBER),
    **dict.fromkeys(("depth_radius", "steps"), FROM_0),
    "area": span(number(above=0, most=1)),
    "aspect": span(POSITIVE),
    # Keras's convolutions take either case.
    "padding": Rule(PADDING.words, lambda x: isinstance(x, str) and PADDING.holds(x.lower())),
    "reduction": optional(TEXT),
    "short_side": either(COUNT, span(COUNT)),
    "short_sides": several(COUNT),
    "seed": optional(SEED),
    "learning_rate": either(NOT_NEGATIVE, SCHEDULE),
    "schedule": SCHEDULE,
    "exempt": Rule("a collection of names, such as ('bias',)", _is_collection_of_names),
    "representation_size": optional(COUNT),
    "name": optional(TEXT),
    "model": MODEL,
    "path": PATH,
    "weights": Rule(
        "None, the name of a release, its card, or a path",
        lambda x: x is None or PATH.holds(x) or hasattr(x, "url"),
    ),
    "pooling": one_of(None, "avg", "max"),
    "convention": one_of("paper", "caffe"),
    "input_shape": Rule(
        "(height, width, channels), whole numbers of at least 1; a side may be None",
        lambda x: (
            isinstance(x, (list, tuple))
            and len(x) == 3
            and all(optional(COUNT).holds(side) for side in x[:2])
            and COUNT.holds(x[2])
        ),
    ),
}


def arguments(**rules: Rule) -> Callable[[Function], Function]:
    """Decorates a function, or a constructor, which then refuses arguments against their rules.

    NumPy's numbers become Python's, which Keras can save. Defaults are not looked at.

    Args:
        **rules: Rules of arguments for which `ARGUMENTS` has none, or another one.

    Example:

    ```python
    from keras_classics import checks


    @checks.arguments(side=checks.whole(8))
    def network(side, classes=10): ...


    network(32, classes=2)
    ```
    """

    def decorate(function):
        signature = inspect.signature(function)
        known = signature.parameters
        own = {name: ARGUMENTS[name] for name in known if name in ARGUMENTS} | rules
        places = [name for name, each in known.items() if each.kind <= each.POSITIONAL_OR_KEYWORD]

        def checked(name, value):
            if name not in own:
                return value
            value = plain(value)
            own[name].check(name, value)
            return value

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            given = [checked(name, value) for name, value in zip(places, args, strict=False)]
            named = {name: checked(name, value) for name, value in kwargs.items()}
            return function(*given, *args[len(places) :], **named)

        # Keras reads the signatures of constructors, and does not look through a decorator.
        vars(call).update(rules=own, __signature__=signature)
        return cast(Function, call)

    return decorate


def refuse_smaller(shape: tuple, window: tuple, name: str | None) -> None:
    """Refuses maps that are smaller than the window that a layer moves over them.

    Args:
        shape: Shape of the maps, `(batch, height, width, channels)`.
        window: `(rows, columns)`.
        name: Name of the layer.

    Raises:
        ValueError: If a side is known and smaller.
    """
    sides = zip(shape[1:3], window, strict=True)
    if any(side is not None and side < length for side, length in sides):
        raise ValueError(
            f"The maps must be at least as large as the window {tuple(window)}. "
            f"Received: maps of shape {tuple(shape[1:])} in layer {name!r}"
        )


def refuse_nan(scores: Any) -> None:
    """Refuses scores of which some are nan: no class of such an image is the best one.

    Args:
        scores: Array `(n, classes)`.

    Raises:
        ValueError: If a score is nan.
    """
    of = int((~(scores >= -inf)).any(axis=-1).sum())  # only nan is not
    if of:
        raise ValueError(
            "The scores must be numbers; of nan no class is the best. Received: nan for "
            f"{of:,} of {len(scores):,} images. Look for weights or pixels that are not finite, "
            "or, of a network in mixed_float16, for numbers above 65,504: try float32"
        )


def install(extra: str) -> str:
    """The command that installs an extra of this package, for the words of an error.

    With the package installed, from a clone too, pip takes its name and looks nowhere for it.

    Args:
        extra: Name of the extra in `pyproject.toml`.

    Example:

    ```python
    from keras_classics import checks

    print(checks.install("plots"))
    ```
    """
    return f'pip install "keras-classics[{extra}]" (or in a clone: pip install ".[{extra}]")'


def explained(error: ImportError) -> str:
    """The words of an error, or what to install where it is a backend that Keras did not find.

    Args:
        error: What an import of Keras raised.
    """
    if error.name not in BACKENDS:
        return str(error)
    others = [name for name in BACKENDS[:3] if name != error.name]
    others = [name for name in others if importlib.util.find_spec(name)] or others
    return (
        f"Keras runs on {error.name}, which is not installed: {install(error.name)}. "
        f"Or choose {' or '.join(others)} by KERAS_BACKEND."
    )


def plain(value: Any) -> Any:
    """A value with Python's numbers in the place of NumPy's."""
    numpy = sys.modules.get("numpy")  # not loaded, it has made no number
    if numpy and isinstance(value, numpy.generic):
        return value.item()
    if type(value) in (list, tuple):
        return type(value)(map(plain, value))
    return value
