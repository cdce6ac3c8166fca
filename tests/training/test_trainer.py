"""`train` from the data to a run folder, with a network that trains in no time."""

import dataclasses

import keras
import numpy as np
import pytest

from keras_classics import backend, datasets, training
from keras_classics.training import trainer
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
    recipe = tiny.Tiny(network={1, 2})
    with pytest.raises(TypeError, match="not JSON serializable"):
        train(tmp_path / "run", recipe, colours())
    assert not (tmp_path / "run").exists()


def test_a_finished_run_is_given_as_it_is(colours, tmp_path):
    data = colours()
    run = train(tmp_path / "run", tiny.Tiny(), data)
    before = {path: path.stat().st_mtime_ns for path in run.folder.iterdir()}

    def builder(**shape):
        raise AssertionError

    again = train(tmp_path / "run", tiny.Tiny(), data, builder=builder, resume=True)
    assert again.manifest == run.manifest
    assert before == {path: path.stat().st_mtime_ns for path in run.folder.iterdir()}


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


def test_a_stream_of_ones_own(tmp_path):
    tf = pytest.importorskip("tensorflow")
    if not backend.has_tf_data():
        pytest.skip("tf.data")
    images = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3), "uint8")
    stream = tf.data.Dataset.from_tensor_slices((images, np.arange(12) % 2))
    data = datasets.wrap(stream, stream, classes=("a", "b"))
    run = train(tmp_path / "run", tiny.Tiny(epochs=1), data)
    assert run.manifest["errors"]["validation"]["of"] == 12
    assert "sha256" not in run.manifest["data"]
    np.testing.assert_allclose(run.mean, images.mean((0, 1, 2)), rtol=1e-3)
