"""Every recipe in mixed precision: the loss stays beside that of float32."""

import dataclasses

import keras
import numpy as np
import pytest

from keras_classics import datasets, training
from keras_classics.training import imaging, trainer
from tests import small
from tests.training import tiny

# The furthest that an epoch's loss is from float32's, as a share of it; twice what was measured.
BAND = {"mixed_float16": 0.003, "mixed_bfloat16": 0.015}
DIGITS = {"epochs": 2, "batch_size": 10, "curvature_patterns": 20, "learning_rates": (5e-5,)}
SMALL = {"epochs": 2, "batch_size": 8, "image_size": 64, "learning_rate": 1e-4}
RECIPES = {
    "lecun1989": DIGITS,
    "lenet1": DIGITS,
    "lenet5": DIGITS,
    "lenet5 mle": DIGITS | {"loss": "mle"},
    "lenet5 softmax": DIGITS | {"loss": "crossentropy", "head": "softmax"},
    "alexnet": SMALL | {"bias_start": 0.1, "image_size": 67, "short_side": 72},
    "vgg11": SMALL | {"short_side": (72,)},
    "googlenet": SMALL | {"image_size": 72},
    "resnet18": SMALL | {"short_side": (72,)},
    "resnet8_cifar": {"epochs": 2, "batch_size": 8, "learning_rate": 0.01},
    "vit_cifar": {"epochs": 2, "batch_size": 8, "warmup_steps": 0},
}
QUICK = ("lenet5", "lenet5 mle")
if keras.backend.backend() == "tensorflow":  # the others compile each training anew
    QUICK += ("lecun1989", "resnet8_cifar", "vit_cifar")


def data(recipe):
    random = np.random.default_rng(0)
    if recipe.input_shape[-1] == 1:
        split = datasets.Digits(random.uniform(size=(40, 28, 28, 1)), np.arange(40) % 10, box=20)
        return datasets.Images("noise", datasets.Digits.classes, split, split, held="test")
    images = random.integers(256, size=(24, 32, 32, 3), dtype="uint8")
    return datasets.wrap(*[(images, np.arange(24) % 3)] * 2)


class Scale(keras.callbacks.Callback):
    """Reads the loss scale at the end."""

    def on_train_end(self, logs=None):
        self.scale = getattr(self.model.optimizer, "dynamic_scale", None)


def losses(name, policy):
    recipe = dataclasses.replace(training.recipe(name.split()[0]), **RECIPES[name])
    before, scale = keras.config.dtype_policy(), Scale()
    keras.config.set_dtype_policy(policy)
    try:
        given = data(recipe)
        mean, _ = imaging.mean_of(recipe, given)
        keras.utils.set_random_seed(0)
        job = trainer.prepare(recipe, recipe.splits(given), len(given.classes), mean=mean)
        history = tiny.fit(job, recipe.epochs, scale)
    finally:
        keras.config.set_dtype_policy(before)
    assert (scale.scale is not None) is (policy == "mixed_float16")
    assert policy != "mixed_float16" or 2**5 <= float(scale.scale) <= 2**16
    return np.array(history["loss"])


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n in QUICK else pytest.mark.slow) for n in RECIPES]
)
def test_the_loss_follows_that_of_float32(name, monkeypatch):
    small.patch(monkeypatch)
    # In half precision other units would drop out.
    monkeypatch.setattr(keras.layers.Dropout, "call", lambda self, x, training=False: x)
    expected = losses(name, "float32")
    for policy, band in BAND.items():
        found = losses(name, policy)
        assert (found != expected).any()
        np.testing.assert_allclose(found, expected, rtol=band, err_msg=policy)


def test_images_are_prepared_in_float32():
    """Levels that lie closer than bfloat16 can tell stay apart."""
    images = np.random.default_rng(0).integers(256, size=(24, 32, 32, 3), dtype="uint8")
    given = datasets.wrap(*[(images, np.arange(24) % 3)] * 2)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        for name in ("vit_cifar", "resnet18"):
            recipe = dataclasses.replace(training.recipe(name), **RECIPES[name])
            mean, _ = imaging.mean_of(recipe, given)
            job = trainer.prepare(recipe, recipe.splits(given), 3, mean=mean)
            for batches in (job.batches, job.validation):
                x, _ = next(iter(batches))
                assert "float32" in str(x.dtype)
                assert len(np.unique(np.asarray(x))) >= 256
    finally:
        keras.config.set_dtype_policy(before)
