"""The recipes of ViT: their update rule, what the network sees, and whole runs."""

import dataclasses

import keras
import numpy as np
import pytest
from PIL import Image

from keras_classics import activations, datasets, training
from keras_classics.training import admission, imaging, trainer
from tests.training import tiny

NAMES = ("vit", "vit_finetune", "vit_augreg", "vit_deit", "vit_cifar", "vit_mnist")
SMALL = {"network": "vit_mini8", "epochs": 2, "batch_size": 8, "warmup_steps": 2, "image_size": 16}


@pytest.fixture(scope="module")
def squares():
    """Bright and dark squares of 8x8, as digits are given: 0 to 1, one channel."""
    labels = (np.arange(30) % 2).astype("int32")
    noise = np.random.default_rng(0).uniform(0, 0.3, (30, 8, 8, 1))
    images = 0.6 * labels[:, None, None, None] + noise
    splits = [datasets.Digits(images[p], labels[p], box=6) for p in (slice(20), slice(20, None))]
    return datasets.Images("squares", datasets.Digits.classes, *splits, held="test")


def small(name="vit_cifar", **changes):
    return dataclasses.replace(training.recipe(name), **{**SMALL, **changes})


def build(recipe, classes=2):
    return recipe.build(input_shape=recipe.input_shape, classes=classes)


def prepare(recipe, data, **arguments):
    return trainer.prepare(recipe, recipe.splits(data), len(data.classes), **arguments)


def through(recipe, image):
    for layer in imaging.layers_of(recipe, training=False):
        image = layer(image)
    return keras.ops.convert_to_numpy(image)


def test_the_papers_numbers():
    """Table 3 for ImageNet, and section 4.1 for fine-tuning on it: 20,000 steps of 512."""
    vit, tuned = training.recipe("vit"), training.recipe("vit_finetune")
    steps = vit.epochs * (1_281_167 // vit.batch_size)
    rate = vit.rate(steps)
    np.testing.assert_allclose(float(rate(10_000)), 3e-3, rtol=1e-5)
    np.testing.assert_allclose(float(rate(5_000)), 1.5e-3, rtol=1e-5)
    np.testing.assert_allclose(float(rate((steps + 10_000) / 2)), 1.5e-3, rtol=1e-3)
    assert float(rate(steps)) == 0
    assert (vit.weight_decay, vit.dropout, vit.clip, vit.optimizer) == (0.3, 0.1, 1.0, "adam")
    assert (vit.network, vit.epochs, vit.batch_size, vit.image_size) == ("vit_b16", 300, 4096, 224)
    assert (vit.representation, vit.crops, vit.smallest_area) == (True, "area", 0.05)
    assert (vit.momentum, vit.epsilon, vit.ema, vit.schedule) == (0.9, 1e-8, 0.0, "cosine")
    assert round(20_000 * tuned.batch_size / 1_281_167) == tuned.epochs
    assert (tuned.weight_decay, tuned.clip, tuned.optimizer) == (0.0, 1.0, "sgd")
    assert (tuned.learning_rate, tuned.warmup_steps, tuned.image_size) == (0.03, 500, 384)
    assert (tuned.batch_size, tuned.views, tuned.dropout, tuned.schedule) == (
        *(512, "whole", None, "cosine"),
    )
    of_one = dataclasses.replace(vit, learning_rate=1).rate(steps)  # not in integers
    np.testing.assert_allclose([float(of_one(10_000)), float(of_one(steps))], [1, 0], atol=1e-6)
    linear = dataclasses.replace(vit, schedule="linear").rate(steps)
    quarter = 10_000 + (steps - 10_000) / 4
    np.testing.assert_allclose(float(linear(quarter)), 0.75 * 3e-3, rtol=1e-4)


def test_the_numbers_of_augreg_and_deit():
    """Its released S/16, and Table 9."""
    augreg, deit = training.recipe("vit_augreg"), training.recipe("vit_deit")
    for recipe, expected in [
        (augreg, (300, 4096, 1e-3, 10_000, 0.1, 1.0, 0.0, 0.0, 0.5, 0.0, (2, 15), 0.0, 0.0, 0.05)),
        (deit, (300, 1024, 1e-3, 6255, 0.05, 0.0, 0.0, 0.1, 0.8, 1.0, (2, 9), 0.1, 0.25, 0.08)),
    ]:
        names = "epochs batch_size learning_rate warmup_steps weight_decay clip dropout".split()
        names += "stochastic_depth mixup cutmix randaugment label_smoothing erasing".split()
        names += ["smallest_area"]
        assert tuple(getattr(recipe, name) for name in names) == expected
        assert (recipe.network, recipe.optimizer, recipe.schedule, recipe.image_size) == (
            *("vit_s16", "adam", "cosine", 224),
        )
    assert (augreg.operations, deit.operations) == ("augreg", "deit")
    assert deit.warmup_steps == 5 * (1_281_167 // deit.batch_size)


def test_augreg_asks_for_each_class_by_itself(colours):
    """The head starts at -6.9 for each class: by hand, a sigmoid and the sum over the classes."""
    recipe = small("vit_augreg", mixup=0.0, randaugment=())
    assert (recipe.loss, recipe.head_bias, recipe.representation) == ("sigmoid", -6.9, True)
    job = prepare(recipe, colours(24))
    x, y = next(iter(job.batches))
    p = 1 / (1 + np.exp(6.9))
    np.testing.assert_allclose(job.model.predict_on_batch(x), p, rtol=1e-5)
    found = job.model.evaluate(x, y, verbose=0, return_dict=True)
    np.testing.assert_allclose(found["loss"], -np.log(p) - np.log(1 - p), rtol=1e-5)
    assert set(found) == {"accuracy", "loss"}
    softmax = prepare(dataclasses.replace(recipe, loss="crossentropy"), colours(24))
    np.testing.assert_allclose(softmax.model.predict_on_batch(x), 0.5, rtol=1e-5)


def test_deit_scales_by_imagenets_colours_and_erases_with_noise(colours):
    recipe = small("vit_deit", mixup=0.0, cutmix=0.0, randaugment=(), erasing=0.0)
    data = colours(24)
    black, white = (
        imaging.preprocess(recipe, None, np.full((1, 16, 16, 3), value, "uint8"))[0]
        for value in (0, 255)
    )
    low = -np.divide((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    high = low + np.divide(1, (0.229, 0.224, 0.225))
    np.testing.assert_allclose(black[3, 4], low, rtol=1e-4)
    np.testing.assert_allclose(white[3, 4], high, rtol=1e-4)
    network = build(recipe)
    blocks = [layer for layer in network.layers if hasattr(layer, "mlp_dim")]
    assert {block.activation for block in blocks} == {keras.activations.gelu}
    gelu_tanh = {b.activation for b in build(small()).layers if hasattr(b, "mlp_dim")}
    assert gelu_tanh == {activations.gelu_tanh}

    plain, noisy = (
        tiny.as_arrays(prepare(dataclasses.replace(recipe, erasing=share), data).batches)[0]
        for share in (0.0, 1.0)
    )
    outside = (plain < low - 1e-3) | (plain > high + 1e-3)
    assert not outside.any()
    assert noisy.min() < low.min() - 0.5  # noise is not clipped
    assert noisy.std() > plain.std()


@pytest.mark.parametrize("rule", ["adam", "sgd"])
def test_only_kernels_decay(rule):
    """Without gradients, a step of the optimizer leaves the decay alone."""
    recipe = small(learning_rate=0.1, weight_decay=0.5, warmup_steps=0, optimizer=rule)
    model = build(recipe)
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


def test_gradients_are_clipped_together_and_weights_averaged():
    model = build(small())
    for name in ("vit_cifar", "vit_finetune"):
        assert small(name, clip=2.0).update_rule(100, model).global_clipnorm == 2.0
        rule = small(name, clip=0.0).update_rule(100, model)
        assert rule.global_clipnorm is None
        assert not rule.use_ema
        rule = small(name, ema=0.99, momentum=0.8).update_rule(100, model)
        assert (rule.use_ema, rule.ema_momentum) == (True, 0.99)
        assert getattr(rule, "beta_1", None) == 0.8 or rule.momentum == 0.8
    assert small().update_rule(100, model).epsilon == 1e-8


@pytest.mark.parametrize("crops", ["area", "shift"])
def test_what_the_network_sees(colours, crops):
    """Images from -1 to 1: in training new crops in each epoch, in the test the middle."""
    data = colours(24)
    job = prepare(small(crops=crops), data)
    seen = []
    for job.position.epoch in range(2):
        seen.append(tiny.as_arrays(job.batches)[0])
    x = seen[0]
    assert x.shape == (40, 16, 16, 3)
    assert x.min() >= -1
    assert x.max() <= 1
    assert x.std() > 0.2
    assert not np.array_equal(*seen)
    test = tiny.as_arrays(job.validation)[0]
    assert test.shape == (10, 16, 16, 3)
    if crops == "area":  # 16 of 18 pixels, as 224 of 256
        return
    shrunk = np.asarray(data.validation.images, "float32").reshape(10, 12, 2, 12, 2, 3)
    # Averages of neighbours keep the mean of all pixels.
    np.testing.assert_allclose(test.mean((1, 2)), shrunk.mean((1, 2, 3, 4)) / 127.5 - 1, atol=0.03)


def test_targets(colours):
    job = prepare(small(label_smoothing=0.2), colours(24))
    x, y = next(iter(job.batches))
    assert set(np.asarray(y).ravel()) == {0.0, 1.0}
    np.testing.assert_array_equal(np.asarray(y).sum(-1), 1)
    # The head starts at 0, and so every image has the entropy of a coin.
    loss = job.model.evaluate(x, y, verbose=0, return_dict=True)["loss"]
    np.testing.assert_allclose(loss, np.log(2), rtol=1e-5)
    assert small(label_smoothing=0.2).loss_function().get_config()["label_smoothing"] == 0.2


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="keras_cv runs on TensorFlow")
def test_deits_augmentation(colours):
    pytest.importorskip("keras_cv")
    job = prepare(small("vit_deit"), colours(24))
    batches = [(np.asarray(x), np.asarray(y)) for x, y in job.batches]
    for x, y in batches:
        assert x.shape == (8, 16, 16, 3)
        assert np.isfinite(x).all()
        np.testing.assert_allclose(y.sum(-1), 1, rtol=1e-5)
    y = np.concatenate([y for _, y in batches])
    assert ((y > 0.01) & (y < 0.99)).any()


def test_the_operations_of_randaugment():
    found = {}
    for operations in ("paper", "augreg", "deit"):
        recipe = small(randaugment=(2, 9), operations=operations)
        (layer,) = [e for e in recipe.layers(True) if "RandAugment" in type(e).__name__]
        config = found[operations] = layer.get_config()
        assert (config["num_layers"], config["magnitude"]) == (2, 9)
    assert found["deit"]["magnitude_std"] == 0.5
    assert found["deit"]["increasing"]
    assert not found["augreg"]["increasing"]
    assert len({tuple(config["operations"]) for config in found.values()}) == 3
    assert not any("RandAugment" in type(e).__name__ for e in small().layers(True))
    assert not any("RandAugment" in type(e).__name__ for e in small("vit_deit").layers(False))


def test_erasing_is_the_share_of_images():
    *_, erase = small(erasing=0.25).layers(training=True)  # after the scaling
    images = np.full((1000, 16, 16, 3), 100, "float32")
    erased = keras.ops.convert_to_numpy(erase(images, training=True)) != 100
    assert 0.21 < erased.any(axis=(1, 2, 3)).mean() < 0.29


def test_the_whole_image_made_square():
    image = np.zeros((16, 48, 3), "uint8")
    image[:, 36:] = 255
    seen = through(small(views="whole"), image)
    assert seen.shape == (16, 16, 3)
    np.testing.assert_allclose(seen[:, :11], -1)
    np.testing.assert_allclose(seen[:, 13:], 1)


@pytest.mark.parametrize("box", [7, 20, None])
def test_digits_of_files_are_those_of_the_test(box, tmp_path):
    """A digit of another box, or of none, is brought to MNIST's as that of a file is."""
    ink = np.zeros((1, 28, 28, 1), "float32")
    ink[0, 4:24, 6:22] = 1
    recipe = small("vit_mnist", image_size=32)
    split = datasets.Digits(ink, [1], box)
    data = datasets.Images("one", datasets.Digits.classes, split, split, held="test")
    test = recipe.splits(data)["test"]
    expected = np.zeros((28, 28))
    expected[4:24, 6:22] = 255
    assert test.images.dtype == "uint8"
    np.testing.assert_allclose(test.images[0, ..., 0], expected, atol=1)
    path = tmp_path / "one.png"
    Image.fromarray((255 - 255 * ink[0, ..., 0]).astype("uint8")).save(path)
    found = imaging.read(recipe, None, path)
    np.testing.assert_allclose(found, through(recipe, test.images[0]), atol=0.02)


@pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="TensorFlow mixes")
def test_other_backends_do_not_mix(colours):
    pytest.importorskip("keras_cv")
    with pytest.raises(ValueError, match="MixUp and CutMix run inside of tf.data"):
        prepare(small("vit_deit"), colours(24))


@pytest.mark.slow
def test_a_run_and_its_fine_tuning(colours, green_and_red, tmp_path):
    data = colours(24)
    recipe = small(epochs=6, learning_rate=3e-3)
    run = training.train(recipe, data, tmp_path / "run", verbose=0)
    again = training.Run(tmp_path / "run")
    assert again.recipe == recipe
    assert again.evaluate(data) == again.manifest["errors"] == run.manifest["errors"]
    assert run.manifest["errors"] == {"test": {"wrong": 0, "of": 10, "percent": 0.0}}
    stated = {k: v for k, v in run.manifest["data"].items() if k != "splits"}
    classes = ["red", "green"]
    assert stated == {"name": "colours", "classes": classes, "train": 44, "test": 10}
    assert [first for first, _, _ in run.predict(*green_and_red)] == ["green", "red"]
    seen = again.read(green_and_red[0])
    assert seen.shape == (16, 16, 3)
    np.testing.assert_allclose(seen.mean((0, 1)), [-0.53, 0.41, -0.53], atol=0.03)

    start = str(tmp_path / "run" / "model.keras")
    tuned = small("vit_finetune", start=start, image_size=24, epochs=4)
    finer = training.train(tuned, data, tmp_path / "tuned", verbose=0)
    assert finer.model.input_shape == (None, 24, 24, 3)
    assert finer.manifest["errors"]["test"]["wrong"] == 0


@pytest.mark.slow
def test_digits(squares, tmp_path):
    more = {"network": "vit_mini4", "image_size": 8, "epochs": 8, "batch_size": 4}
    recipe = small("vit_mnist", learning_rate=3e-3, **more)
    run = training.train(recipe, squares, tmp_path / "run", verbose=0)
    none = {"wrong": 0, "of": 10, "percent": 0.0}
    assert run.manifest["errors"]["test"] == {**none, "top-5": none}


@pytest.mark.slow
def test_seeds_repeat(colours):
    losses = []
    for seed in (3, 3, 4):
        keras.utils.set_random_seed(seed)
        losses.append(tiny.fit(prepare(small(), colours(24), seed=seed), 1)["loss"])
    assert losses[0] == losses[1] != losses[2]


@pytest.mark.parametrize("name", NAMES)
def test_every_recipe_builds(name):
    recipe = training.recipe(name)
    if name == "vit_finetune":
        with pytest.raises(ValueError, match="Fine-tuning begins with a trained network"):
            build(recipe)
        return
    with keras.StatelessScope(initialize_variables=False):
        model = build(recipe, 10)
    assert model.output_shape == (None, 10)
    assert model.input_shape[1:] == recipe.input_shape
    layers = [layer.name for layer in model.layers]
    assert ("pre_logits" in layers) is (name in ("vit", "vit_augreg"))


def test_positions():
    """Table 8 by two fields; what begins with a trained network keeps that network's."""
    for changes, expected in [
        ({}, {"position_embedding"}),
        ({"positions": "none"}, set()),
        ({"positions": "relative"}, set()),
        ({"positions_at": "every_layer"}, {f"position_embedding_{i + 1}" for i in range(6)}),
    ]:
        model = build(small(**changes))
        assert {la.name for la in model.layers if "position" in la.name} == expected
        relative = changes.get("positions") == "relative"
        assert model.get_layer("encoder_block_3").relative is relative
    model = build(small(positions="2d", positions_at="shared"))
    shared = model.get_layer("shared_position_embedding_2d")
    assert (len(shared.weights), len(shared._inbound_nodes)) == (3, 6)
    with pytest.raises(ValueError, match=r"keeps its own. .*=2d, .*=stem, start=mine\.keras"):
        small(positions="2d", start="mine.keras")


def test_another_network_is_refused():
    with pytest.raises(ValueError, match="ViTCIFARRecipe sets .*, which resnet20_cifar does not"):
        build(small(network="resnet20_cifar"))
    with pytest.raises(ValueError, match="There is no network 'mine'.*builder="):
        build(small(network="mine"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"optimizer": "lamb"}, '`optimizer` must be "adam" or "sgd"'),
        ({"schedule": "steps"}, '`schedule` must be "cosine" or "linear"'),
        ({"crops": "center"}, '`crops` must be "area", "shift" or "distort"'),
        ({"views": "paper"}, '`views` must be "center" or "whole". Received: views=.paper.'),
        ({"operations": "none"}, '`operations` must be "paper", "augreg" or "deit"'),
        ({"channels": 2}, "`channels` must be 1 or 3"),
        ({"loss": "mse"}, '`loss` must be "crossentropy" or "sigmoid". Received: loss=.mse.'),
        ({"loss": "sigmoid", "label_smoothing": 0.1}, "`label_smoothing` is for the loss crosse"),
        ({"epochs": 0}, "`epochs` must be a whole number, at least 1. Received: epochs=0"),
        (
            {"warmup_steps": -1},
            "`warmup_steps` must be a whole number, at least 0. Received: warmup_steps=-1",
        ),
        ({"randaugment": (2,)}, "`randaugment` must be a number of operations and a magnitude"),
    ],
)
def test_recipes_refuse(changes, message):
    with pytest.raises(ValueError, match=message):
        small(**changes)


def test_data_that_do_not_fit_are_refused(colours, squares):
    data = colours(24)
    with pytest.raises(ValueError, match="squares has images of 1 channel: --channels=1"):
        admission.refuse_data(small(), squares)
    with pytest.raises(ValueError, match="colours has images of 3 channels: --channels=3"):
        admission.refuse_data(small("vit_mnist"), data)
    with pytest.raises(ValueError, match="full batch. Received: 44 images and batch_size=45"):
        prepare(small(batch_size=45), data)
    with pytest.raises(ValueError, match="shorter than the training, 10 steps.*warmup_steps=10"):
        prepare(small(warmup_steps=10), data)


def test_how_an_image_is_tested_in_words():
    center = "the center crop of 224 of the image rescaled to 256"
    assert training.recipe("vit").protocol() == center
    assert training.recipe("vit_finetune").protocol() == "the whole image made 384x384"
