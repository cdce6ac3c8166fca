"""Networks exported to SavedModel, ONNX and LiteRT against the networks themselves."""

import gc
import shutil

import keras
import numpy as np
import pytest

from keras_classics.activations import gelu_tanh
from keras_classics.applications import (
    VGG,
    AlexNet,
    CudaConvNet,
    GoogLeNet,
    LeCun1989,
    LeNet1,
    LeNet5,
    PlainNetCIFAR,
    ResNet,
    ResNetCIFAR,
    ViT,
    vgg,
)
from keras_classics.classification import Classifier
from keras_classics.layers import LocalResponseNormalization
from keras_classics.preprocessing import ClassifierInput, DigitInput
from tests import small

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="other backends export by other packages"
)

TINY, SMALL, LARGE = ({"input_shape": (side, side, 3)} for side in (16, 32, 64))


def dense_vgg(**arguments):
    return vgg.dense(VGG(**arguments))


# Builder and arguments: quick ones, then those that take more than a few seconds. Every layer of
# every network, every kind of output and every switch that changes the graph is in one of them.
QUICK = {
    "lecun1989": (LeCun1989, {}),
    "lenet1": (LeNet1, {}),
    "lenet5-rbf": (LeNet5, {}),
    "lenet5-softmax": (LeNet5, {"head": "softmax"}),
    "cuda-convnet-80sec": (CudaConvNet, {"configuration": "80sec", **SMALL}),
    "cuda-convnet-11pct": (CudaConvNet, {"configuration": "11pct", **TINY}),
    "resnet-cifar": (ResNetCIFAR, {"depth": 8, **TINY}),
    "plain-cifar": (PlainNetCIFAR, {"depth": 8, **TINY}),
    "vit": (ViT, {"variant": "Mini/8", **SMALL}),
    "vit-avg": (
        ViT,
        {
            "variant": "Mini/8",
            "pooling": "avg",
            "activation": "gelu",
            "representation_size": 24,
            **SMALL,
        },
    ),
    "vit-all-tokens": (ViT, {"variant": "Mini/8", "include_top": False, **SMALL}),
}
SLOW = {
    # Without the top, which would be 200 MB in each format; its layers are in others, too.
    "alexnet": (AlexNet, {"include_top": False, "pooling": "max", **LARGE}),
    "vgg-d": (VGG, {"configuration": "D", "include_top": False, "pooling": "max", **SMALL}),
    "vgg-dense": (dense_vgg, {"configuration": "A-LRN", **SMALL}),
    "googlenet": (
        GoogLeNet,
        {"auxiliary": True, "convention": "caffe", "input_shape": (80, 80, 3)},
    ),
    "resnet18-a": (ResNet, {"depth": 18, "shortcut": "A", **SMALL}),
    "resnet50-c": (
        ResNet,
        {"depth": 50, "shortcut": "C", "stride_in": "3x3", "convention": "caffe", **SMALL},
    ),
    "vit-many-tokens": (ViT, {"variant": "Mini/1", "input_shape": (24, 24, 3)}),
    "vit-hybrid": (ViT, {"variant": "R50+Mini/16", **SMALL}),
}


def lively(model, images, rng):
    """Weights at random, so that all layers count, and the images' own statistics."""
    for weight in model.weights:
        if weight.name in ("gamma", "coefficient"):
            value = rng.uniform(0.3, 1, weight.shape)
        elif weight.name == "kernel":
            fan_in = weight.shape[-2] if "local" in weight.path else np.prod(weight.shape[:-1])
            value = rng.normal(0, 1.3 * fan_in**-0.5, weight.shape)
        else:
            value = rng.normal(0, 0.1, weight.shape)
        weight.assign(value)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0  # statistics of the next images only
        elif isinstance(layer, LocalResponseNormalization):
            layer.alpha = 0.1  # the paper's is for pixels up to 255
    model(images, training=True)


def named(outputs):
    """Outputs by name; a network's only one has another name in each format."""
    if not isinstance(outputs, dict):
        outputs = {"only": outputs}
    return outputs if len(outputs) > 1 else {"only": next(iter(outputs.values()))}


@pytest.fixture(
    scope="module",
    params=[*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)],
)
def case(request):
    """A network, a few images and its predictions, for all formats."""
    builder, arguments = (QUICK | SLOW)[request.param]
    rng = np.random.default_rng(0)
    with pytest.MonkeyPatch.context() as monkeypatch:
        small.patch(monkeypatch)
        model = builder(**{"classes": 10} | arguments)
    shape = [side or 40 for side in model.input_shape[1:]]  # more than `vgg.dense` comes from
    images = rng.normal(size=(12, *shape)) + rng.normal(size=(12, 1, 1, shape[-1]))
    lively(model, images, rng)
    images = images[:3].astype("float32")
    predictions = keras.tree.map_structure(np.asarray, named(model(images)))
    for prediction in predictions.values():
        assert np.ptp(prediction, axis=0).max() > 0.01  # not tiny, and each image has its own
    yield model, images, predictions
    del model
    gc.collect()


@pytest.fixture
def folder(tmp_path):
    yield tmp_path
    shutil.rmtree(tmp_path)  # some networks take a hundred megabytes


def saved_model(model, folder):
    import tensorflow as tf

    model.export(folder / "model", format="tf_saved_model", verbose=False)
    loaded = tf.saved_model.load(folder / "model")
    return lambda x: loaded.serve(x)


def onnx(model, folder):
    pytest.importorskip("tf2onnx", reason="needs tf2onnx, to export to ONNX")
    runtime = pytest.importorskip("onnxruntime", reason="needs onnxruntime, to run ONNX")
    # Keras refuses here, unless it is given an `input_signature`, a model that was never called.
    model.export(folder / "model.onnx", format="onnx", verbose=False)
    session = runtime.InferenceSession(folder / "model.onnx")
    (image,) = session.get_inputs()
    names = [output.name for output in session.get_outputs()]
    return lambda x: dict(zip(names, session.run(names, {image.name: x}), strict=True))


def openvino(model, folder):
    """What OpenVINO makes of the ONNX file."""
    runtime = pytest.importorskip("openvino", reason="needs openvino, to run ONNX by OpenVINO")
    model.export(folder / "model.onnx", format="onnx", verbose=False)
    run = runtime.Core().compile_model(
        folder / "model.onnx", "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    return lambda x: {port.any_name: array for port, array in run(x).items()}


def litert(model, folder):
    reason = "needs ai-edge-litert, to run LiteRT"
    runtime = pytest.importorskip("ai_edge_litert.interpreter", reason=reason)
    model.export(folder / "model.tflite", format="litert", verbose=False)
    run = runtime.Interpreter(str(folder / "model.tflite")).get_signature_runner()
    (image,) = run.get_input_details()
    return lambda x: run(**{image: x})


@pytest.mark.parametrize("export", [saved_model, onnx, openvino, litert])
def test_exported(case, export, folder):
    model, images, predictions = case
    run = export(model, folder)
    for n in (3, 2, 1):
        found = named(run(images[:n]))
        assert found.keys() == predictions.keys()
        for name, prediction in predictions.items():
            scale = np.abs(prediction).max()
            np.testing.assert_allclose(found[name], prediction[:n], rtol=1e-4, atol=1e-5 * scale)


def test_gelu_is_compiled_for_training_only():
    """XLA computes its gradient in one pass over memory; ONNX has no calls of what it compiled."""
    import tensorflow as tf

    def slope(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = gelu_tanh(x)
        return tape.gradient(y, x)

    def operations(function):
        traced = tf.function(function).get_concrete_function(tf.TensorSpec([None], "float32"))
        return {operation.type for operation in traced.graph.get_operations()}

    assert "PartitionedCall" in operations(slope)
    assert "PartitionedCall" not in operations(gelu_tanh)


@pytest.fixture
def classifier():
    rng = np.random.default_rng(0)
    network = ResNetCIFAR(8, classes=2, input_shape=(16, 16, 3))
    lively(network, rng.normal(size=(12, 16, 16, 3)), rng)
    layer = ClassifierInput(20, 16, 127.5, 60, "bicubic", convention="torchvision")
    return Classifier(network, layer, [("c", "cat"), ("d", "dog")])


@pytest.mark.parametrize("export", [saved_model, onnx, openvino, litert])
def test_a_classifier_of_digits_takes_grey_images_of_any_size(export, folder):
    rng = np.random.default_rng(0)
    network = LeNet1()
    for weight in network.weights:
        weight.assign(rng.normal(0, 0.3, tuple(weight.shape)))
    classifier = Classifier(network, DigitInput(16, 28, -1.0, 1.0), [(d, d) for d in "0123456789"])
    run = export(classifier, folder)
    for count, height, width in [(3, 25, 40), (1, 133, 121)]:
        images = np.full((count, height, width, 1), 240, "uint8")
        for k, image in enumerate(images):
            image[3:20, 8:12] = image[5 + 3 * k : 8 + 3 * k, 8:19] = 30
        (found,) = keras.tree.flatten(run(images))
        np.testing.assert_allclose(found, classifier.predict(images, verbose=0), atol=1e-4)


@pytest.mark.parametrize("export", [saved_model, onnx, openvino, litert])
def test_a_classifier_takes_bytes_of_any_size(classifier, export, folder):
    """Without an `input_signature`, and before any call."""
    run = export(classifier, folder)
    for shape in [(3, 25, 40, 3), (1, 33, 21, 3)]:
        images = np.random.default_rng(1).integers(0, 256, shape, "uint8")
        (found,) = keras.tree.flatten(run(images))
        # A level of grey may be another one, where the sizes are not known.
        np.testing.assert_allclose(found, classifier.predict(images, verbose=0), atol=0.02)


def test_a_file_that_cannot_be_run_is_refused(classifier, folder, monkeypatch):
    pytest.importorskip("onnxruntime", reason="needs onnxruntime, to run ONNX")
    monkeypatch.setattr(
        keras.Model, "export", lambda self, path, *rest, **more: path.write_bytes(b"no graph")
    )
    with pytest.raises(ValueError, match="onnxruntime must be able to run.*`input_signature`"):
        classifier.export(folder / "model.onnx", format="onnx")
    assert not (folder / "model.onnx").exists()
