"""Whether a release is for a network: by its arguments, or by its shapes."""

import importlib
import inspect

from keras_classics import activations, backend, names
from keras_classics.weights.card import OWN
from keras_classics.weights.conventions import first_kernel, groups
from keras_classics.weights.names import conventions_for, families

# Arguments of a builder that no release asks for: `load` adapts the weights to them.
FREE = ("input_shape", "classes")


def builder(card):
    """The builder of a card's network."""
    network = names.find(card.network)
    module = importlib.import_module(f"keras_classics.applications.{network.paper}")
    return getattr(module, network.builder)


def _needed(card):
    """The arguments with which a builder builds a card's network, its defaults included."""
    parameters = inspect.signature(builder(card)).parameters
    defaults = {name: parameter.default for name, parameter in parameters.items()}
    return {**defaults, **names.find(card.network).arguments, **card.arguments}


def conflicts(card, given):
    """Why the arguments that a builder was given do not go with a card, in words."""
    if card.refused:  # it is of no network here, whatever its arguments
        return []
    network, needed = names.find(card.network), _needed(card)
    deciding = (*network.arguments, *families()[network.paper].decides(network), *card.arguments)
    free = (*FREE, "include_top") if "classes" in given else FREE  # a new top
    return [
        f"{name}={needed[name]!r} (given: {given[name]!r})"
        for name in dict.fromkeys(deciding)
        if name not in free and name in given and not _same(name, given[name], needed[name])
    ]


def matches(card, given):
    """How many of the given arguments are those of a card."""
    needed = _needed(card)
    return sum(_same(name, value, needed[name]) for name, value in given.items())


def _same(name, given, value):
    if name == "activation":
        return activations.get(given) is activations.get(value)
    return given == value


def fits(card, model):
    """Whether a model is the network of a card, but for classes, channels and patches."""
    ours = groups(model)
    known = conventions_for(ours)
    if card.library == OWN:
        known = [(families()[names.find(card.network).paper], OWN, None)]
    for family, library, convention in known:
        if library != card.library:
            continue
        theirs = groups(backend.without_values(builder(card), **card.fill({})))
        if library == OWN and not set(family.heads).intersection(ours) <= set(theirs):
            return False  # a head of another kind
        free = {
            *family.heads,
            *family.top,
            *family.helpers,
            *family.resized,
            first_kernel(ours),
        }
        here, there = (
            {
                (name, weight): tuple(variable.shape)
                for name, group in each.items()
                for weight, variable in group.variables.items()
                if name not in free
            }
            for each in (ours, theirs)
        )
        return here == there and (library == OWN or convention.differs(model, None) is None)
    return False
