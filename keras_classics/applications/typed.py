"""The names that people type: `ResNet50` for `ResNet(50)`."""

import inspect
import json
import re
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import keras

from keras_classics import names

Variant = TypeVar("Variant")
P = ParamSpec("P")


def typed(
    builder: Callable[Concatenate[Variant, P], keras.Model], variant: Variant
) -> Callable[P, keras.Model]:
    """A builder of one variant, `ResNet50 = typed(ResNet, 50)`.

    It takes the other arguments of the paper's builder. Its name is that of
    `keras_classics.names`.

    Args:
        builder: A paper's builder; its first argument is the variant.
        variant: Value of that argument.

    Returns:
        A function with the signature and the docstring of `builder`, less the first argument.
    """
    signature = inspect.signature(builder)
    first, *others = signature.parameters.values()

    def build(*args: P.args, **kwargs: P.kwargs) -> keras.Model:
        return builder(variant, *args, **kwargs)

    named: Any = build  # a function has more attributes than a type checker's `Callable`
    named.__name__ = named.__qualname__ = _name(builder.__name__, {first.name: variant})
    named.__module__ = builder.__module__
    named.__signature__ = signature.replace(parameters=others)
    named.__annotations__ = {k: v for k, v in builder.__annotations__.items() if k != first.name}
    named.__doc__ = _document(builder, first.name, variant)
    return build


def _name(builder, arguments):
    """`"VGG16"` of the builder `"VGG"` and the arguments `{"configuration": "D"}`."""
    for network in names.NETWORKS.values():
        if (network.builder, network.arguments) == (builder, arguments):
            return builder + names.reduced(network.name)[len(builder) :].capitalize()
    raise ValueError(f"keras_classics.names has no {builder} of {arguments}.")


def _document(builder, argument, variant):
    """The builder's docstring: a first line of its own, and no entry of the first argument."""
    summary, _, rest = (inspect.getdoc(builder) or "").partition("\n\n")
    entry = rf"^    {argument}: .*\n(?:     .*\n)*"
    rest = re.sub(entry, "", rest, count=1, flags=re.MULTILINE)
    return f"`{builder.__name__}({json.dumps(variant)})`.\n\n{summary}\n\n{rest}\n"
