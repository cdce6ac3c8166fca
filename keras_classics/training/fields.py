"""What the kinds of recipes share."""

import dataclasses

import numpy as np


def field(help, **default):
    """A field of a recipe; `help` is also that of the flag of its name."""
    return dataclasses.field(metadata={"help": help}, **default)


def count_errors(wrong):
    """`{"wrong", "of", "percent"}` of an array of booleans."""
    of, wrong = len(wrong), int(np.sum(wrong))
    return {"wrong": wrong, "of": of, "percent": round(100 * wrong / of, 3)}
