"""Served networks against the networks themselves."""

import concurrent.futures
import json
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

import keras_classics as kc
from keras_classics.preprocessing import ClassifierInput
from tests import small
from tests.test_export import QUICK, SLOW, lively

pytest.importorskip("openvino", reason="needs OpenVINO, which computes what is served")
HERE = keras.backend.backend()
numpy = keras.ops.convert_to_numpy
rng = np.random.default_rng(0)
# The rest where it needs no other process.
ENDS = ("lenet5-rbf", "cuda-convnet-11pct", "resnet-cifar", "vit")


def photograph(height, width):
    """Slopes and noise, so that neighbours are alike and no two places are."""
    down, across = np.mgrid[:height, :width]
    image = np.stack([down, across, down + across], -1) + rng.normal(0, 20, (height, width, 3))
    return image.clip(0, 255).astype("uint8")


def with_weights(model):
    for weight in model.weights:
        if "kernel" in weight.name:
            weight.assign(rng.normal(0, np.prod(weight.shape[:-1]) ** -0.5, weight.shape))
        elif weight.name in ("gamma", "moving_variance"):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        else:
            weight.assign(rng.normal(0, 0.2, weight.shape))
    return model


@pytest.fixture(scope="module")
def classifier():
    network = with_weights(kc.build("resnet8_cifar"))
    layer = ClassifierInput(36, 32, mean=[123.0, 117.0, 104.0], std=[50.0, 60.0, 70.0])
    return kc.Classifier(network, layer, [(f"n{k}", f"class {k}") for k in range(10)])


@pytest.fixture(scope="module")
def served(classifier):
    return kc.serve(classifier, precision="float32")


# Without another process, only this one takes more than a few seconds.
LONG = SLOW if HERE != "openvino" else {"vit-many-tokens"}
NETWORKS = [
    pytest.param(name, marks=[pytest.mark.slow] * (name in LONG)) for name in (*QUICK, *SLOW)
]


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network(name):
    if HERE != "openvino" and name not in ENDS:
        pytest.skip("tested on Keras's OpenVINO backend")
    builder, arguments = (QUICK | SLOW)[name]
    with pytest.MonkeyPatch.context() as monkeypatch:
        small.patch(monkeypatch)
        model = builder(**{"classes": 10} | arguments)
    images = rng.normal(size=(5, *(side or 40 for side in model.input_shape[1:])))
    if HERE == "openvino":
        with_weights(model)
    else:
        lively(model, images, rng)
    images = images.astype("float32")
    expected = keras.tree.map_structure(numpy, model(images))
    found = kc.serve(model, precision="float32").predict(images, batch_size=3)
    keras.tree.assert_same_structure(expected, found)
    for one, other in zip(keras.tree.flatten(expected), keras.tree.flatten(found), strict=True):
        assert one.shape == other.shape
        assert np.ptp(one, axis=0).max() > 1e-4  # each image has its own
        np.testing.assert_allclose(other, one, rtol=1e-3, atol=1e-4 * np.abs(one).max())


def test_as_the_classifier(classifier, served, tmp_path):
    batch = np.stack([photograph(60, 80) for _ in range(3)])
    expected = numpy(classifier(batch))
    np.testing.assert_allclose(served.predict(batch), expected, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(served(batch[0]), expected[:1], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(served(batch, batch_size=2), expected, rtol=1e-3, atol=1e-5)
    assert served.decode_predictions(expected) == classifier.decode_predictions(expected)


def test_images_of_several_sizes_and_files(classifier, served, tmp_path):
    images = [photograph(60, 80), photograph(90, 50), photograph(32, 32)]
    Image.fromarray(images[1]).save(tmp_path / "b.png")
    expected = np.concatenate([numpy(classifier(image[None])) for image in images])
    found = served.predict([images[0], tmp_path / "b.png", images[2]])
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)
    for one in (str(tmp_path / "b.png"), (tmp_path / "b.png").read_bytes()):
        np.testing.assert_allclose(served.predict(one), expected[1:2], rtol=1e-3, atol=1e-5)


def test_a_network_alone(classifier):
    network = classifier.network
    served = kc.serve(network, precision="float32")
    x = rng.normal(size=(4, 32, 32, 3)).astype("float32")
    np.testing.assert_allclose(served.predict(x), numpy(network(x)), rtol=1e-3, atol=1e-5)
    np.testing.assert_array_equal(served.predict(x[0]), served.predict(x[:1]))
    with pytest.raises(ValueError, match=r"'batch', 32, 32, 3.*Received: \(4, 32, 31, 3\)"):
        served.predict(x[:, :, 1:])
    with pytest.raises(ValueError, match=r"preprocessing of a `Classifier`.*class str"):
        served.predict("cat.jpg")
    with pytest.raises(ValueError, match="no names: serve a `Classifier`"):
        served.decode_predictions(numpy(network(x)))


def test_saved_and_read(served, tmp_path):
    x = photograph(50, 70)
    for _ in range(2):  # the second replaces the first
        served.save(tmp_path / "served")
    again = kc.serve(tmp_path / "served")
    np.testing.assert_array_equal(again.predict(x), served.predict(x))
    assert again.classes == served.classes
    assert (again.network, again.precision) == ("resnet8_cifar", "float32")
    again.save(tmp_path / "once-more")  # of weights that are still on the disk
    for name in ("network.xml", "network.bin"):
        one, other = (tmp_path / folder / name for folder in ("served", "once-more"))
        assert one.read_bytes() == other.read_bytes()


def test_damaged_folders(served, tmp_path):
    with pytest.raises(FileNotFoundError, match="no served network in"):
        kc.serve(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"has other files: notes.txt"):
        served.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    served.save(tmp_path / "served")
    weights = tmp_path / "served" / "network.bin"
    weights.write_bytes(weights.read_bytes()[:-4])
    with pytest.raises(ValueError, match="network.bin is not as it was saved"):
        kc.serve(tmp_path / "served")
    for name, words in [
        ("network.xml", "cannot read .*network.xml"),
        ("served.json", "is damaged"),
    ]:
        served.save(tmp_path / "served")
        path = tmp_path / "served" / name
        path.write_bytes(path.read_bytes()[:100])
        with pytest.raises(ValueError, match=words):
            kc.serve(tmp_path / "served")


def test_many_threads(served):
    images = [photograph(40, 40) for _ in range(24)]
    expected = [served.predict(image) for image in images]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        found = list(pool.map(served.predict, images))
    np.testing.assert_array_equal(found, expected)


GONE = """
import ctypes, gc, signal, threading
import numpy, openvino
import openvino.opset13 as opset
from keras_classics.serving import engine

image = opset.parameter([1, 4], numpy.float32)
made = [engine.Engine(openvino.Model([opset.relu(image)], [image]))]
made[0](numpy.ones((1, 4), "float32"))
free = threading.Thread(target=lambda: (made.clear(), gc.collect()))
free.start()
free.join()
signal.signal(signal.SIGUSR1, lambda number, frame: print("handled"))
signal.raise_signal(signal.SIGUSR1)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="OpenVINO's memory for signals is Linux's")
def test_a_signal_after_another_thread_freed_the_last_engine():
    done = subprocess.run([sys.executable, "-c", GONE], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "handled\n"), done.stderr


def test_precisions(classifier, served):
    x = np.stack([photograph(50, 70) for _ in range(4)])
    exact = served.predict(x)
    half = kc.serve(classifier, precision="bfloat16", threads=1)
    difference = np.abs(half.predict(x) - exact).max()
    assert difference < 0.1
    assert (difference > 1e-4) == (half.precision == "bfloat16")  # where the processor has it
    assert kc.serve(classifier, streams=2).precision in ("float32", "bfloat16")


def test_int8(classifier, served, tmp_path):
    pytest.importorskip("nncf", reason="needs NNCF, which quantizes")
    x = np.stack([photograph(50, 70) for _ in range(8)])
    int8 = kc.serve(classifier, "int8", calibration=list(x))
    assert int8.precision == "int8"
    np.testing.assert_allclose(int8.predict(x), served.predict(x), atol=0.15)
    int8.save(tmp_path / "int8"), served.save(tmp_path / "float32")
    sizes = [(tmp_path / name / "network.bin").stat().st_size for name in ("int8", "float32")]
    assert sizes[0] < sizes[1] / 3
    again = kc.serve(tmp_path / "int8")
    assert again.precision == "int8"
    np.testing.assert_array_equal(again.predict(x), int8.predict(x))
    with pytest.raises(ValueError, match="was saved in int8"):
        kc.serve(tmp_path / "int8", "float32")
    with pytest.raises(ValueError, match="int8 is made of the model, not of a folder"):
        kc.serve(tmp_path / "float32", "int8")


@pytest.mark.parametrize("arguments", [{"precision": "int8"}, {"calibration": [1]}])
def test_calibration_belongs_to_int8(classifier, arguments):
    with pytest.raises(ValueError, match="`calibration` belong to precision"):
        kc.serve(classifier, **arguments)


def test_images_that_are_refused(served):
    with pytest.raises(ValueError, match=r"shape \(height, width, 3\).*\(40, 40, 4\)"):
        served.predict(np.zeros((40, 40, 4), "uint8"))
    with pytest.raises(ValueError, match=r"\(height, width, 3\).*shape \(40, 40\)"):
        served.predict([np.zeros((40, 40), "uint8")])
    with pytest.raises(ValueError, match="multiply by 255"):
        served.predict(np.random.default_rng(0).uniform(0, 1, (1, 40, 40, 3)))
    with pytest.raises(ValueError, match="at least one image"):
        served.predict([])
    with pytest.raises(FileNotFoundError, match=r"nowhere\.png"):
        served.predict("nowhere.png")


def test_several_inputs_are_refused():
    one, other = keras.Input((4,)), keras.Input((4,))
    with pytest.raises(ValueError, match="must have one input. Received: 2"):
        kc.serve(keras.Model([one, other], layers.Add()([one, other])))


def test_layers_of_ones_own(tmp_path, monkeypatch):
    (tmp_path / "my_layers.py").write_text(
        "import keras\n"
        "@keras.saving.register_keras_serializable('mine')\n"
        "class Double(keras.layers.Layer):\n"
        "    def call(self, x):\n"
        "        return 2 * x\n"
        "@keras.saving.register_keras_serializable('mine')\n"
        "class Elsewhere(keras.layers.Layer):\n"
        "    def call(self, x):\n"
        "        if keras.backend.backend() == 'openvino':\n"
        "            raise NotImplementedError('not here')\n"
        "        return x\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import my_layers

    x = np.array([[1.0, -3.0]], "float32")
    served = kc.serve(keras.Sequential([keras.Input((2,)), my_layers.Double()]), "float32")
    np.testing.assert_allclose(served.predict(x), [[2, -6]])
    if HERE == "openvino":
        return  # which needs no other process
    with pytest.raises(ValueError, match=r"could not write this network(.|\n)*not here"):
        kc.serve(keras.Sequential([keras.Input((2,)), my_layers.Elsewhere()]))
    my_layers.Double.__module__ = "__main__"
    with pytest.raises(ValueError, match="Double is defined in the program that runs"):
        kc.serve(keras.Sequential([keras.Input((2,)), my_layers.Double()]))


def test_transposes_of_residual_connections_are_removed(served):
    kinds = [node.get_type_name() for node in served._graph.get_ops()]
    assert kinds.count("Convolution") == 7
    assert kinds.count("Transpose") == 2  # the first and the last


def test_activations_between_branches():
    """Some take constants of their own, which no transpose may change."""
    x = inputs = keras.Input((6, 7, 4))
    for name in ("silu", "hard_sigmoid", "elu", "gelu", "softplus", "relu6", "leaky_relu", "mish"):
        y = layers.Conv2D(4, 3, padding="same")(x)
        x = layers.Concatenate()([layers.Activation(name)(layers.Add()([x, y])), y])
        x = layers.Conv2D(4, 1)(layers.PReLU(shared_axes=[1, 2], alpha_initializer="ones")(x))
    model = with_weights(keras.Model(inputs, x))
    images = rng.normal(size=(3, 6, 7, 4)).astype("float32")
    expected = model.predict(images, verbose=0) if HERE != "openvino" else numpy(model(images))
    found = kc.serve(model, "float32").predict(images)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())


def test_without_openvino(monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ImportError, match=r'pip install "keras-classics\[openvino\]"'):
        kc.serve(kc.build("lenet5"))


def test_the_folder_says_what_it_is(served, tmp_path):
    served.save(tmp_path / "served")
    about = json.loads((tmp_path / "served" / "served.json").read_text())
    assert about["keras_classics"] == kc.__version__
    assert about["shape"] == [32, 32, 3]
