"""How the ImageNet papers train: crops of photographs, and momentum with coupled decay."""

import dataclasses

import keras
import numpy as np

from keras_classics import applications, datasets, preprocessing, surgery
from keras_classics.applications import googlenet, vgg
from keras_classics.optimizers import CoupledSGD
from keras_classics.training.checkpoint import once
from keras_classics.training.inputs import image_batches
from keras_classics.training.recipe import Recipe, exact, field
from keras_classics.training.strategies import ONE, replicas, synchronize

NETWORKS = {
    "alexnet": applications.AlexNet,
    "vgg": applications.VGG,
    "googlenet": applications.GoogLeNet,
    "resnet-imagenet": applications.ResNet,
}
WITH_CONFIGURATION = ("vgg", "resnet-imagenet")
RESNET_SCALES = (224, 256, 384, 480, 640)  # He et al., section 3.4
CHOICES = {
    "network": tuple(NETWORKS),
    "schedule": ("plateau", "steps"),
    "sampling": ("crop", "area"),
    "mean": ("pixel", "channel"),
    "views": ("center", "paper", "scales"),
}


@dataclasses.dataclass(frozen=True)
class ImageRecipe(Recipe):
    """How networks for ImageNet are trained; see `Recipe`."""

    data_kind = datasets.Images
    data_names = "cifar10, tfds:NAME, or a folder with a sub-folder for each class"

    network: str = field("name of the network")
    passes: int = field("passes over the training set")
    batch_size: int = field("images a step")
    learning_rate: float = field("learning rate at the start")
    schedule: str = field("plateau: the rate drops when the validation error stalls; or steps")
    factor: float = field("what a drop multiplies the learning rate by")
    patience: int = field("passes without a better validation error, or between two steps")
    drops: int = field("drops on a plateau, at most", default=3)
    momentum: float = field("share of the velocity that is kept", default=0.9)
    decay: float = field("weight decay, inside the velocity", default=5e-4)
    exempt: tuple = field("names of variables that do not decay", default=("bias",))
    polyak: float = field("momentum of the average of the weights; 0: none", default=0.0)
    configuration: str = field("VGG's A, A-LRN, B, C, D or E; ResNet's depth", default=None)
    bias_start: float = field("start of AlexNet's biases of one", default=None)
    crop: int = field("side of the network's input, pixels", default=224)
    short_side: tuple = field("short side of an image, or its range, pixels", default=(256,))
    sampling: str = field("crop: from the rescaled image; area: any part of it", default="crop")
    mean: str = field("the mean of each pixel or of each channel is subtracted", default="channel")
    color: bool = field("PCA colour jitter", default=False)
    synchronized: bool = field("normalize over the batch of all replicas", default=False)
    views: str = field(
        "test by the center crop, as the paper did, or (ResNet) at several scales", default="center"
    )

    def __post_init__(self):
        for name, values in CHOICES.items():
            if getattr(self, name) not in values:
                raise ValueError(
                    f"`{name}` must be one of {', '.join(values)}. "
                    f"Received: {name}={getattr(self, name)}"
                )
        for name, networks in [
            ("configuration", WITH_CONFIGURATION),
            ("bias_start", ("alexnet",)),
        ]:
            if (getattr(self, name) is None) is (self.network in networks):
                raise ValueError(
                    f"`{name}` belongs to {' and '.join(networks)}, which need it. "
                    f"Received: {name}={getattr(self, name)} for {self.network}"
                )
        if self.views == "scales" and self.network != "resnet-imagenet":
            raise ValueError(
                "views=scales is ResNet's test; VGG's own, views=paper, has several scales. "
                f"Received: views={self.views} for {self.network}"
            )
        if min(self.passes, self.batch_size, self.patience) < 1:
            raise ValueError(
                "`passes`, `batch_size` and `patience` must be at least 1. Received: "
                f"{self.passes}, {self.batch_size}, {self.patience}"
            )
        if not 1 <= len(self.short_side) <= 2 or min(self.short_side) < self.crop:
            raise ValueError(
                "`short_side` must be one side or a range of two, and hold the crop. Received: "
                f"short_side={self.short_side}, crop={self.crop}"
            )

    def build(self, classes, builder=None):
        """The network, untrained, as it trains (GoogLeNet with its auxiliary classifiers), or
        another by its `builder`."""
        shared = {"input_shape": (self.crop, self.crop, 3), "classes": classes}
        if builder:
            return builder(**shared)
        if self.network == "vgg":
            return applications.VGG(self.configuration, **shared)
        if self.network == "resnet-imagenet":
            depth = self.configuration
            return applications.ResNet(int(depth) if depth.isdigit() else depth, **shared)
        if self.network == "googlenet":
            return applications.GoogLeNet(auxiliary=True, **shared)
        return applications.AlexNet(bias_start=self.bias_start, **shared)

    @property
    def _of_whole_image(self):
        """Whether the mean is that of whole images of one size, and not of crops."""
        return self.mean == "pixel" and len(self.short_side) == 1

    def before_mean(self):
        """Layers that bring an image of 0 to 255 to the size at which the mean is known."""
        if self.sampling == "area":
            return exact(preprocessing.AreaAspectCrop(self.crop))
        rescale = preprocessing.RescaleShortSide(
            self.short_side[0] if len(self.short_side) == 1 else tuple(self.short_side)
        )
        if self._of_whole_image:
            side = self.short_side[0]
            return exact(rescale, keras.layers.CenterCrop(side, side, data_format="channels_last"))
        return exact(rescale, preprocessing.CropAndFlip(self.crop))

    def layers(self, mean):
        """All layers between an image of 0 to 255 and the network, random in training only."""
        color = [preprocessing.PCAColorJitter()] if self.color else []
        cut = [preprocessing.CropAndFlip(self.crop)] if self._of_whole_image else []
        return exact(*self.before_mean(), *color, mean, *cut)

    def prepare(self, data, seed, folder, strategy=ONE, builder=None):
        """The compiled model, and what its `fit` takes; the mean goes into the run's folder."""
        place = replicas(strategy)
        once(folder / "mean.npy", lambda: self._average(data.train), place)
        several = self.network == "googlenet" and builder is None
        targets = googlenet.for_each_head if several else lambda labels: labels
        with strategy.scope():
            model = self.build(len(data.classes), builder)
            synchronize(model, self.synchronized)
            metrics = ["accuracy", keras.metrics.SparseTopKCategoricalAccuracy(5, name="top5")]
            model.compile(
                optimizer=CoupledSGD(
                    self.learning_rate,
                    self.momentum,
                    self.decay,
                    self.exempt,
                    use_ema=self.polyak > 0,
                    ema_momentum=self.polyak,
                ),
                loss=targets("sparse_categorical_crossentropy"),
                loss_weights=googlenet.LOSS_WEIGHTS if several else None,
                metrics={"predictions": metrics} if several else metrics,
            )
        layers, shared = self.layers(self._mean(folder)), {"targets": targets, "place": place}
        monitor = "val_predictions_accuracy" if several else "val_accuracy"
        return model, {
            "x": image_batches(data.train, layers, self.batch_size, seed, **shared),
            "validation_data": image_batches(data.validation, layers, self.batch_size, **shared),
            "shuffle": False,  # the batches come shuffled
            "monitor": monitor,
            "callbacks": [self.rates(monitor)],
        }

    def _average(self, split):
        """The mean of the training images."""
        (mean,) = exact(preprocessing.SubtractMean(self.mean))
        mean.adapt(x for x, _ in image_batches(split, self.before_mean(), self.batch_size))
        return mean.average

    def _mean(self, folder):
        """The layer that subtracts the run's mean."""
        values = np.load(folder / "mean.npy")
        with keras.device("cpu"):  # where the images are prepared
            (mean,) = exact(preprocessing.SubtractMean(self.mean))
            mean.build((None, *values.shape) if self.mean == "pixel" else (None, None, None, 3))
            mean.average.assign(values)
        return mean

    def rates(self, monitor):
        """The callback that lowers the learning rate."""
        if self.schedule == "steps":
            return keras.callbacks.LearningRateScheduler(
                lambda epoch: self.learning_rate * self.factor ** (epoch // self.patience)
            )
        return keras.callbacks.ReduceLROnPlateau(
            monitor,
            self.factor,
            self.patience,
            mode="max",
            min_delta=0,
            min_lr=self.learning_rate * self.factor**self.drops,
            verbose=1,
        )

    def trained(self, model, images):
        """The network as it is tested: of GoogLeNet without its helpers, of ResNet with the
        true averages of batch normalization."""
        if any(isinstance(e, keras.layers.BatchNormalization) for e in model.layers):
            surgery.recompute_statistics(model, images)
        if isinstance(model.output, dict):
            return keras.Model(model.input, model.output["predictions"], name=model.name)
        return model

    def reader(self, model, folder):
        """What reads an image at test time: layers for the image, a model for their result."""
        mean = self._mean(folder)
        if self.views == "center":
            return self.layers(mean), model
        if self.network == "alexnet":  # section 4.1
            layers, views = [*self.before_mean(), mean], preprocessing.ten_crop
            arguments = {"size": self.crop}
        elif self.network == "googlenet":  # section 7
            layers, views = [mean], preprocessing.googlenet_crops
            arguments = {"size": self.crop}
        elif self.network == "resnet-imagenet":  # section 3.4
            return self._resnet_reader(model, mean)
        else:  # section 3.2
            low, high = self.short_side[0], self.short_side[-1]
            if low == high:
                low, high = max(self.crop, low - 32), high + 32
            sides = (low, (low + high) // 2, high)
            layers, views, model = [mean], preprocessing.whole_images, vgg.dense(model)
            arguments = {"short_sides": sides}
        return layers, preprocessing.AverageOverViews(model, views, arguments)

    def _resnet_reader(self, model, mean):
        """Ten crops; or, at several scales, the whole image less the mean of its channels."""
        if self.views == "paper":
            crops = keras.Sequential([keras.Input(model.input_shape[1:]), mean, model])
            short_side = min(self.short_side)
            layers = exact(preprocessing.RescaleShortSide(short_side))
            views = preprocessing.ten_crop
            return layers, preprocessing.AverageOverViews(crops, views, {"size": self.crop})
        average = keras.ops.convert_to_numpy(mean.average)
        channels = average.reshape(-1, average.shape[-1]).mean(axis=0)
        whole = keras.models.clone_model(model, keras.Input((None, None, 3)))
        whole.set_weights(model.get_weights())
        views, arguments = preprocessing.whole_images, {"short_sides": RESNET_SCALES}
        layers = exact(preprocessing.SubtractMean("channel", mean=[float(x) for x in channels]))
        return layers, preprocessing.AverageOverViews(whole, views, arguments)

    @property
    def protocol(self):
        """How an image is tested."""
        rescaled = f"the image rescaled to {min(self.short_side)}"
        if self.views == "scales":
            return f"the whole image at the scales {', '.join(map(str, RESNET_SCALES))}, averaged"
        if self.views == "paper":
            return {
                "vgg": "the whole image at three scales, and mirrored, averaged",
                "googlenet": "144 crops, averaged",
            }.get(self.network, f"ten crops of {rescaled}, averaged")
        return f"the center crop of {self.crop} of {rescaled}"

    def answers(self, model, data, folder):
        """Part, scores and labels of the validation set."""
        layers, reads = self.reader(model, folder)
        # Images that are not cut to one size come one by one.
        batch_size = self.batch_size if self.views == "center" else 1
        pairs = [
            (reads.predict_on_batch(images), np.asarray(labels))
            for images, labels in image_batches(data.validation, layers, batch_size)
        ]
        yield "validation", *map(np.concatenate, zip(*pairs, strict=True))

    def classes(self, data):
        """Names of the classes."""
        return list(data.classes)

    def scores(self, model, paths, folder):
        """The scores of the classes for each image file."""
        layers, reads = self.reader(model, folder)
        for path in paths:
            image = datasets.read_image(path)
            for layer in layers:
                image = layer(image)
            yield reads.predict_on_batch(keras.ops.expand_dims(image, 0))[0]

    def pictured(self, data, folder):
        """What pictures of the trained network show: of ResNet the responses to a batch."""
        if self.network != "resnet-imagenet":
            return ()
        layers, _ = dataclasses.replace(self, views="center").reader(None, folder)
        return next(iter(image_batches(data.validation, layers, self.batch_size)))

    def about(self, data):
        """What a run states of its data."""
        return {
            "classes": self.classes(data),
            "train": len(data.train),
            "validation": len(data.validation),
        }
