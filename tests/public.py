"""What the package offers: the public objects, by the names that users import."""

import importlib
import inspect
import pkgutil

import keras_classics


def modules():
    """The public modules of the package, by their names, except the command line."""
    found = {"keras_classics": keras_classics}
    for each in pkgutil.walk_packages(keras_classics.__path__, "keras_classics."):
        if not any(part.startswith("_") for part in each.name.split(".")):
            found[each.name] = importlib.import_module(each.name)
    return found


def is_own(value):
    """Whether a value is a class or a function of this package."""
    home = getattr(value, "__module__", None) or ""
    return (inspect.isclass(value) or callable(value)) and home.startswith("keras_classics")


def faces():
    """The classes and functions that `__all__` of a package offers; of a module, those in it.

    The rooms are those that `keras_classics` names. A module without `__all__` offers what it
    defines under a name without an underscore.
    """
    found = {}
    rooms = {"keras_classics": keras_classics}
    for name in keras_classics.__all__:
        room = getattr(keras_classics, name)
        if inspect.ismodule(room):
            rooms[f"keras_classics.{name}"] = room
    for name, room in rooms.items():
        for key in getattr(room, "__all__", None) or sorted(vars(room)):
            value = getattr(room, key)
            listed = hasattr(room, "__all__") or getattr(value, "__module__", None) == name
            if listed and is_own(value) and not key.startswith("_"):
                found[f"{name}.{key}"] = value
    return found


def documented():
    """All that has a docstring: modules, classes, functions, and the methods of classes."""
    found = {}
    for name, module in modules().items():
        found[name] = module
        for key, value in vars(module).items():
            if key.startswith("_") or getattr(value, "__module__", None) != name:
                continue
            if inspect.isclass(value):
                for method, function in vars(value).items():
                    function = getattr(function, "__func__", function)
                    function = getattr(function, "fget", function)
                    if not method.startswith("_") and inspect.isfunction(function):
                        found[f"{name}.{key}.{method}"] = function
            if inspect.isclass(value) or callable(value):
                found[f"{name}.{key}"] = value
    return found
