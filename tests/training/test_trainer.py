"""`train` from the data to a run folder, with a network that trains in no time."""

import contextlib
import dataclasses

import keras
import numpy as np
import pytest

from keras_classics import backend, datasets, layers, training
from keras_classics.training import trainer
from keras_classics.training.identity import of_network as statement
from tests.datasets.test_images import store
from tests.training import tiny


def train(folder, recipe, data, *arguments, builder=tiny.network, **named):
    return training.train(recipe, data, folder, *arguments, builder=builder, verbose=0, **named)


@pytest.mark.parametrize("recipe", [tiny.Tiny(), tiny.InMemory()], ids=["one by one", "in memory"])
def test_a_run(recipe, colours, tmp_path):
    data = colours(8)
    run = train(tmp_path / "run", recipe, data)
    history = run.history
    assert list(history)[:2] == ["epoch", "learning_rate"]
    assert history["epoch"] == [0, 1]
    assert history["learning_rate"] == pytest.approx([0.1, 0.1])
    assert history["loss"][1] < history["loss"][0]
    percent = run.manifest["errors"]["test"]["percent"]
    assert percent == pytest.approx(100 * (1 - history["val_accuracy"][-1]), abs=0.01)
    files = {path.name for path in run.folder.iterdir()}
    expected = {"manifest.json", "history.csv", "mean.npy", "model.keras", "confusion-test.csv"}
    assert files == expected


@pytest.mark.parametrize("recipe", [tiny.Tiny(), tiny.InMemory()], ids=["one by one", "in memory"])
def test_the_same_seed_gives_the_same_history(recipe, colours, tmp_path):
    data = colours(8)
    runs = [train(tmp_path / str(k), recipe, data, seed) for k, seed in enumerate([3, 3, 4])]
    assert runs[0].history == runs[1].history
    assert runs[0].history["loss"] != runs[2].history["loss"]
    for a, b in zip(*(run.model.get_weights() for run in runs[:2]), strict=True):
        np.testing.assert_array_equal(a, b)


def test_numbers_of_numpy(colours, tmp_path):
    recipe = tiny.Tiny(epochs=1, batch_size=np.int64(8), learning_rate=np.float32(0.5))
    run = train(tmp_path / "run", recipe, colours(), np.int64(1))
    assert (run.manifest["seed"], run.manifest["recipe"]["batch_size"]) == (1, 8)
    assert training.Run(tmp_path / "run").recipe == recipe


def test_what_json_does_not_hold_leaves_no_folder(colours, tmp_path):
    @dataclasses.dataclass(frozen=True)
    class Mine(tiny.Tiny):
        own: object = training.cite(None, help="anything")

    recipe = Mine(own={1, 2})
    with pytest.raises(TypeError, match="not JSON serializable"):
        train(tmp_path / "run", recipe, colours())
    assert not (tmp_path / "run").exists()


def test_a_finished_run_is_given_as_it_is(colours, tmp_path):
    data = colours()
    run = train(tmp_path / "run", tiny.Tiny(), data)
    before = {path: path.stat().st_mtime_ns for path in run.folder.iterdir()}

    again = train(tmp_path / "run", tiny.Tiny(), data, resume=True)
    assert again.manifest == run.manifest
    assert before == {path: path.stat().st_mtime_ns for path in run.folder.iterdir()}

    def sigmoid(input_shape, classes):
        return tiny.network(input_shape, classes, activation="sigmoid")

    with pytest.raises(ValueError, match="another run, and cannot be resumed as this.*Its network"):
        train(tmp_path / "run", tiny.Tiny(), data, builder=sigmoid, resume=True)


def test_a_run_that_was_interrupted_goes_on_with_its_own_network_alone(colours, tmp_path):
    """Whose layers the message tells apart, with or without weights of their own."""
    data, shared = colours(), {"resume": True}

    def with_lrn(input_shape, classes):
        one = tiny.network(input_shape, classes)
        x = layers.LocalResponseNormalization()(one.layers[1].output)
        return keras.Model(one.input, one.layers[-1](one.layers[-2](x)))

    callbacks = [tiny.BreakAt(1)]
    with pytest.raises(tiny.Break):
        train(tmp_path / "run", tiny.Tiny(), data, builder=with_lrn, callbacks=callbacks)
    stated = training.Run(tmp_path / "run").manifest["network"]
    assert stated["builder"].endswith("with_lrn")
    assert stated["parameters"] == 8
    assert stated["layers"]["LocalResponseNormalization"] == 1
    with pytest.raises(ValueError, match="Its network: .*ResponseNormalization': 1.*Received"):
        train(tmp_path / "run", tiny.Tiny(), data, **shared)
    run = train(tmp_path / "run", tiny.Tiny(), data, builder=with_lrn, **shared)
    assert run.is_finished


def test_what_a_builder_does_not_know_is_refused(colours, tmp_path):
    data = colours()
    for name, changes in [
        ("alexnet", {"bias_start": 0.1}),
        ("alexnet", {"lrn": False}),
        ("resnet18", {"shortcut": "A"}),
        ("vit_cifar", {"dropout": 0.1}),
        ("vit", {"start": "model.keras"}),
        ("lenet5", {"fan_in_exponent": 1.0}),
    ]:
        recipe = dataclasses.replace(training.recipe(name), **changes)
        ((field, value),) = changes.items()
        message = f"`{field}` is of the recipe's own network.*builder=.*Received: {field}={value}"
        with pytest.raises(ValueError, match=message):
            recipe.build_by(tiny.network, input_shape=(8, 8, 3), classes=2)
    plain = training.recipe("alexnet").build_by(tiny.network, input_shape=(8, 8, 3), classes=2)
    assert plain.name == "tiny"

    @dataclasses.dataclass(frozen=True)
    class Mine(tiny.Tiny):
        width: int = training.cite(4, help="units")
        of_network = ("width",)

    with pytest.raises(ValueError, match="`width` is of the recipe's own network"):
        train(tmp_path / "run", Mine(width=5), data)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", [*training.RECIPES, "resnet8_cifar"])
def test_the_fields_of_the_network_are_those_that_build_reads(name, monkeypatch):
    recipe, read = training.recipe(name), []
    cls = type(recipe)

    def spy(self, attribute):
        read.append(attribute)
        return object.__getattribute__(self, attribute)

    monkeypatch.setattr(cls, "built", lambda self, **arguments: keras.Sequential([]))
    shape = {"input_shape": recipe.input_shape, "classes": 10}
    monkeypatch.setattr(cls, "__getattribute__", spy, raising=False)
    with contextlib.suppress(ValueError):  # of fine-tuning without a start
        recipe.build(**shape)
    monkeypatch.undo()
    fields = {each.name for each in dataclasses.fields(recipe)}
    elsewhere = {"network", "head", "loss"}  # which losses and messages read, too
    assert (set(read) & fields) - elsewhere <= set(recipe.of_network) <= fields


def test_the_hash_of_a_network():
    """Equal for equal networks, whatever was built before them; and for no others."""
    relu, softmax = keras.layers.ReLU, keras.layers.Softmax

    def network(*, width=4, strides=1, rate=0.5, residual=False, seed=None, first=relu, dtype=None):
        x = image = keras.Input((8, 8, 3))
        y = keras.layers.Conv2D(3, 3, strides, padding="same", activation="softmax")(x)
        x = keras.layers.Add()([y, y if not residual else x]) if strides == 1 else y
        x = keras.layers.Dropout(rate, seed=seed)(first()(x))
        x = keras.layers.Flatten(name="flat_1")(x)
        inner = keras.Sequential([keras.layers.Dense(width, dtype=dtype), softmax()])
        return keras.Model(image, {"predictions": inner(x)})

    def digest(**changes):
        return statement(network(**changes))["sha256"]

    expected = digest()
    for _ in range(12):  # Keras's numbers get a second digit
        network()
    keras.layers.Dense(2)(np.ones((1, 2)))
    assert digest() == expected
    others = [
        *({"width": 5}, {"strides": 2}, {"rate": 0.4}, {"residual": True}, {"seed": 3}),
        *({"first": softmax}, {"first": keras.layers.LeakyReLU}, {"dtype": "float16"}),
        {"dtype": "bfloat16"},
    ]
    found = [digest(**changes) for changes in others]
    assert len({expected, *found}) == 1 + len(others)
    frozen = network()
    frozen.layers[1].trainable = False
    assert statement(frozen)["sha256"] != expected

    class Own(keras.Model):
        def __init__(self, units):
            super().__init__()
            self.dense = keras.layers.Dense(units)
            self.dense.build((None, 3))

        def call(self, x):
            return self.dense(x)

        def get_config(self):
            raise NotImplementedError

    assert statement(Own(2))["sha256"] == statement(Own(2))["sha256"] != statement(Own(3))["sha256"]


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_averaged_weights_are_validated_and_kept(policy, colours, tmp_path):
    """And not those that are trained, which go on untouched."""

    @dataclasses.dataclass(frozen=True)
    class Averages(tiny.InMemory):
        ema: float = training.cite(0.9)

        def update_rule(self, steps, model):
            rule = keras.optimizers.SGD(
                self.learning_rate, use_ema=self.ema > 0, ema_momentum=self.ema
            )
            if model.dtype_policy.name == "mixed_float16":
                return keras.optimizers.LossScaleOptimizer(rule)
            return rule

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        data = colours(8)
        recipes = [Averages(epochs=2, learning_rate=0.5, ema=ema) for ema in (0.9, 0.0)]
        runs = [train(tmp_path / str(r.ema), r, data, best=True) for r in recipes]
    finally:
        keras.config.set_dtype_policy(before)
    (averaged, raw) = (run.history for run in runs)
    assert averaged["loss"] == raw["loss"]
    assert averaged["val_loss"] != raw["val_loss"]
    for run in runs:
        images, labels = run.preprocess(data.validation.images), data.validation.labels
        best = keras.saving.load_model(run.folder / "best.keras")
        first = int(np.argmax(run.history["val_accuracy"]))
        for model, epoch in [(run.model, -1), (best, first)]:
            model.compile(loss="sparse_categorical_crossentropy")
            loss = model.evaluate(images, labels, verbose=0, return_dict=True)["loss"]
            assert loss == pytest.approx(run.history["val_loss"][epoch], rel=2e-3)


def test_the_best_network_and_an_early_end(colours, tmp_path):
    class Watch(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.seen = []

        def on_epoch_end(self, epoch, logs=None):
            self.seen.append(sorted(logs))

    watch = Watch()
    recipe = tiny.Tiny(epochs=6, learning_rate=1e-12)
    shared = {"best": True, "early_stopping": 2, "callbacks": [watch]}
    run = train(tmp_path / "run", recipe, colours(), **shared)
    assert 3 <= len(run.history["loss"]) < 6
    assert len(watch.seen) == len(run.history["loss"])
    assert {"accuracy", "loss", "val_accuracy", "val_loss"} <= set(watch.seen[0])
    best = keras.saving.load_model(tmp_path / "run" / "best.keras")
    assert best.output_shape == (None, 2)


@pytest.mark.parametrize("recipe", [tiny.Tiny(), tiny.InMemory()], ids=["one by one", "in memory"])
def test_a_sequential_network(recipe, colours, tmp_path):
    def builder(input_shape, classes):
        return keras.Sequential(
            [
                keras.Input(input_shape),
                keras.layers.GlobalAveragePooling2D(),
                keras.layers.Dense(classes, activation="softmax"),
            ]
        )

    run = train(tmp_path / "run", recipe, colours(), builder=builder)
    assert training.Run(run.folder).model.output_shape == (None, 2)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="what TensorFlow traces")
@pytest.mark.parametrize("is_built", [True, False])
def test_a_step_is_traced_once(is_built, colours, tmp_path):
    """Whether the builder's network knows its input or not; one image is enough to build it."""
    seen = []

    class Noted(keras.layers.Layer):
        def call(self, x, training=False):
            seen.append((training, x.shape[0]))
            return x

    def builder(input_shape, classes):
        image = [keras.Input(input_shape)] if is_built else []
        dense = keras.layers.Dense(classes, activation="softmax")
        return keras.Sequential([*image, Noted(), keras.layers.GlobalAveragePooling2D(), dense])

    run = train(tmp_path / "run", tiny.Tiny(), colours(), builder=builder)
    assert [batch for training, batch in seen if training] == [4]
    assert 1 in [batch for training, batch in seen if not training]
    start, end = run.history["loss"]
    assert end < start


def test_a_network_of_several_outputs(colours, tmp_path):
    """Each has the loss, `predictions` the accuracy; it alone is left."""

    @dataclasses.dataclass(frozen=True)
    class Two(tiny.Tiny):
        @property
        def loss_weights(self):
            return {"predictions": 1.0, "helper": 0.5}

    data, recipe = colours(), Two()
    splits = recipe.splits(data)
    shared = {"mean": np.zeros(3, "float32"), "builder": tiny.of_two_outputs}
    job = trainer.prepare(recipe, splits, 2, **shared)
    assert job.monitor == "val_predictions_accuracy"
    _, targets = next(iter(job.batches))
    assert set(targets) == {"predictions", "helper"}
    assert job.model.get_compile_config()["loss_weights"] == recipe.loss_weights
    run = train(tmp_path / "run", recipe, data, builder=tiny.of_two_outputs)
    assert {"predictions_loss", "helper_loss", "val_predictions_accuracy"} <= set(run.history)
    assert run.model.output_shape == (None, 2)

    def others(input_shape, classes):
        two = tiny.of_two_outputs(input_shape, classes)
        return keras.Model(two.input, {"a": two.output["helper"], "b": two.output["predictions"]})

    message = "one output, or one of the name 'predictions'.*Received: the outputs a, b"
    with pytest.raises(ValueError, match=message):
        trainer.prepare(recipe, splits, 2, mean=shared["mean"], builder=others)


def test_what_is_compiled(colours):
    data, recipe = colours(), tiny.InMemory()
    splits = recipe.splits(data)

    def prepared(cls):
        return trainer.prepare(cls(), splits, 2, mean=np.zeros(3), builder=tiny.network).model

    class Many(tiny.InMemory):
        steps_per_execution = 5

        def compiles(self):
            return True

    model = prepared(Many)
    assert model.steps_per_execution == backend.steps_per_execution(5)
    assert (model.jit_compile is True) is backend.has_xla()
    assert prepared(tiny.InMemory).steps_per_execution == 1

    class More(Many):
        steps_per_execution = 500

    assert prepared(More).steps_per_execution == backend.steps_per_execution(11)


def test_layers_on_the_device(colours, tmp_path):
    """They are in front of the network while it is trained, and no part of what is saved."""

    @dataclasses.dataclass(frozen=True)
    class Device(tiny.InMemory):
        def layers(self, training):
            return []

        def device_layers(self, seed):
            return tiny.InMemory.layers(self, True)

    data, recipe = colours(8), Device()
    mean = np.array([0.1, 0.2, 0.3], "float32")
    job = trainer.prepare(recipe, recipe.splits(data), 2, mean=mean, builder=tiny.network)
    assert job.behind_layers
    image = data.train.images[:3]
    seen = keras.Sequential(job.model.layers[:-1])(image)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(seen), image / 255 - mean, atol=1e-5)
    assert trainer.finished(job.model, job) is job.model.layers[-1]


def test_statistics_of_batch_normalization_are_recomputed(colours, tmp_path):
    def builder(input_shape, classes):
        layers = keras.layers
        image = keras.Input(input_shape)
        inner = keras.Sequential([layers.BatchNormalization(name="norm")])
        x = layers.GlobalAveragePooling2D()(inner(image))
        return keras.Model(image, layers.Dense(classes, activation="softmax")(x))

    data, recipe = colours(8), tiny.InMemory(batch_size=44, epochs=1)
    run = train(tmp_path / "run", recipe, data, builder=builder)
    norm = run.model.layers[1].get_layer("norm")
    images = run.preprocess(data.train.images)
    np.testing.assert_allclose(norm.moving_mean, images.mean((0, 1, 2)), atol=1e-4)
    np.testing.assert_allclose(norm.moving_variance, images.var((0, 1, 2)), rtol=0.02)


def test_arrays_of_another_shape_are_refused_by_keras_or_the_recipe(digits, tmp_path):
    message = "resnet20_cifar trains on images of 32x32 in memory"
    with pytest.raises(ValueError, match=message):
        training.train(training.recipe("resnet_cifar"), digits(), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.fixture
def of_kind(colours, digits, photographs, tmp_path):
    """A function from a kind of data to data of that kind, and its images in an epoch."""

    def make(kind):
        if kind in ("stream", "tfds") and not backend.has_tf_data():
            pytest.skip("tf.data")
        if kind == "tfds":
            store(tmp_path, {"train": range(12), "validation": range(100, 106)})
            return datasets.load("tfds:tiny", tmp_path)
        if kind == "stream":
            import tensorflow as tf

            splits = [(split.images, split.labels) for split in colours(8).splits]
            streams = [tf.data.Dataset.from_tensor_slices(pair) for pair in splits]
            return datasets.wrap(*streams, classes=("a", "b"))
        if kind == "arrays":
            return datasets.wrap(*[(s.images, s.labels) for s in colours(8).splits])
        return digits() if kind == "digits" else datasets.load(str(photographs))

    return make


@pytest.mark.parametrize("kind", ["arrays", "digits", "files", "stream", "tfds"])
def test_every_kind_of_data_by_the_defaults(kind, of_kind, tmp_path):
    """As a user has it, whose seed is 0; and what the manifest states of the data."""
    data, recipe, builder = of_kind(kind), tiny.Tiny(epochs=1), tiny.network
    if kind == "digits":
        recipe = dataclasses.replace(training.recipe("lenet1"), epochs=1, curvature_patterns=5)
        builder = None
    run = training.train(recipe, data, tmp_path / "run", builder=builder)
    part = list(data.parts)[1]
    assert run.manifest["errors"][part]["of"] == len(data.validation)
    stated = run.manifest["data"]["splits"][part]
    assert stated.startswith(
        {
            "files": "names, sizes and labels of files, sha256 ",
            "stream": "(TensorSpec(shape=(8, 8, 3), dtype=tf.uint8",
            "tfds": "tiny/1.0.0, validation",
        }.get(kind, "values and labels, sha256 ")
    )
    if kind in ("arrays", "stream"):
        expected = of_kind("arrays").train.images.mean((0, 1, 2))
        np.testing.assert_allclose(run.mean, expected, rtol=1e-3)
