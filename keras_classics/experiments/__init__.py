"""The papers' own small experiments, once more on real data.

An experiment is a module of the name that `keras_classics.names.EXPERIMENTS` lists, with a function
`run(data_dir, folder, seeds=..., epochs=...)`; one that trains nothing has neither of the last two.
It is imported when it is first used.
"""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING

from keras_classics import names

__all__ = ["find", *names.EXPERIMENTS]


def find(name: str) -> ModuleType:
    """The module of an experiment.

    Args:
        name: One of `keras_classics.names.EXPERIMENTS`; case and signs do not matter.

    Returns:
        A module with a function `run`.

    Raises:
        ValueError: If there is none; the message names similar ones.

    Example:

    ```python
    from keras_classics import experiments

    print(experiments.find("relu-vs-tanh").TARGET)  # 0.25
    ```
    """
    for each in names.EXPERIMENTS:
        if names.reduced(each) == names.reduced(name):
            return importlib.import_module(f"{__name__}.{each}")
    raise ValueError(names.unknown("experiment", name, names.EXPERIMENTS))


if not TYPE_CHECKING:  # a type checker says which names there are not

    def __getattr__(name):
        if name in (*names.EXPERIMENTS, "ablation", "arms"):
            return importlib.import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])


if TYPE_CHECKING:
    from keras_classics.experiments import degradation as degradation
    from keras_classics.experiments import lrn as lrn
    from keras_classics.experiments import overlap as overlap
    from keras_classics.experiments import regularization as regularization
    from keras_classics.experiments import relu_vs_tanh as relu_vs_tanh
    from keras_classics.experiments import robustness as robustness
    from keras_classics.experiments import since_1989 as since_1989
    from keras_classics.experiments import strings as strings
