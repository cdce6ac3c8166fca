"""Names: what people call a network, a recipe, an experiment or a data set, and what it is here.

This is the one index of the library, and it needs no Keras. A paper is a row of `PAPERS`; its
file has the same name in each room that it enters: `applications`, `training/recipes`,
`weights/names`, `analysis/tables`.

Case, spaces and signs do not matter in a name: `resnet50`, `ResNet50`, `ResNet-50` and
`resnet_50` are one network, and so are `vit_b16` and `ViT-B/16`.
"""

import dataclasses
import difflib
import fnmatch
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from keras_classics.checks import TEXT, arguments

__all__ = ["DATA_SETS", "EXPERIMENTS", "NETWORKS", "PAPERS", "RECIPES", "Network"]
__all__ += ["find", "find_recipe", "select"]


class Network(NamedTuple):
    """A network: its name, the file of its paper, and how it is built.

    `applications.BUILDER(**arguments)` builds it. `recipe` trains it.
    """

    name: str
    paper: str
    builder: str
    arguments: dict[str, Any]
    recipe: str | None


@dataclasses.dataclass(frozen=True)
class Family:
    """The networks that one builder builds.

    Args:
        builder: Name of the builder in `applications`.
        name: Name of a network; `{}` stands for the value of the builder's first argument.
        argument: Name of that argument, or `None` if the builder builds one network.
        values: The paper's values of it, in its order.
        called: Names that people use instead, `{"vgg16": "D"}`.
        recipe: Name of the recipe that trains these networks, or `None`.
        takes: Whether the builder takes a value that the paper has not, or `None`: it takes none.
        rule: Which values it takes, in words.
        fixed: Further arguments, which all these networks have.
    """

    builder: str
    name: str
    argument: str | None = None
    values: tuple = ()
    called: dict = dataclasses.field(default_factory=dict)
    recipe: str | None = None
    takes: Callable[[Any], bool] | None = None
    rule: str = ""
    fixed: dict = dataclasses.field(default_factory=dict)

    def spelled(self, value: Any) -> str:
        """The name of a network."""
        found = next((name for name, its in self.called.items() if its == value), None)
        return found or self.name.format(re.sub(r"[+-]", "_", str(value).lower().replace("/", "")))

    def parse(self, text: str) -> int | str | None:
        """The argument's value in a reduced name, also one that the paper has not; or `None`."""
        if self.argument == "depth" and text.isdecimal():
            return int(text)
        if self.argument == "variant":
            match = re.fullmatch(r"(r50|r26|r)?(?:vit)?(mini|ti|s|b|l|h)(\d+)", text)
            if match:
                hybrid, size, patch = match.groups()
                return (f"{hybrid.upper()}+" if hybrid else "") + f"{size.capitalize()}/{patch}"
        return None


@dataclasses.dataclass(frozen=True)
class Paper:
    """A paper: its citation, its networks, and the classes of its recipes by their names."""

    title: str
    families: tuple
    recipes: dict = dataclasses.field(default_factory=dict)


_CIFAR_DEPTHS = "its depth must be 6n + 2, and 8 at least"


def _is_cifar_depth(depth):
    return depth >= 8 and depth % 6 == 2


PAPERS = {
    "lecun1989": Paper(
        "LeCun et al., Neural Computation 1(4), 1989",
        (
            Family("LeCun1989", "lecun1989", recipe="lecun1989"),
            Family(
                "FullyConnected",
                "mlp_{}",
                "hidden",
                ("40",),
                recipe="lecun1989",
                fixed={"input_shape": (16, 16, 1)},
            ),
        ),
        {"lecun1989": "LeCun1989Recipe"},
    ),
    "lenet1": Paper(
        "LeCun et al., NIPS 2, 1990",
        (Family("LeNet1", "lenet1", recipe="lenet1"),),
        {"lenet1": "LeNet1Recipe"},
    ),
    "lenet5": Paper(
        "LeCun, Bottou, Bengio & Haffner, Proc. IEEE 86(11), 1998",
        (
            Family("LeNet5", "lenet5", recipe="lenet5"),
            Family("LeNet4", "lenet4", recipe="lenet4"),
            Family(
                "FullyConnected",
                "linear",
                "hidden",
                ("linear",),
                recipe="mlp",
                fixed={"classifier_activation": None},
            ),
            Family("PairwiseLinear", "pairwise_linear", recipe="mlp"),
            Family(
                "FullyConnected",
                "mlp_{}",
                "hidden",
                ("300", "1000", "300-100", "500-150", "1000-150"),
                recipe="mlp",
            ),
        ),
        {"lenet5": "LeNet5Recipe", "lenet4": "LeNet4Recipe", "mlp": "FullyConnectedRecipe"},
    ),
    "alexnet": Paper(
        "Krizhevsky, Sutskever & Hinton, NIPS 2012",
        (
            Family("AlexNet", "alexnet", recipe="alexnet"),
            Family(
                "AlexNet",
                "alexnet_one_gpu",
                recipe="alexnet_one_gpu",
                fixed={"towers": 1, "halved": True},
            ),
        ),
        {"alexnet": "AlexNetRecipe", "alexnet_one_gpu": "OneGPURecipe"},
    ),
    "cuda_convnet": Paper(
        "Krizhevsky, cuda-convnet, 2011",
        (
            Family(
                "CudaConvNet",
                "cuda_convnet_{}",
                "configuration",
                ("80sec", "19pct", "18pct"),
                recipe="cuda_convnet",
            ),
            Family(
                "CudaConvNet",
                "cuda_convnet_{}",
                "configuration",
                ("13pct", "11pct"),
                recipe="cuda_convnet",
                fixed={"input_shape": (24, 24, 3)},  # crops
            ),
        ),
        {"cuda_convnet": "CudaConvNetRecipe"},
    ),
    "vgg": Paper(
        "Simonyan & Zisserman, ICLR 2015",
        (
            Family(
                "VGG",
                "vgg_{}",
                "configuration",
                ("A", "A-LRN", "B", "C", "D", "E"),
                {"vgg11": "A", "vgg13": "B", "vgg16": "D", "vgg19": "E"},
                "vgg",
            ),
        ),
        {"vgg": "VGGRecipe"},
    ),
    "googlenet": Paper(
        "Szegedy et al., CVPR 2015",
        (Family("GoogLeNet", "googlenet", recipe="googlenet"),),
        {"googlenet": "GoogLeNetRecipe"},
    ),
    "resnet": Paper(
        "He, Zhang, Ren & Sun, CVPR 2016",
        (
            Family("ResNet", "resnet{}", "depth", (18, 34, 50, 101, 152), recipe="resnet"),
            Family("PlainNet", "plain{}", "depth", (18, 34), recipe="resnet"),
            Family(
                "ResNetCIFAR",
                "resnet{}_cifar",
                "depth",
                (20, 32, 44, 56, 110, 1202),
                recipe="resnet_cifar",
                takes=_is_cifar_depth,
                rule=_CIFAR_DEPTHS,
            ),
            Family(
                "PlainNetCIFAR",
                "plain{}_cifar",
                "depth",
                (20, 32, 44, 56),
                recipe="resnet_cifar",
                takes=_is_cifar_depth,
                rule=_CIFAR_DEPTHS,
            ),
        ),
        {"resnet": "ResNetRecipe", "resnet_cifar": "ResNetCIFARRecipe"},
    ),
    "vit": Paper(
        "Dosovitskiy et al., ICLR 2021",
        (
            Family(
                "ViT",
                "vit_{}",
                "variant",
                (
                    *("Mini/4", "Ti/16", "S/16", "S/32", "B/16", "B/32", "L/16", "L/32", "H/14"),
                    *("R50+B/16", "R50+B/32", "R26+S/32", "R+Ti/16"),
                ),
                recipe="vit",
                takes=lambda variant: True,
            ),
        ),
        {
            "vit": "ViTRecipe",
            "vit_finetune": "ViTFineTuneRecipe",
            "vit_augreg": "AugRegRecipe",
            "vit_deit": "DeiTRecipe",
            "vit_cifar": "ViTCIFARRecipe",
            "vit_mnist": "ViTMNISTRecipe",
        },
    ),
}

EXPERIMENTS = {  # modules of `experiments`
    "relu_vs_tanh": "ReLU and tanh, epochs to 25 % training error on CIFAR-10 (AlexNet, figure 1)",
    "lrn": "local response normalization, on and off, on CIFAR-10 (AlexNet, section 3.3)",
    "overlap": "overlapping pooling, on and off, on CIFAR-10 (AlexNet, section 3.4)",
    "degradation": "plain and residual networks of 20 and 56 layers on CIFAR-10 (ResNet, figures "
    "1, 6, 7)",
    "robustness": "LeNet-1 and LeNet-5 on shifted, scaled, turned and noisy digits of MNIST "
    "(LeNet-5, section III)",
    "boosting": "three LeNet-4s on MNIST, each trained on what is hard for those before it "
    "(LeNet-5, section III.C)",
    "strings": "strings of MNIST's digits, read by LeNet-5 swept over them (LeNet-5, section VII)",
    "regularization": "batch normalization and dropout, with and without, on CIFAR-10 (Ioffe & "
    "Szegedy, 2015; AlexNet, section 4.2)",
    "since_1989": "the network of 1989 on USPS, as then, and with cross-entropy, AdamW, distorted "
    "digits, ReLU and dropout",
}


class DataSet(NamedTuple):
    """A data set: what it is, and the channels and the side of its images."""

    about: str
    channels: int
    side: int


DATA_SETS = {  # modules of `datasets`
    "digits": DataSet("1,437 + 360 digits of 8x8, enlarged to 28x28, from scikit-learn", 1, 28),
    "mnist": DataSet("60,000 + 10,000 digits of 28x28, four IDX files", 1, 28),
    "usps": DataSet("7,291 + 2,007 digits of 16x16, two text files", 1, 16),
    "cifar10": DataSet(
        "50,000 + 10,000 colour images of 32x32, ten classes, six binary files", 3, 32
    ),
    "cifar100": DataSet(
        "50,000 + 10,000 colour images of 32x32, 100 classes, two binary files", 3, 32
    ),
}


def reduced(name: object) -> str:
    """A name without what does not matter in it."""
    return re.sub(r"[^a-z0-9]", "", str(name).lower())


def _network(paper: str, family: Family, value: Any) -> Network:
    arguments = {} if family.argument is None else {family.argument: value}
    arguments |= family.fixed
    return Network(family.spelled(value), paper, family.builder, arguments, family.recipe)


NETWORKS = {
    network.name: network
    for key, paper in PAPERS.items()
    for family in paper.families
    for value in family.values or (None,)
    for network in [_network(key, family, value)]
}
RECIPES = {  # name: file, class
    name: (key, cls) for key, paper in PAPERS.items() for name, cls in paper.recipes.items()
}
_FAMILIES = [(key, family) for key, paper in PAPERS.items() for family in paper.families]


class _AgainstTheRule(ValueError):
    """A family has no network of this name, and says why."""


def find(name: str) -> Network:
    """The network of a name.

    Args:
        name: Such as `"resnet50"`, `"VGG16"`, `"vgg_d"`, `"ViT-B/16"`, `"resnet20_cifar"`. Depths
            and patches may be others than the paper's, as far as the builder takes them.

    Returns:
        A `Network`.

    Raises:
        ValueError: If there is none; the message names similar ones.

    Example:

    ```python
    from keras_classics import names

    print(names.find("ViT-B/16").arguments)  # {"variant": "B/16"}
    ```
    """
    wanted = reduced(name)
    for key, family in _FAMILIES:
        for value in family.values or (None,):
            spellings = (family.spelled(value), family.name.format(value))
            if wanted in map(reduced, (*spellings, family.builder + str(value or ""))):
                return _network(key, family, value)
    for key, family in _FAMILIES:
        for template in (family.name, family.builder + "{}"):
            start, _, end = template.partition("{}")
            match = re.fullmatch(f"{reduced(start)}(.+){reduced(end)}", wanted)
            value = family.parse(match[1]) if match else None
            if value is None:
                continue
            if value in family.values or (family.takes and family.takes(value)):
                return _network(key, family, value)
            if family.rule:
                raise _AgainstTheRule(f"There is no network {name!r}: {family.rule}.")
    raise ValueError(unknown("network", name, NETWORKS))


def find_recipe(name: str) -> tuple[str, str | None]:
    """The recipe of a name, which may also be that of a network that it trains.

    Returns:
        Name of the recipe, and of the network: `("resnet", "resnet50")`; of a recipe's own
        name `("resnet", None)`.

    Raises:
        ValueError: If there is none; the message names similar ones.

    Example:

    ```python
    from keras_classics import names

    print(names.find_recipe("ResNet-50"))  # ("resnet", "resnet50")
    ```
    """
    found = next((each for each in RECIPES if reduced(each) == reduced(name)), None)
    if found:
        return found, None
    try:
        network = find(name)
    except _AgainstTheRule:
        raise
    except ValueError:
        raise ValueError(unknown("network or recipe", name, [*RECIPES, *NETWORKS])) from None
    if network.recipe is None:
        raise ValueError(f"There is no recipe for {network.name}; there are {', '.join(RECIPES)}.")
    return network.recipe, network.name


@arguments(pattern=TEXT)
def select(pattern: str = "*") -> list[Network]:
    """The networks of a pattern.

    Args:
        pattern: A name, such as `"resnet50"`; a builder or a paper, `"ResNet"`, `"vgg"`; or
            a pattern with `*` and `?`, `"resnet*"`.

    Returns:
        A list of `Network`.

    Raises:
        ValueError: If there is none; the message names similar ones.

    Example:

    ```python
    from keras_classics import names

    print([network.name for network in names.select("vgg1*")])
    ```
    """
    if set(pattern) & set("*?["):
        return [n for n in NETWORKS.values() if fnmatch.fnmatch(n.name, pattern.lower())]
    wanted = reduced(pattern)
    found = [n for n in NETWORKS.values() if reduced(n.builder) == wanted]
    found = found or [n for n in NETWORKS.values() if reduced(n.paper) == wanted]
    return found or [find(pattern)]


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Words for a name that is not known: its family, those most like it, or all."""
    known = list(dict.fromkeys(known))
    wanted, spelled = reduced(name), {reduced(each): each for each in known}
    family = [n.name for n in NETWORKS.values() if wanted in (reduced(n.builder), reduced(n.paper))]
    if set(family) & set(known):
        return f"{name!r} is a family: name one of its networks, {', '.join(family)}."
    near = [each for key, each in spelled.items() if wanted and key.startswith(wanted)]
    near += [spelled[each] for each in difflib.get_close_matches(wanted, spelled, 3, 0.6)]
    near = list(dict.fromkeys(near))[:3]
    if near:
        return f"There is no {kind} {name!r}. Did you mean {' or '.join(near)}?"
    return f"There is no {kind} {name!r}; there are {', '.join(known)}."
