"""The recipes of ViT: their update rule, what the network sees, and whole runs."""

import dataclasses

import keras
import numpy as np
import pytest
from PIL import Image

from keras_classics import datasets, training
from keras_classics.training import vit_recipe

CLASSES = ("red", "green")
NAMES = [name for name in training.RECIPES if name.startswith("vit")]
SMALL = {"variant": "Mini/8", "passes": 2, "batch_size": 8, "warm_up": 2, "image_size": 16}


@pytest.fixture(scope="module")
def data():
    """Red and green images with noise: 44 to train on, 10 to test."""
    rng = np.random.default_rng(0)

    def split(n):
        labels = (np.arange(n) % 2).astype("int32")
        colours = np.array([(180, 60, 60), (60, 180, 60)])[labels]
        noise = rng.integers(-50, 50, (n, 24, 24, 3))
        return datasets.Arrays((colours[:, None, None] + noise).astype("uint8"), labels)

    return datasets.Images("colours", CLASSES, split(44), split(10))


@pytest.fixture(scope="module")
def digits():
    """Bright and dark squares of 8x8, as digits are given: 0 to 1, one channel."""
    labels = (np.arange(30) % 2).astype("int32")
    noise = np.random.default_rng(0).uniform(0, 0.3, (30, 8, 8, 1))
    images = (0.6 * labels[:, None, None, None] + noise).astype("float32")
    return datasets.Data("squares", 6, images[:20], labels[:20], images[20:], labels[20:])


def small(name="vit-cifar", **changes):
    return dataclasses.replace(training.RECIPES[name], **{**SMALL, **changes})


def test_the_papers_numbers():
    """Table 3 for ImageNet, and section 4.1 for fine-tuning on it: 20,000 steps of 512."""
    vit, tuned = training.RECIPES["vit"], training.RECIPES["vit-finetune"]
    steps = vit.passes * (1_281_167 // vit.batch_size)
    rate = vit.rate(steps)
    np.testing.assert_allclose(float(rate(10_000)), 3e-3, rtol=1e-5)
    np.testing.assert_allclose(float(rate(5_000)), 1.5e-3, rtol=1e-5)
    np.testing.assert_allclose(float(rate((steps + 10_000) / 2)), 1.5e-3, rtol=1e-3)
    assert float(rate(steps)) == 0
    assert (vit.decay, vit.dropout, vit.clip, vit.optimizer) == (0.3, 0.1, 1.0, "adam")
    assert round(20_000 * tuned.batch_size / 1_281_167) == tuned.passes
    assert (tuned.decay, tuned.clip, tuned.optimizer) == (0.0, 1.0, "sgd")
    linear = dataclasses.replace(vit, schedule="linear").rate(steps)
    quarter = 10_000 + (steps - 10_000) / 4
    np.testing.assert_allclose(float(linear(quarter)), 0.75 * 3e-3, rtol=1e-4)


@pytest.mark.parametrize("rule", ["adam", "sgd"])
def test_only_kernels_decay(rule):
    """Without gradients, a step of the optimizer leaves the decay alone."""
    recipe = small(learning_rate=0.1, decay=0.5, warm_up=0, optimizer=rule)
    model = recipe.build(2)
    optimizer = recipe.update_rule(100, model)
    for weight in model.trainable_weights:
        weight.assign(np.ones(weight.shape, "float32"))
    zeros = [keras.ops.zeros(weight.shape) for weight in model.trainable_weights]
    optimizer.apply(zeros, model.trainable_weights)
    after = {w.path: keras.ops.convert_to_numpy(w).mean() for w in model.trainable_weights}
    kernels = {path for path in after if path.endswith("kernel")}
    # In each of six blocks four, the patches' and the head's.
    assert len(kernels) == 6 * 4 + 2
    for path, mean in after.items():
        np.testing.assert_allclose(mean, 0.95 if path in kernels else 1.0, rtol=1e-6)


def test_gradients_are_clipped_together():
    model = small().build(2)
    for name in ("vit-cifar", "vit-finetune"):
        assert small(name, clip=2.0).update_rule(100, model).global_clipnorm == 2.0
        assert small(name, clip=0.0).update_rule(100, model).global_clipnorm is None


@pytest.mark.parametrize("crops", ["area", "shift"])
def test_what_the_network_sees(data, tmp_path, crops):
    """Images from -1 to 1: in training new crops at each pass, in the test the middle."""
    _, fit = small(crops=crops).prepare(data, 0, tmp_path)
    passes = []
    for fit["x"].position.number in range(2):
        if keras.backend.backend() != "tensorflow":
            fit["x"].on_epoch_begin()  # as `fit` does
        passes.append([np.asarray(x) for x, _ in fit["x"]])
    x = np.concatenate(passes[0])
    assert x.shape == (40, 16, 16, 3)
    assert x.min() >= -1
    assert x.max() <= 1
    assert x.std() > 0.2
    assert not np.array_equal(passes[0], passes[1])
    test = np.concatenate([np.asarray(x) for x, _ in fit["validation_data"]])
    assert test.shape == (10, 16, 16, 3)
    if crops == "area":  # 16 of 18 pixels, as 224 of 256
        return
    shrunk = np.asarray(data.validation.images, "float32").reshape(10, 12, 2, 12, 2, 3)
    # Averages of neighbours keep the mean of all pixels.
    np.testing.assert_allclose(test.mean((1, 2)), shrunk.mean((1, 2, 3, 4)) / 127.5 - 1, atol=0.03)


def test_targets(data, tmp_path):
    model, fit = small(label_smoothing=0.2).prepare(data, 0, tmp_path)
    x, y = next(iter(fit["x"]))
    assert set(np.asarray(y).ravel()) == {0.0, 1.0}
    np.testing.assert_array_equal(np.asarray(y).sum(-1), 1)
    # The head starts at 0, and so every image has the entropy of a coin.
    loss = model.evaluate(x, y, verbose=0, return_dict=True)["loss"]
    np.testing.assert_allclose(loss, np.log(2), rtol=1e-5)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="keras_cv runs on TensorFlow")
def test_deits_augmentation(data, tmp_path):
    pytest.importorskip("keras_cv")
    _, fit = small("vit-deit").prepare(data, 0, tmp_path)
    batches = [(np.asarray(x), np.asarray(y)) for x, y in fit["x"]]
    for x, y in batches:
        assert x.shape == (8, 16, 16, 3)
        assert np.isfinite(x).all()
        np.testing.assert_allclose(y.sum(-1), 1, rtol=1e-5)
    y = np.concatenate([y for _, y in batches])
    assert ((y > 0.01) & (y < 0.99)).any()


def test_erasing_is_the_share_of_images():
    erase = next(
        layer
        for layer in small(erasing=0.25).layers(seed=1)
        if isinstance(layer, keras.layers.RandomErasing)
    )
    images = np.full((1000, 16, 16, 3), 100, "float32")
    erased = keras.ops.convert_to_numpy(erase(images, training=True)) != 100
    assert 0.21 < erased.any(axis=(1, 2, 3)).mean() < 0.29


def test_the_whole_image_made_square():
    image = np.zeros((16, 48, 3), "uint8")
    image[:, 36:] = 255
    seen = image
    for layer in small(views="whole").layers():
        seen = layer(seen)
    seen = keras.ops.convert_to_numpy(seen)
    assert seen.shape == (16, 16, 3)
    np.testing.assert_allclose(seen[:, :11], -1)
    np.testing.assert_allclose(seen[:, 13:], 1)


@pytest.mark.parametrize("box", [7, 20, None])
def test_digits_of_files_are_those_of_the_test(box, tmp_path):
    """A digit of another box, or of none, is brought to MNIST's as that of a file is."""
    ink = np.zeros((1, 28, 28, 1), "float32")
    ink[0, 4:24, 6:22] = 1
    recipe = small("vit-mnist", image_size=32)
    data = datasets.Data("one", box, ink, np.array([1]), ink, np.array([1]))
    _, test, _ = recipe.splits(data)
    expected = np.zeros((28, 28))
    expected[4:24, 6:22] = 255
    np.testing.assert_allclose(test.images[0, ..., 0], expected, atol=1)
    path = tmp_path / "one.png"
    Image.fromarray((255 - 255 * ink[0, ..., 0]).astype("uint8")).save(path)
    seen = test.images[0]
    for layer in recipe.layers():
        seen = layer(seen)
    np.testing.assert_allclose(recipe.read(path), keras.ops.convert_to_numpy(seen), atol=0.02)


@pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="TensorFlow mixes")
def test_other_backends_do_not_mix(data, tmp_path):
    pytest.importorskip("keras_cv")
    with pytest.raises(ValueError, match="MixUp and CutMix run inside of tf.data"):
        small("vit-deit").prepare(data, 0, tmp_path)


@pytest.mark.slow
def test_a_run_and_its_fine_tuning(data, tmp_path):
    recipe = small(passes=6, learning_rate=3e-3)
    run = training.train(recipe, data, tmp_path / "run", verbose=0)
    again = training.Run(tmp_path / "run")
    assert (again.recipe.variant, again.recipe.learning_rate) == ("Mini/8", 3e-3)
    assert again.evaluate(data) == again.manifest["errors"] == run.manifest["errors"]
    assert run.manifest["errors"]["test"] == {"wrong": 0, "of": 10, "percent": 0.0}
    assert run.manifest["data"] == {
        "name": "colours",
        "classes": list(CLASSES),
        "train": 44,
        "test": 10,
    }
    paths = []
    for colour, name in [((60, 180, 60), "green"), ((180, 60, 60), "red")]:
        paths.append(tmp_path / f"{name}.png")
        noise = np.random.default_rng(1).integers(-50, 50, (64, 90, 3))
        Image.fromarray((np.array(colour) + noise).astype("uint8")).save(paths[-1])
    assert [first for first, _, _ in run.predict(*paths)] == ["green", "red"]
    seen = again.recipe.read(paths[0])
    assert seen.shape == (16, 16, 3)
    np.testing.assert_allclose(seen.mean((0, 1)), [-0.53, 0.41, -0.53], atol=0.03)

    tuned = small(
        "vit-finetune", start=str(tmp_path / "run" / "model.keras"), image_size=24, passes=4
    )
    finer = training.train(tuned, data, tmp_path / "tuned", verbose=0)
    assert finer.model.input_shape == (None, 24, 24, 3)
    assert finer.manifest["errors"]["test"]["wrong"] == 0


@pytest.mark.slow
def test_digits(digits, tmp_path):
    recipe = small(
        "vit-mnist", variant="Mini/4", image_size=8, passes=8, batch_size=4, learning_rate=3e-3
    )
    run = training.train(recipe, digits, tmp_path / "run", verbose=0)
    none = {"wrong": 0, "of": 10, "percent": 0.0}
    assert run.manifest["errors"]["test"] == {**none, "top-5": none}


@pytest.mark.slow
def test_seeds_repeat(data, tmp_path):
    runs = [
        training.train(small(passes=1), data, tmp_path / f"{k}", seed, verbose=0)
        for k, seed in enumerate((3, 3, 4))
    ]
    losses = [run.history["loss"] for run in runs]
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.parametrize("name", NAMES)
def test_every_recipe_builds(name):
    recipe = training.RECIPES[name]
    assert recipe.network == name
    if name == "vit-finetune":
        with pytest.raises(ValueError, match="Fine-tuning begins with a trained network"):
            recipe.build(10)
        return
    with keras.StatelessScope(initialize_variables=False):
        model = recipe.build(10)
    assert model.output_shape == (None, 10)
    assert ("pre_logits" in [layer.name for layer in model.layers]) is (name == "vit")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optimizer": "lamb"}, "`optimizer` must be one of adam, sgd"),
        ({"schedule": "steps"}, "`schedule` must be one of cosine, linear"),
        ({"crops": "center"}, "`crops` must be one of area, shift, distort"),
        ({"views": "paper"}, "`views` must be one of center, whole. Received: views=paper"),
        ({"channels": 2}, "`channels` must be one of 1, 3"),
        ({"passes": 0}, "at least 1, `warm_up` at least 0. Received: 0, 8, 2"),
        ({"warm_up": -1}, "at least 1, `warm_up` at least 0. Received: 2, 8, -1"),
        ({"randaugment": (2,)}, "`randaugment` must be a number of operations and a magnitude"),
    ],
)
def test_recipes_refuse(changes, message):
    with pytest.raises(ValueError, match=message):
        small(**changes)


def test_data_that_do_not_fit_are_refused(data, digits, tmp_path):
    with pytest.raises(ValueError, match="squares has images of 1 channels: --channels=1"):
        small().prepare(digits, 0, tmp_path)
    with pytest.raises(ValueError, match="colours has images of 3 channels: --channels=3"):
        small("vit-mnist").prepare(data, 0, tmp_path)
    with pytest.raises(ValueError, match="full batch. Received: 44 images and batch_size=45"):
        small(batch_size=45).prepare(data, 0, tmp_path)
    with pytest.raises(ValueError, match="shorter than the training, 10 steps.*warm_up=10"):
        small(warm_up=10).prepare(data, 0, tmp_path)
    assert vit_recipe.CHOICES["crops"][0] == "area"
