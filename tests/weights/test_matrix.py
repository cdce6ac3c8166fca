"""The table of docs/weights.md has every library and network, in both directions."""

from keras_classics.weights.names import families
from tests.weights.matrix import rows

NETWORKS = {"vgg": "VGG", "alexnet": "AlexNet", "googlenet": "GoogLeNet", "vit": "ViT"}
OTHERS = {("torchvision", "AlexNet"), ("torchvision", "GoogLeNet")}  # are refused


def expected():
    """`{(library, network): whether it is written}` of all conventions."""
    found = {}
    for paper, family in families().items():
        for library, convention in family.conventions.items():
            cifar = library in ("akamaster", "chenyaofo")
            network = NETWORKS.get(paper, "ResNetCIFAR" if cifar else "ResNet")
            if convention.channels or library == "frossard":
                found[library, network] = bool(convention.saved)
    return {pair: written for pair, written in found.items() if pair not in OTHERS}


def test_every_convention_stands_in_the_table():
    table = rows()
    assert table.keys() >= expected().keys()
    for pair, written in expected().items():
        assert table[pair]["read"], pair
        assert bool(table[pair]["written"]) == written, pair


def test_the_differences_are_small():
    """As numbers, below what the tests allow; the hybrids of timm have other epsilons."""
    for (library, network), errors in rows().items():
        for error in filter(None, errors.values()):
            limit = 1e-3 if (library, network) == ("timm", "ViT, hybrids") else 1e-4
            assert 0 <= float(error) < limit
