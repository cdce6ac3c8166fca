"""How cuda-convnet (Krizhevsky, 2011) trains its networks for CIFAR-10, and what the recipes for
CIFAR share.

From the program's files `layer-params-80sec.cfg`, `layer-params-19pct.cfg`,
`layer-params-18pct.cfg`, `layer-params-conv-local-13pct.cfg` and
`layer-params-conv-local-11pct.cfg` with their comments, `convdata.py` and `weights.cuh`.
"""

import dataclasses
from typing import ClassVar, NamedTuple

import keras_classics as kc
from keras_classics.tables import counted
from keras_classics.training.engine import FROM_0, Recipe, cite, photographs_input

WHOLE = 32


@dataclasses.dataclass(frozen=True)
class CIFARRecipe(Recipe):
    """Images of 32x32 in memory, of which the last ones may be held out."""

    held_out: int = cite(0)

    in_memory = True
    steps_per_execution = 50
    data_names = "cifar10"
    image_size = WHOLE

    def refusal(self, name, channels, side):
        if (channels, side) == (3, WHOLE):
            return None
        return (
            f"{self.network} trains on images of {WHOLE}x{WHOLE} in memory, of 3 channels: "
            f"--data={self.data_names}. Received: {name}, of {counted(channels, 'channel')} and "
            + ("several sizes" if side is None else f"{side}x{side}")
        )

    def splits(self, data):
        """`{"train": ..., "held out": ..., "test": ...}`, the second if there is any.

        Images of the training that are held out are for validation, before those of the data.
        """
        kept = len(data.train) - self.held_out
        if kept < self.batch_size:
            raise ValueError(
                f"Training needs a full batch. Received: batch_size={self.batch_size}, and "
                f"held_out={self.held_out} of {counted(len(data.train), 'image')}"
            )
        train, held = data.train.hold_out(self.held_out)
        first = {"train": train, "held out": held} if len(held) else {"train": train}
        return first | {name: part for name, part in data.parts.items() if name != "train"}

    def read(self, path):
        """An image file, rescaled and cut to 32x32."""
        import keras

        rescale = kc.preprocessing.RescaleShortSide(WHOLE, dtype="float32")
        cut = keras.layers.CenterCrop(WHOLE, WHOLE, data_format="channels_last", dtype="float32")
        return keras.ops.convert_to_numpy(cut(rescale(super().read(path))))

    def input_layer(self, preprocess):
        return photographs_input(self, preprocess, WHOLE)


class File(NamedTuple):
    """What the files of a network say: epochs, the last of them at a tenth of the learning rate and
    so on; the weight decay of each layer with weights; the side of the network's input."""

    epochs: int
    last_epochs: tuple[int, ...]
    weight_decays: tuple[float, ...]
    layers: tuple[str, ...]
    side: int


CONVOLUTIONS = ("conv1", "conv2", "conv3", "fc64", "fc10")
THREE_CONVOLUTIONS = ("conv1", "conv2", "conv3", "fc10")
LOCAL_LAYERS = ("conv1", "conv2", "local3", "local4", "fc10")
FILES = {
    # "You should reduce the learning rate after 8 epochs": how many follow is not said. Caffe's
    # copy of this training, cifar10_quick, has two.
    "80sec": File(10, (2,), (0.004, 0.004, 0.004, 0.03, 0.03), CONVOLUTIONS, WHOLE),
    # 18pct: "Reduce all learning rates by factor of 10 after 120 epochs. Then another factor of 10
    # after 10 more epochs." How many follow is not said: here 10, as in the files below. 19pct's
    # file has no schedule; by its first line it trains as long, "in 20 minutes".
    "19pct": File(140, (10, 10), (0.004, 0.004, 0.004, 3.0), THREE_CONVOLUTIONS, WHOLE),
    "18pct": File(140, (10, 10), (0.004, 0.004, 0.004, 1.0), THREE_CONVOLUTIONS, WHOLE),
    # 100 epochs without the images held out, 40 with them.
    "13pct": File(160, (10, 10), (0.0, 0.0, 0.004, 0.004, 0.004), LOCAL_LAYERS, 24),
    # 350 epochs without, 150 with them.
    "11pct": File(520, (10, 10), (0.0, 0.0, 0.004, 0.004, 0.01), LOCAL_LAYERS, 24),
}


@dataclasses.dataclass(frozen=True)
class CudaConvNetRecipe(CIFARRecipe):
    """How cuda-convnet trains its networks for CIFAR-10 (Krizhevsky, 2011).

    "80sec", "19pct" and "18pct" take whole images. The others train on random crops of 24x24 and
    their reflections, and average the predictions for ten such views. From all crops of an image
    the center of the mean image is subtracted, wherever they were cut out.

    A network of one's own, by `builder=`, is trained as the one of the field `network`, and under
    another name as "80sec"; weight decay goes by the names of layers.

    Not as in the program: the images held out train in no epoch, and the mean is that of the
    others; there it is that of all 50,000. Each epoch has an order of its own; there the images
    keep theirs, and every 79th batch, the last of 10,000 images, has 16.
    """

    network: str = cite("cuda_convnet_80sec")
    activation: str = cite("relu", "the network's file")
    lrn: bool = cite(True, "11pct and 18pct: on; the others have none")
    overlapping_pooling: bool = cite(True, "the network's file: 3x3, stride 2")
    epochs: int = cite(
        0,
        "80sec: 8 + 2; 19pct, 18pct: 120 + 10 + 10; 13pct: 140 + 10 + 10; 11pct: 500 + 10 + 10",
        "epochs: times that all training images are seen; 0: as the source trains the network",
        FROM_0,
    )
    last_epochs: tuple[int, ...] = cite((), "80sec: 2; the others: 10, 10; or in proportion")
    factor: float = cite(0.1, "the file's comments")
    batch_size: int = cite(128, "convnet.py: --mini")
    learning_rate: float = cite(0.001, "epsW")
    bias_rate: float = cite(2.0, "epsB = 0.002")
    momentum: float = cite(0.9, "momW, momB")
    weight_decays: tuple[float, ...] = cite((), "wc: another one in each file; none of biases")
    held_out: int = cite(0, "5,000 (batch 5) until the last epochs")
    views: str = cite(
        "paper", "11pct: --multiview-test=1; of 80sec, 19pct and 18pct the whole image"
    )

    of_files: ClassVar = ("epochs", "last_epochs", "weight_decays")
    rule_in_words = "momentum SGD, weight decay inside the velocity (optimizers.CoupledSGD)"
    of_network = ("activation", "lrn", "overlapping_pooling")
    choices: ClassVar = {"views": ("center", "paper")}

    def __post_init__(self):
        super().__post_init__()
        given = len(self.weight_decays)
        if given not in (0, len(self._file.layers)):
            raise ValueError(
                f"`weight_decays` must be a number for each of {', '.join(self._file.layers)}, or "
                f"none: the program's. Received: weight_decays={self.weight_decays}"
            )
        epochs = self._given("epochs")
        if sum(self.last_epochs) >= epochs:
            raise ValueError(
                "`last_epochs`, at lower learning rates, must be fewer than `epochs`. Received: "
                f"last_epochs={self.last_epochs}, epochs={epochs}"
            )

    @property
    def _file(self):
        try:
            configuration = self.named().arguments.get("configuration")
        except ValueError:  # of a network of one's own
            configuration = None
        return FILES.get(configuration, FILES["80sec"])

    def _given(self, name):
        """The value of a field; if there is none, that of the network's file.

        The last epochs are in proportion to all: one at least for each rate, while others are left.
        """
        given = getattr(self, name) or getattr(self._file, name, None)
        if name != "last_epochs" or self.last_epochs:
            return given
        epochs = self._given("epochs")
        last = [max(1, round(n * epochs / self._file.epochs)) for n in given]
        while sum(last) >= epochs:
            last.pop()
        return tuple(last)

    def settled(self):
        """With the numbers of the network's file, where none are given."""
        return dataclasses.replace(self, **{name: self._given(name) for name in self.of_files})

    def usual(self, field):
        of_file = getattr(self._file, field.name, None) if field.name in self.of_files else None
        return of_file or field.default

    @property
    def image_size(self):
        return self._file.side

    @property
    def _crops(self):
        return self.image_size < WHOLE

    def build(self, **shape):
        switches = {name: getattr(self, name) for name in self.of_network}
        return self.built(**switches, **shape)

    def layers(self, training):
        """Of crops the center of the mean image is subtracted: the mean of all center crops."""
        crop = [kc.preprocessing.CropAndFlip(self.image_size)] if self._crops else []
        return [*crop, kc.preprocessing.SubtractMean("pixel")]

    def reader(self, network, layers):
        """Ten crops, of which each has the same mean subtracted."""
        import keras

        if not self._averages:
            return layers, network
        crops = keras.Sequential([keras.Input(network.input_shape[1:]), layers[-1], network])
        size = {"size": self.image_size}
        return [], kc.preprocessing.AverageOverViews(crops, kc.preprocessing.ten_crop, size)

    @property
    def _averages(self):
        return self._crops and self.views == "paper"

    def update_rule(self, steps, model):
        return kc.optimizers.CoupledSGD(
            self.rate(steps),
            self.momentum,
            dict(zip(self._file.layers, self._given("weight_decays"), strict=True)),
            exempt=("bias",),
            multipliers={"bias": self.bias_rate},
        )

    def rate(self, steps):
        """The learning rate by steps.

        Args:
            steps: Steps of the whole training.
        """
        epochs, last = self._given("epochs"), self._given("last_epochs")
        if not last:
            return self.learning_rate
        ends = [(epochs - sum(last[k:])) * steps // epochs for k in range(len(last))]
        rates = [self.learning_rate * self.factor**k for k in range(len(last) + 1)]
        return kc.training.schedules.by_steps(rates, ends)

    def protocol(self):
        side = f"{self.image_size}x{self.image_size}"
        if self._averages:
            return f"ten views of {side}, averaged"
        return f"the center crop of {side}" if self._crops else f"the whole image of {side}"
