"""The networks with fewer blocks, maps and units: the same layers and switches, in less time."""

from keras_classics.applications import alexnet, cuda_convnet, googlenet, resnet, vgg, vit


def narrow(configuration):
    """A column of VGG's table with an eighth of the maps."""
    return [
        [entry if entry == vgg.LRN else (entry[0], entry[1] // 8) for entry in stage]
        for stage in configuration
    ]


def thin(layers):
    """A file of cuda-convnet with an eighth of the maps."""
    return [
        (name, entry[0] // 8, *entry[1:]) if entry and isinstance(entry[0], int) else (name, *entry)
        for name, *entry in layers
    ]


CUDA_CONVNETS = cuda_convnet.CONFIGURATIONS
ITEMS = [
    *((CUDA_CONVNETS, name, thin(layers)) for name, layers in CUDA_CONVNETS.items()),
    *((googlenet.MODULES, m, tuple(w // 8 for w in row)) for m, row in googlenet.MODULES.items()),
    *((vgg.CONFIGURATIONS, name, narrow(column)) for name, column in vgg.CONFIGURATIONS.items()),
    (resnet.BLOCKS, 18, ("basic", (2, 1, 1, 1))),
    (resnet.BLOCKS, 50, ("bottleneck", (2, 1, 1, 1))),
    (vit.RESNETS, "R50", {16: (2, 1, 1)}),
    *((vit.SIZES, name, (128, 2, 256, 4)) for name in ("Mini", "Ti")),
]
ATTRIBUTES = [
    (alexnet, "UNITS", 64),
    (vgg, "UNITS", 64),
    (resnet, "WIDTHS", (64, 72, 80, 88)),
]


def patch(monkeypatch):
    """Makes the builders build small networks, until the patch is undone."""
    for table, name, value in ITEMS:
        monkeypatch.setitem(table, name, value)
    for module, name, value in ATTRIBUTES:
        monkeypatch.setattr(module, name, value)
