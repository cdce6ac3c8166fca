"""Which pixels speak for a class, against captum and pytorch-grad-cam on the same weights."""

import functools

import keras
import numpy as np
import pytest
from keras import layers, ops

import keras_classics as kc
from keras_classics import analysis
from tests import small

METHODS = (
    analysis.grad_cam,
    analysis.grad_cam_plus_plus,
    analysis.saliency,
    analysis.guided_backpropagation,
    functools.partial(analysis.integrated_gradients, steps=3),
    analysis.occlusion,
)
rng = np.random.default_rng(0)


def random(model):
    """The model, its weights all away from their start and from 0."""
    for weight in model.weights:
        if "seed" not in weight.path:
            noise = rng.uniform(0.5, 1.5, weight.shape) * rng.choice([-1, 1], weight.shape)
            positive = "variance" in weight.path or "gamma" in weight.path
            last = weight is model.weights[-2]  # scores of which no softmax is sure
            weight.assign(abs(noise) if positive else (0.02 if last else 0.3) * noise)
    return model


def network(activation="softmax"):
    """A small network with all forms of a ReLU, a shortcut, and a pooling at the end."""
    form = {"padding": "same", "data_format": "channels_last"}
    x = image = keras.Input((12, 10, 3))
    x = layers.Conv2D(5, 3, activation="relu", name="conv1", **form)(x)
    y = layers.BatchNormalization(epsilon=1e-3, name="bn2")(
        layers.Conv2D(5, 3, name="conv2", **form)(x)
    )
    x = ops.relu(x + y)
    x = layers.ReLU(name="relu3")(layers.Conv2D(6, 3, name="conv3", **form)(x))
    x = layers.MaxPooling2D(2, data_format="channels_last")(x)
    x = layers.Activation("relu")(layers.Dense(7, name="fc4")(layers.Flatten("channels_last")(x)))
    return random(keras.Model(image, layers.Dense(4, activation=activation, name="fc5")(x)))


@pytest.fixture
def images():
    return rng.normal(size=(5, 12, 10, 3)).astype("float32")


@pytest.fixture
def twin():
    """A function from the network to the same in PyTorch, in modules that can be asked."""
    torch = pytest.importorskip("torch")
    nn = torch.nn

    class Twin(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1, self.relu1 = nn.Conv2d(3, 5, 3, padding="same"), nn.ReLU()
            self.conv2, self.bn2 = nn.Conv2d(5, 5, 3, padding="same"), nn.BatchNorm2d(5, eps=1e-3)
            self.relu2 = nn.ReLU()
            self.conv3, self.relu3 = nn.Conv2d(5, 6, 3, padding="same"), nn.ReLU()
            self.pool = nn.MaxPool2d(2)
            self.fc4, self.relu4, self.fc5 = nn.Linear(180, 7), nn.ReLU(), nn.Linear(7, 4)

        def forward(self, x):
            x = self.relu1(self.conv1(x))
            x = self.relu2(x + self.bn2(self.conv2(x)))
            x = self.pool(self.relu3(self.conv3(x)))
            return self.fc5(self.relu4(self.fc4(x.permute(0, 2, 3, 1).flatten(1))))

    def copied(model):
        twin = Twin().eval()
        for name, module in twin.named_children():
            values = (
                model.get_layer(name).get_weights() if name[:-1] in ("conv", "bn", "fc") else []
            )
            tensors = [*module.parameters(), *(b for b in module.buffers() if b.ndim)]
            for value, tensor in zip(values, tensors, strict=True):
                axes = {4: (3, 2, 0, 1), 2: (1, 0), 1: (0,)}[value.ndim]
                tensor.data.copy_(torch.from_numpy(value.transpose(axes).copy()))
        return twin

    return copied


def tensor(images):
    torch = pytest.importorskip("torch")
    return torch.from_numpy(images.transpose(0, 3, 1, 2).copy()).requires_grad_()


def array(tensor):
    """Channels last."""
    return np.moveaxis(tensor.detach().numpy(), 1, -1)


def close(found, expected):
    """To 1e-4 of the largest value."""
    assert found.shape == expected.shape
    assert found.dtype == "float32"
    assert abs(expected).max() > 1e-3
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * abs(expected).max())


@pytest.mark.parametrize("classes", [2, [3, 1, 0, 2, 1], None])
def test_values_are_captums(images, twin, classes):
    attr = pytest.importorskip("captum.attr")
    model = network()
    twin = twin(model)
    scores = twin(tensor(images))
    np.testing.assert_allclose(
        scores.softmax(-1).detach().numpy(), model.predict(images, verbose=0), atol=1e-5
    )
    given = scores.argmax(-1).tolist() if classes is None else classes
    how = {"classes": classes, "batch_size": 2}

    def probability(x):
        return twin(x).softmax(-1)

    found = analysis.saliency(model, images, **how)
    close(found, array(attr.Saliency(twin).attribute(tensor(images), given)).max(axis=-1))

    found = analysis.guided_backpropagation(model, images, **how)
    expected = array(attr.GuidedBackprop(twin).attribute(tensor(images), given))
    close(found, expected)
    plain = array(attr.Saliency(twin).attribute(tensor(images), given, abs=False))
    assert abs(plain - expected).max() > 0.1 * abs(expected).max()

    for layer in ("relu3", "bn2"):
        found = analysis.grad_cam(model, images, layer=layer, **how)
        method = attr.LayerGradCam(twin, getattr(twin, layer))
        expected = method.attribute(tensor(images), given, relu_attributions=True)
        close(found, array(expected)[..., 0])
    close(
        analysis.grad_cam(model, images, **how),
        analysis.grad_cam(model, images, layer="relu3", **how),
    )

    for is_probability, function in [(True, probability), (False, twin)]:
        method = attr.IntegratedGradients(function)
        found = analysis.integrated_gradients(
            model, images, baseline=0.3, steps=20, probability=is_probability, **how
        )
        expected = method.attribute(tensor(images), 0.3, given, n_steps=20)
        close(found, array(expected))

        found = analysis.occlusion(
            model,
            images,
            window=(4, 5),
            strides=(4, 5),
            value=0.3,
            probability=is_probability,
            **how,
        )
        expected = attr.Occlusion(function).attribute(
            tensor(images), (3, 4, 5), (3, 4, 5), 0.3, given
        )
        close(found, array(expected)[:, ::4, ::5, 0])


def test_values_are_pytorch_grad_cams(images, twin):
    """Its Grad-CAM++ adds 1e-6 to a denominator, which large scores hide."""
    cams = pytest.importorskip("pytorch_grad_cam", exc_type=(ImportError, RuntimeError))
    targets = pytest.importorskip("pytorch_grad_cam.utils.model_targets")
    model = network()
    layer = model.get_layer("fc5")
    layer.set_weights([100 * weight for weight in layer.get_weights()])
    twin = twin(model)
    asked = [targets.ClassifierOutputTarget(k) for k in (3, 1, 0, 2, 1)]
    for function, kind in [
        (analysis.grad_cam, cams.GradCAM),
        (analysis.grad_cam_plus_plus, cams.GradCAMPlusPlus),
    ]:
        with kind(twin, [twin.relu3]) as cam:
            expected = cam(tensor(images), asked)
        found = function(model, images, [3, 1, 0, 2, 1], "relu3")
        # It stretches each image's map from 0 to 1.
        low, high = (f(found, axis=(1, 2), keepdims=True) for f in (np.min, np.max))
        assert (high > low).sum() > 2
        close((found - low) / np.where(high > low, high - low, 1), expected)


def test_grad_cam_plus_plus_is_equation_19(images, twin):
    """With the second and third derivatives of `exp(y)`, from the gradients of a twin."""
    torch = pytest.importorskip("torch")
    model = network()
    twin = twin(model)
    kept = []
    twin.relu3.register_forward_hook(lambda module, inputs, output: kept.append(output))
    score = twin(tensor(images))[:, 2]
    (gradient,) = torch.autograd.grad(score.sum(), kept)
    a, g = kept[0].detach(), gradient.detach()
    shares = g**2 / (2 * g**2 + a.sum((2, 3), keepdim=True) * g**3)
    shares = torch.where(g == 0, 0, shares)
    weights = (shares * g.relu()).sum((2, 3), keepdim=True)
    expected = (weights * a).sum(1).relu().numpy()
    close(analysis.grad_cam_plus_plus(model, images, 2), expected)


def test_shares_sum_to_the_score(images):
    model = network()
    found = analysis.integrated_gradients(model, images, 1, baseline=-0.2, steps=100)
    scores = model.predict(np.stack([*images, np.full((12, 10, 3), -0.2)]), verbose=0)[:, 1]
    assert abs(scores[:-1] - scores[-1]).max() > 0.1
    # The ReLUs make the path's derivative jump.
    np.testing.assert_allclose(found.sum(axis=(1, 2, 3)), scores[:-1] - scores[-1], atol=5e-3)


def test_a_square_ends_with_the_image(images):
    model = network()
    found = analysis.occlusion(model, images[:1], 0, window=5, probability=False)
    assert found.shape == (1, 4, 3)  # rows at 0, 3, 6, 7; columns at 0, 3, 5
    covered = images[:1].copy()
    covered[:, 7:12, 5:10] = 0
    scores = keras.Model(model.input, model.layers[-2].output)
    kernel, bias = model.get_layer("fc5").get_weights()
    full, less = (scores.predict(x, verbose=0) @ kernel + bias for x in (images[:1], covered))
    np.testing.assert_allclose(found[0, -1, -1], (full - less)[0, 0], rtol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_models_within_and_classifiers(images, method):
    """A model within a model, one within a sequential one, and a classifier's network."""
    model = network()
    expected = method(model, images, 1)
    image = keras.Input((12, 10, 3))
    around = keras.Model(image, model(layers.Rescaling(1.0)(image)))
    close(method(around, images, 1), expected)
    close(method(keras.Sequential([keras.Input((12, 10, 3)), model]), images, 1), expected)

    small = kc.applications.ResNetCIFAR(8, classes=3)
    layer = kc.preprocessing.ClassifierInput(32, 32, mean=100.0, std=40.0)
    classifier = kc.Classifier(small, layer, [("a", "ant"), ("b", "bee"), ("c", "cat")])
    photographs = rng.integers(0, 256, (2, 40, 50, 3), "uint8")
    inputs = classifier.prepare(photographs)
    np.testing.assert_allclose(inputs, ops.convert_to_numpy(layer(photographs)), atol=1e-5)
    np.testing.assert_allclose(method(classifier, photographs, "bee"), method(small, inputs, 1))


def test_the_layer_before_the_pooling(monkeypatch):
    """Of each network the one that the paper's words name; auxiliary heads are none of it."""
    small.patch(monkeypatch)
    from keras_classics.analysis import attribution

    for name, shape, expected in [
        ("vgg16", (32, 32, 3), "conv5_3"),
        ("alexnet", (127, 127, 3), "conv5"),
        ("resnet18", (64, 64, 3), "conv5_x"),
        ("lenet5", (32, 32, 1), "C3"),
        ("lecun1989", (16, 16, 1), "H2"),
        ("vit_mini4", (32, 32, 3), "encoder_block_1"),
    ]:
        model = kc.build(name, input_shape=shape, classes=10)
        assert attribution._layer(model, None).name == expected
    model = kc.build("googlenet", input_shape=(96, 96, 3), classes=10, auxiliary=True)
    assert attribution._layer(model, None).name == "inception_5b"
    assert analysis.grad_cam(model, np.zeros((1, 96, 96, 3)), 2).shape == (1, 3, 3)


@pytest.mark.parametrize("class_token", [True, False])
def test_tokens_have_their_places(transformer, class_token):
    """A patch that alone is read by the output has the only value."""
    model = random(transformer((8, 12, 3), class_token))
    image = rng.normal(size=(1, 8, 12, 3)).astype("float32")
    found = analysis.grad_cam(model, image, 1, layer="position_embedding")
    assert found.shape == (1, 2, 3)
    tokens = keras.Model(model.input, model.get_layer("position_embedding").output)
    tokens = ops.convert_to_numpy(tokens(image))

    # By differences of the score, of each value of each patch's token alone.
    first, step, scores = int(class_token), 1e-2, _after(model, "position_embedding")
    moves = step * np.eye(6 * 16, dtype="float32").reshape(-1, 6, 16)
    moves = np.pad(moves, [(0, 0), (first, 0), (0, 0)])
    gradients = (scores(tokens + moves) - scores(tokens - moves))[:, 1].reshape(6, 16) / (2 * step)
    expected = np.maximum(tokens[:, first:] @ gradients.mean(axis=0), 0).reshape(1, 2, 3)
    np.testing.assert_allclose(found, expected, rtol=0.02, atol=0.02 * abs(expected).max())


def _after(model, name):
    """The scores before the softmax as a function of a layer's output."""
    after = [layer.name for layer in model.layers].index(name) + 1

    def scores(x):
        for layer in model.layers[after:-1]:
            x = layer(x)
        x = x[:, 0] if len(x.shape) == 3 else x
        kernel, bias = model.layers[-1].get_weights()
        return ops.convert_to_numpy(x) @ kernel + bias

    return scores


def test_the_network_stays_as_it_is(images):
    model = network()
    before = model.get_config(), model.predict(images, verbose=0)
    for method in METHODS:
        method(model, images)
    assert model.get_config() == before[0]
    np.testing.assert_array_equal(model.predict(images, verbose=0), before[1])
    assert model.get_layer("conv1").activation is keras.activations.relu


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "float16"])
def test_other_precisions(images, precision):
    model = network()
    expected = analysis.grad_cam(model, images, 1)
    keras.config.set_dtype_policy(precision)
    low = network()
    low.set_weights(model.get_weights())
    found = analysis.grad_cam(low, images, 1)
    assert found.dtype == "float32"
    np.testing.assert_allclose(found, expected, atol=0.1 * expected.max())


def test_networks_of_any_size():
    image = keras.Input((None, None, 3))
    x = layers.Conv2D(4, 3, activation="relu", data_format="channels_last", name="conv")(image)
    x = layers.GlobalAveragePooling2D(data_format="channels_last")(x)
    model = random(keras.Model(image, layers.Dense(3, activation="softmax")(x)))
    assert analysis.grad_cam(model, np.ones((2, 9, 11, 3))).shape == (2, 7, 9)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (
            {"classes": 4},
            "`classes` must be a whole number from 0 to 3, or one for each of the 5",
        ),
        ({"classes": [0, 1]}, r"or one for each of the 5 images. Received: classes=\[0, 1\]"),
        ({"classes": 0.5}, "a number for each image. Received: classes=0.5"),
        ({"classes": "cat"}, "a `Classifier` has names. Received: classes='cat'"),
        ({"layer": "conv9"}, "no layer of this name; near ones: conv"),
        ({"layer": "fc4"}, "must have maps.*'fc4'"),
        ({"images": np.zeros((12, 10, 3))}, r"of shape \(None, 12, 10, 3\). Received: shape \(12"),
        ({"images": np.zeros((1, 10, 12, 3))}, "Received: shape"),
    ],
)
def test_refusals(images, how, message):
    with pytest.raises(ValueError, match=message):
        analysis.grad_cam(**{"model": network(), "images": images, **how})


def test_refused_networks(images):
    image = keras.Input((12, 10, 3))
    with pytest.raises(ValueError, match="networks of ReLUs, and `model` must have one; `saliency"):
        analysis.guided_backpropagation(
            keras.Model(image, layers.Dense(2)(layers.Flatten()(image))), images
        )
    with pytest.raises(ValueError, match="must have a convolution; of another layer with maps"):
        analysis.grad_cam(keras.Model(image, layers.Dense(2)(layers.Flatten()(image))), images)
    with pytest.raises(ValueError, match=r"must have an output of scores, \(batch, classes\)"):
        analysis.saliency(keras.Model(image, layers.Dense(2)(image)), images)
    twice = layers.Conv2D(3, 3, padding="same", data_format="channels_last", name="twice")
    x = layers.GlobalAveragePooling2D(data_format="channels_last")(twice(twice(image)))
    with pytest.raises(ValueError, match="must be applied once.*'twice'"):
        analysis.grad_cam(keras.Model(image, x), images)
    with pytest.raises(ValueError, match="`window` must be no larger than the network's input"):
        analysis.occlusion(network(), images, window=11)
