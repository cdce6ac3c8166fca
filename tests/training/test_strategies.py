"""Several devices and workers against one: the same weights, logs and predictions."""

import json
import os

import keras
import numpy as np
import pytest

from keras_classics import training
from keras_classics.training import strategies
from keras_classics.training.inputs import deal
from tests.training.processes import run

tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="tf.distribute is TensorFlow's"
)
VARIABLES = "TF_CONFIG SLURM_STEP_NUM_TASKS SLURM_STEP_NODELIST SLURM_STEP_TASKS_PER_NODE".split()


@pytest.fixture(autouse=True)
def no_cluster(monkeypatch):
    for name in (*VARIABLES, "SLURM_PROCID", "SLURM_JOB_ID"):
        monkeypatch.delenv(name, raising=False)


def start(folder, name="default", cpus=1, workers=0):
    """Runs `replica.py`, once for each worker: what each has found."""
    folder.mkdir()
    for code, error in run("replica", name, cpus, folder, folder=folder, workers=workers):
        assert code == 0, error
    return [dict(np.load(folder / f"{index}.npz")) for index in range(workers or 1)]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    (found,) = start(tmp_path_factory.mktemp("alone") / "run")
    return found


@tensorflow
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "cpus", "workers"),
    [("mirrored", 2, 0), ("auto", 2, 2), ("multi-worker", 1, 4)],
)
def test_replicas_train_as_one_device_does(name, cpus, workers, alone, tmp_path):
    found = start(tmp_path / "run", name, cpus, workers)
    assert [bool(each.pop("chief")) for each in found] == [k == 0 for k in range(workers or 1)]
    assert sum(key.startswith("resnet8 weight") for key in alone) > 36
    for each in found:
        for key, value in each.items():
            np.testing.assert_allclose(value, alone[key], rtol=2e-6, atol=1e-6, err_msg=key)
            np.testing.assert_array_equal(value, found[0][key], err_msg=key)


CHANGES = {
    # These two draw nothing,
    "lenet5": {"distortions": False, "epochs": 2},
    "vit_cifar": {"dropout": 0.0, "mixup": 0.0, "optimizer": "sgd", "epochs": 2},
    # and these draw crops and dropout on each replica.
    "resnet8_cifar": {"synchronized": True},
    "alexnet": {"epochs": 2},
}
SETTINGS = {  # the strategies: what they train, on how many processors and workers
    "default": ("lenet5,vit_cifar", 1, 0),
    "mirrored": ("lenet5,vit_cifar,resnet8_cifar,alexnet", 2, 0),
    "auto": ("lenet5,vit_cifar,resnet8_cifar,alexnet", 1, 2),
}


def train(folder, setting, recipes=None, **more):
    """Runs `job.py`: `(return code, errors)` of each process."""
    names, cpus, workers = SETTINGS[setting]
    more = {"CHANGES": json.dumps(CHANGES), "workers": workers, **more}
    return run("job", recipes or names, folder, setting, cpus, folder=folder.parent, **more)


@pytest.fixture(scope="module")
def of_two_workers(tmp_path_factory):
    """The folder of what two workers train."""
    folder = tmp_path_factory.mktemp("workers") / "auto"
    for code, error in train(folder, "auto"):
        assert code == 0, error
    return folder


@tensorflow
@pytest.mark.slow
def test_recipes_on_replicas(of_two_workers, tmp_path):
    """Of 61 or 45 images, 8 a step: LeNet-5's last batch has 3 for one replica, 2 for another."""
    folders = {"auto": of_two_workers}
    for name in ("default", "mirrored"):
        folders[name] = tmp_path / name
        ((code, error),) = train(folders[name], name)
        assert code == 0, error
    for name, folder in folders.items():
        for recipe in SETTINGS[name][0].split(","):
            files = {"manifest.json", "history.csv", "best.keras", "model.keras"}
            assert files <= set(os.listdir(folder / recipe))
            assert not list((folder / recipe).glob("part*"))
            values = dict(np.load(folder / recipe / "weights.npz"))
            assert all(np.isfinite(value).all() for value in values.values())
            if recipe not in SETTINGS["default"][0]:
                continue
            one = folders["default"] / recipe
            for key, value in np.load(one / "weights.npz").items():
                message = f"{name} {recipe} {key}"
                np.testing.assert_allclose(
                    values[key], value, rtol=1e-4, atol=1e-5, err_msg=message
                )
            logged = training.Run(folder / recipe).history
            for key, value in training.Run(one).history.items():
                if key != "loss" or recipe == "vit_cifar":  # of the uneven batch, all count alike
                    np.testing.assert_allclose(logged[key], value, rtol=2e-5, err_msg=key)


@tensorflow
@pytest.mark.slow
def test_workers_of_other_data(tmp_path):
    """All must have the same, or no one begins."""
    found = train(tmp_path / "run", "auto", "resnet8_cifar", last={"OTHER": "1"})
    for code, error in found:
        assert code == 1
        assert "RuntimeError: The workers have different data" in error
    assert not (tmp_path / "run" / "resnet8_cifar").exists()


@tensorflow
@pytest.mark.slow
def test_a_lost_worker(of_two_workers, tmp_path):
    """The others end, and say so; the job started again ends as if nothing had happened."""
    again = (tmp_path / "run", "auto", "resnet8_cifar")
    lost = train(*again, EAGER="1", last={"KILL": "1.5"})  # within an epoch
    assert [code for code, _ in lost] == [1, -9]
    assert "RuntimeError: Another worker was lost. Start the job again" in lost[0][1]
    for code, error in train(*again):
        assert code == 0, error
    folders = [each / "resnet8_cifar" for each in (tmp_path / "run", of_two_workers)]
    found, expected = (np.load(each / "weights.npz") for each in folders)
    for key in expected:
        np.testing.assert_array_equal(found[key], expected[key])
    histories = [(each / "history.csv").read_text() for each in folders]
    assert histories[0] == histories[1]


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("local", [1, 2])
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("images", [24, 25, 31, 35])
def test_images_are_dealt_once(images, training, local, workers):
    """Each step has as many chunks as replicas; weights make a step's mean that of its images."""
    size, steps, seen = 12, -(-images // 12), 0
    weights = [0.0] * steps
    for worker in range(workers):
        replicas = strategies.Replicas(worker, workers, local)
        share = np.arange(images)[worker::workers]
        chunk = 0
        for first, count, length, weight in deal(images, size, replicas, training):
            for _ in range(count):
                part = share[first : first + length]
                assert len(part) == length >= 1
                step, chunk = chunk // local, chunk + 1
                if weight:
                    seen += length
                    if training:
                        assert set(part // size) == {step}
                if training:  # of one replica's mean, times the replicas
                    weights[step] += weight * (weight > 0) / replicas.count
                first += length
        assert chunk == steps * local
    assert seen == images
    if training:
        np.testing.assert_allclose(weights, 1)


def test_batches_that_cannot_be_dealt():
    replicas = strategies.Replicas(0, 2, 2)
    with pytest.raises(ValueError, match="must be a multiple of their number. Received: .*6 on 4"):
        deal(100, 6, replicas, training=True)
    with pytest.raises(ValueError, match="needs an image to evaluate. Received: 3 images for 4"):
        deal(3, 8, strategies.Replicas(1, 2, 2), training=False)


@pytest.mark.parametrize("name", ["parameter-server", "tpu", None])
def test_unknown_strategies(name):
    with pytest.raises(ValueError, match="must be one of auto, default, mirrored, multi-worker"):
        training.strategy(name)


@tensorflow
def test_one_device():
    import tensorflow as tf

    for name in ("auto", "default"):
        strategy = training.strategy(name)
        assert strategy is tf.distribute.get_strategy()
        assert strategies.replicas(strategy) == strategies.Replicas()
    mirrored = training.strategy("mirrored")
    assert mirrored.num_replicas_in_sync == len(tf.config.list_logical_devices("CPU"))
    assert isinstance(mirrored, tf.distribute.MirroredStrategy)


@pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="TensorFlow has its own")
def test_other_backends():
    strategy = training.strategy("auto")
    with strategy.scope():
        keras.layers.Dense(2).build((None, 3))
    with pytest.raises(ValueError, match=f"{keras.backend.backend()} backend.*'multi-worker'"):
        training.strategy("multi-worker")
    if keras.backend.backend() == "jax":
        assert isinstance(training.strategy("mirrored"), keras.distribution.DataParallel)
    else:
        with pytest.raises(ValueError, match="KERAS_BACKEND=tensorflow does"):
            training.strategy("mirrored")


@tensorflow
def test_workers_must_be_named(monkeypatch):
    with pytest.raises(ValueError, match="start each with TF_CONFIG, or all with Slurm's srun"):
        training.strategy("multi-worker")
    cluster = {"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"type": "ps", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(cluster))
    with pytest.raises(ValueError, match="does not train with parameter servers"):
        training.strategy("auto")


@pytest.mark.parametrize(
    ("nodes", "per_node", "hosts"),
    [
        ("n1", "2", "n1:0 n1:1"),
        ("n[1-2,10],m3", "1(x3),2", "n1:0 n2:0 n10:0 m3:0 m3:1"),
        ("gpu-a[08-10]", "2(x2),1", "gpu-a08:0 gpu-a08:1 gpu-a09:0 gpu-a09:1 gpu-a10:0"),
    ],
)
def test_slurm(nodes, per_node, hosts, monkeypatch):
    workers = [each.split(":") for each in hosts.split()]
    values = [str(len(workers)), nodes, per_node]
    for name, value in zip(VARIABLES[1:], values, strict=True):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SLURM_PROCID", "1")
    monkeypatch.setenv("SLURM_JOB_ID", "20007")
    assert strategies._cluster() == {
        "cluster": {"worker": [f"{host}:{12007 + int(task)}" for host, task in workers]},
        "task": {"type": "worker", "index": 1},
    }
    own = {"cluster": {"worker": ["here:1"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(own))
    assert strategies._cluster() == own
    monkeypatch.delenv("TF_CONFIG")
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "1")
    assert strategies._cluster() == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "it is not JSON"),
        ("[1]", "it is no object of JSON"),
        ('{"cluster": ["a:1"]}', 'must have a list of "host:port" for each type'),
        ('{"cluster": {"worker": ["a"]}}', 'must have a list of "host:port" for each type'),
        ('{"cluster": {"worker": ["a:1"]}}', '"task" must have a "type", one of worker'),
        (
            '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
            r'"index" from 0 to 0.*Received: TF_CONFIG=\{"cluster',
        ),
        (
            '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker"}}',
            'must have an "index" from 0 to 0',
        ),
    ],
)
def test_a_malformed_cluster_is_named(text, message, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ValueError, match=f"TF_CONFIG cannot be read: .*{message}"):
        strategies._cluster()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"SLURM_STEP_NUM_TASKS": "two"}, "SLURM_STEP_NUM_TASKS must be a number. Received: .*two"),
        ({"SLURM_PROCID": None}, "SLURM_PROCID is not set, and SLURM_STEP_NUM_TASKS is above 1"),
        ({"SLURM_STEP_NODELIST": None}, "SLURM_STEP_NODELIST is not set"),
        ({"SLURM_PROCID": "2"}, "do not fit together.*Received: n1, 2, 2 and 2"),
        ({"SLURM_STEP_TASKS_PER_NODE": "2,1"}, "do not fit together"),
    ],
)
def test_malformed_variables_of_slurm_are_named(change, message, monkeypatch):
    values = dict(zip(VARIABLES[1:], ("2", "n1", "2"), strict=True), SLURM_PROCID="0") | change
    for name, value in values.items():
        if value is not None:
            monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=message):
        strategies._cluster()


class Two:
    num_replicas_in_sync = 2


@pytest.mark.parametrize(
    ("compiled", "message"),
    [
        ({"jit_compile": True}, "Received: jit_compile=True on 2 replicas"),
        ({"steps_per_execution": 2}, "Received: steps_per_execution above 1 on 2"),
        ({"optimizer": keras.optimizers.SGD(gradient_accumulation_steps=2)}, "accumulation_steps"),
    ],
)
@tensorflow
def test_what_keras_cannot_do_is_refused(compiled, message):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(**{"optimizer": "sgd", "loss": "mse", "jit_compile": False, **compiled})
    strategies.refuse_unsupported(model, strategies.ONE)
    with pytest.raises(ValueError, match=message):
        strategies.refuse_unsupported(model, Two())
    model.compile("sgd", "mse", jit_compile=False)
    strategies.refuse_unsupported(model, Two())
