"""The layers inside of a layer, which Keras may quantize one by one.

Keras makes a layer again from its config alone, and fills in the weights. A part that was quantized
has others, so the config of the whole must name it.
"""

from typing import Any

import keras

SETTINGS = ("dtype", "quantization_config")


def make(whole: keras.layers.Layer, name: str, kind: Any, **arguments: Any) -> keras.layers.Layer:
    """Makes a layer inside of another one, in its precision or as it was saved.

    Args:
        whole: The layer that it will be a part of.
        name: Name of the part.
        kind: Class of the part.
        **arguments: Those of its constructor.
    """
    saved = getattr(whole, "_saved_parts", {}).get(name, {})
    return kind.from_config({**arguments, "name": name, "dtype": whole.dtype_policy, **saved})


def config(whole: keras.layers.Layer, *names: str) -> dict[str, Any]:
    """What the config of a layer says of its parts: nothing, if all have its own precision."""
    if not whole.built:
        saved = getattr(whole, "_saved_parts", {})
        return {"parts": saved} if saved else {}
    parts = {}
    for name in names:
        part = getattr(whole, name)
        its = part.get_config()
        if "parts" in its:
            parts[name] = {"parts": its["parts"]}
        elif part.dtype_policy != whole.dtype_policy:
            parts[name] = {key: its[key] for key in SETTINGS if key in its}
    return {"parts": parts} if parts else {}


def revive(kind: Any, settings: dict[str, Any]) -> keras.layers.Layer:
    """Makes a layer of a config that may say something of its parts."""
    settings = dict(settings)
    saved = settings.pop("parts", {})
    layer = super(kind, kind).from_config(settings)
    layer._saved_parts = saved
    return layer
