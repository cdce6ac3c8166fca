"""The layer files of Krizhevsky, cuda-convnet, 2011: what they say of each layer.

The files have the filters, their size and the start of their weights; the side of the maps follows
from `stride` and from the crop, and the weights from all of them.
"""

from keras_classics.analysis.tables import PaperRow, Table


def _table(file, side, *layers):
    """A table of a layer file. A layer is its name, maps, filters' size, and initW."""
    rows, maps, weights = [], 3, 0
    for name, *entry in layers:
        if name.startswith("pool"):
            side //= 2  # sizeX=3, stride=2
            rows.append(PaperRow(name, (side, side, maps), f"{file}: {entry[0]}, 3x3, stride 2"))
        elif name.startswith("rnorm"):
            rows.append(PaperRow(name, (side, side, maps), f"{file}: {entry[0]}"))
        else:
            count, size, start = entry
            dense, local = name.startswith("fc"), name.startswith("local")
            reads = side * side * maps if dense else size * size * maps
            own = count * reads * (side * side if local else 1)
            shape = (count,) if dense else (side, side, count)
            made = f"{count} outputs" if dense else f"{count} filters of {size}x{size}"
            source = f"{file}: {made}, initW={start}"
            rows.append(PaperRow(name, shape, source, weights=own))
            maps, weights, side = count, weights + own, 1 if dense else side
    rows.append(PaperRow("total", None, f"{file}, all layers", weights=weights))
    return Table(tuple(rows), file)


FIRST = (("conv1", 32, 5, 0.0001), ("pool1", "max"))
SECOND = (("conv2", 32, 5, 0.01), ("pool2", "avg"))
THIRD = (("conv3", 64, 5, 0.01), ("pool3", "avg"))
RNORM = "rnorm, size=3, scale=0.00005, pow=.75"
CMRNORM = "cmrnorm, size=9, scale=0.001, pow=0.75"

TABLES = {
    "cuda_convnet_80sec": _table(
        "layers-80sec",
        32,
        *(*FIRST, *SECOND, *THIRD),
        ("fc64", 64, None, 0.1),
        ("fc10", 10, None, 0.1),
    ),
    "cuda_convnet_19pct": _table(
        "layers-19pct", 32, *FIRST, *SECOND, *THIRD, ("fc10", 10, None, 0.01)
    ),
    "cuda_convnet_18pct": _table(
        "layers-18pct",
        32,
        *(*FIRST, ("rnorm1", RNORM), *SECOND, ("rnorm2", RNORM), *THIRD),
        ("fc10", 10, None, 0.01),
    ),
    "cuda_convnet_13pct": _table(
        "layers-conv-local-13pct",
        24,
        ("conv1", 64, 5, 0.0001),
        ("pool1", "max"),
        ("conv2", 64, 5, 0.01),
        ("pool2", "max"),
        ("local3", 32, 3, 0.04),
        ("local4", 32, 3, 0.04),
        ("fc10", 10, None, 0.01),
    ),
    "cuda_convnet_11pct": _table(
        "layers-conv-local-11pct",
        24,
        ("conv1", 64, 5, 0.0001),
        ("pool1", "max"),
        ("rnorm1", CMRNORM),
        ("conv2", 64, 5, 0.01),
        ("rnorm2", CMRNORM),
        ("pool2", "max"),
        ("local3", 64, 3, 0.04),
        ("local4", 32, 3, 0.04),
        ("fc10", 10, None, 0.01),
    ),
}
