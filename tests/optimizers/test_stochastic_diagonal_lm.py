import itertools
import json

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_classics.activations import scaled_tanh
from keras_classics.applications import LeNet5, PairwiseLinear
from keras_classics.layers import (
    ConstantPadding2D,
    CoveringConv2D,
    MapConv2D,
    RBFOutput,
    ScaledSubsampling2D,
    UnitBias,
)
from keras_classics.losses import MaximumAPosteriori, MaximumLikelihood
from keras_classics.optimizers import EstimateCurvature, StochasticDiagonalLM, diagonal_curvature

FROM_LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def arrays(tensors):
    return [ops.convert_to_numpy(tensor) for tensor in tensors]


def normal(*shape, seed=0, scale=1.0):
    return (scale * np.random.default_rng(seed).normal(size=shape)).astype("float32")


def chain(shape, *steps, seed=0):
    """A model of one layer after the other, all its weights of middling size, none zero."""
    model = keras.Sequential([keras.Input(shape), *steps])
    random = np.random.default_rng(seed)
    for layer in model.layers:
        if not isinstance(layer, RBFOutput):
            layer.set_weights([random.normal(0, 0.6, w.shape) for w in layer.get_weights()])
    return model


# The update rule, eq. 18 and 21.


def test_update_rule():
    start = [normal(3, 2), normal(4, seed=1)]
    variables = [keras.Variable(w) for w in start]
    optimizer = StochasticDiagonalLM(learning_rate=0.5, mu=0.25)
    optimizer.build(variables)
    expected = [w.astype("float64") for w in start]
    eta = 0.5
    for step in range(4):
        if step in (0, 2):  # the curvatures stay until they are estimated anew
            curvatures = [np.abs(normal(*w.shape, seed=step + i)) for i, w in enumerate(start)]
            optimizer.set_curvature(curvatures)
        if step == 3:
            eta = 0.125
            optimizer.learning_rate = eta
        gradients = [normal(*w.shape, seed=10 * step + i) for i, w in enumerate(start)]
        optimizer.apply([ops.convert_to_tensor(g) for g in gradients], variables)
        for w, g, h in zip(expected, gradients, curvatures, strict=True):
            for k in np.ndindex(*w.shape):
                w[k] -= eta / (0.25 + h[k]) * g[k]
    for variable, w in zip(variables, expected, strict=True):
        np.testing.assert_allclose(ops.convert_to_numpy(variable), w, rtol=1e-5, atol=1e-6)


def test_the_papers_constants():
    config = StochasticDiagonalLM().get_config()
    np.testing.assert_allclose(config["learning_rate"], 0.0005, rtol=1e-6)
    assert config["mu"] == 0.02


def test_serialization():
    optimizer = StochasticDiagonalLM(learning_rate=0.25, mu=0.5, name="sdlm", clipnorm=1.0)
    config = json.loads(json.dumps(keras.optimizers.serialize(optimizer)))
    twin = keras.optimizers.deserialize(config)
    assert isinstance(twin, StochasticDiagonalLM)
    assert twin.get_config() == optimizer.get_config()
    assert (twin.mu, twin.name, twin.clipnorm) == (0.5, "sdlm", 1.0)


def test_curvatures_must_match_the_variables():
    optimizer = StochasticDiagonalLM()
    optimizer.build([keras.Variable(normal(3)), keras.Variable(normal(2))])
    with pytest.raises(ValueError, match="zip"):
        optimizer.set_curvature([np.ones(3)])


@pytest.mark.parametrize("mu", [0, -0.02])
def test_mu_must_be_positive(mu):
    with pytest.raises(ValueError, match=rf"`mu` must be a number above 0. Received: mu={mu}"):
        StochasticDiagonalLM(mu=mu)


# The curvature, with every connection listed: eq. 27, 25, 24 and 23.

# f and f' as functions of the weighted sum.
SQUASH = {
    "linear": (lambda a: a, np.ones_like),
    "tanh": (np.tanh, lambda a: 1 / np.cosh(a) ** 2),
    "scaled_tanh": (
        lambda a: 1.7159 * np.tanh(2 / 3 * a),
        lambda a: 1.7159 * 2 / 3 / np.cosh(2 / 3 * a) ** 2,
    ),
    "softmax": (lambda a: np.exp(a) / np.exp(a).sum(), np.ones_like),  # the slope is the seed's
}


def connections(layer, shape):
    """`(unit, input, weight)` of each connection, and the weight of each unit's bias.

    All are positions in the flattened arrays; weight -1 is the constant 1.
    """
    links = []
    kind = type(layer).__name__
    if kind in ("Conv2D", "CoveringConv2D", "MapConv2D"):
        height, width, channels = shape
        rows, columns, *_ = layer.kernel.shape
        strides = layer.strides
        down, across = (strides, strides) if isinstance(strides, int) else strides
        table = getattr(layer, "connections", [range(channels)] * layer.filters)
        count = sum(len(maps) for maps in table)
        new = ((height - rows) // down + 1, (width - columns) // across + 1, len(table))
        for unit, (r, c, i) in enumerate(np.ndindex(*new)):
            for place, m in enumerate(table[i]):
                for dr, dc in np.ndindex(rows, columns):
                    if kind == "MapConv2D":
                        link = sum(len(maps) for maps in table[:i]) + place
                        weight = (dr * columns + dc) * count + link
                    else:
                        weight = ((dr * columns + dc) * channels + m) * layer.filters + i
                    read = ((r * down + dr) * width + c * across + dc) * channels + m
                    links.append((unit, read, weight))
        biases = [i for *_, i in np.ndindex(*new)]
    elif kind == "ScaledSubsampling2D":
        height, width, channels = shape
        rows, columns = layer.window
        new = (height // rows, width // columns, channels)
        for unit, (r, c, m) in enumerate(np.ndindex(*new)):
            for dr, dc in np.ndindex(rows, columns):
                links.append((unit, ((r * rows + dr) * width + c * columns + dc) * channels + m, m))
        biases = [m for *_, m in np.ndindex(*new)]
    elif kind == "Dense":
        links = [(o, i, i * layer.units + o) for o in range(layer.units) for i in range(shape[0])]
        new, biases = (layer.units,), range(layer.units)
    else:  # UnitBias, Activation
        links = [(i, i, -1) for i in range(int(np.prod(shape)))]
        new, biases = shape, range(len(links))
    return np.array(links).T, new, np.array(biases)


def curvature_by_hand(model, image, seed):
    """The output of the model and its curvatures for one pattern, layer by layer."""
    x, steps = image.astype("float64"), []
    for layer in model.layers:
        kind = type(layer).__name__
        if kind in ("Flatten", "Reshape"):
            x = x.reshape(layer.output.shape[1:])
        elif kind == "ConstantPadding2D":
            (top, bottom), (left, right) = layer.padding
            inside = np.zeros((x.shape[0] + top + bottom, x.shape[1] + left + right), bool)
            inside[top : top + x.shape[0], left : left + x.shape[1]] = True
            padded = np.full((*inside.shape, x.shape[2]), layer.value)
            padded[inside] = x.reshape(-1, x.shape[2])
            x = padded
            steps.append((layer, np.repeat(inside.ravel(), x.shape[2])))
        elif kind not in ("RBFOutput", "Rescaling"):
            (units, inputs, places), shape, bias_places = connections(layer, x.shape)
            weight = getattr(layer, "coefficient", getattr(layer, "kernel", None))
            weights = [] if weight is None else ops.convert_to_numpy(weight).astype("float64")
            u = np.array([*np.ravel(weights), 1.0])[places]
            state, a = x.ravel(), np.zeros(int(np.prod(shape)))
            np.add.at(a, units, u * state[inputs])
            bias = getattr(layer, "bias", None)
            if bias is not None:
                a += ops.convert_to_numpy(bias).astype("float64").ravel()[bias_places]
            f, slope = SQUASH[layer.activation.__name__]
            links = (units, inputs, places, bias_places)
            steps.append((layer, links, u, state, slope(a)))
            x = f(a).reshape(shape)
    h_x, found = seed(x.ravel()), {}
    for layer, *step in reversed(steps):
        if len(step) == 1:
            h_x = h_x[step[0]]
            continue
        (units, inputs, places, bias_places), u, state, slope = step
        h_a = slope**2 * h_x  # the squashing of eq. 27
        weight = getattr(layer, "coefficient", getattr(layer, "kernel", None))
        if weight is not None:
            h = np.zeros(int(np.prod(weight.shape)))
            np.add.at(h, places, h_a[units] * state[inputs] ** 2)  # eq. 25, 24
            found[weight.path] = h.reshape(weight.shape)
        if getattr(layer, "bias", None) is not None:
            h = np.zeros(int(np.prod(layer.bias.shape)))
            np.add.at(h, bias_places, h_a)
            found[layer.bias.path] = h.reshape(layer.bias.shape)
        h_x = np.zeros(len(state))
        np.add.at(h_x, inputs, u**2 * h_a[units])  # the sum of eq. 27
    return x, [found[v.path] for v in model.trainable_variables]


def family(*head):
    return chain(
        (5 * 6 * 2,),
        layers.Reshape((5, 6, 2)),
        ConstantPadding2D(((1, 0), (2, 1)), -1.0),  # (6, 9, 2)
        layers.Conv2D(3, (2, 3), activation=scaled_tanh),  # (5, 7, 3)
        MapConv2D(4, (2, 2), [[0], [2, 0], [1, 2], [0, 1, 2]], strides=(1, 2), use_bias=False),
        UnitBias("tanh"),  # (4, 3, 4)
        ConstantPadding2D(((0, 0), (1, 0)), 0.5),  # (4, 4, 4)
        ScaledSubsampling2D((1, 2), scaled_tanh),  # (4, 2, 4)
        MapConv2D(2, (3, 1), [[3, 1], [0]]),  # (2, 2, 2)
        layers.Activation("tanh"),
        ScaledSubsampling2D((2, 1)),  # (1, 2, 2)
        CoveringConv2D(4, (1, 2), activation="tanh"),  # (1, 1, 4)
        layers.Flatten(),
        layers.Dense(5, activation=scaled_tanh),
        *head,
    )


CODES = np.random.default_rng(3).choice([-1.0, 1.0], (3, 5))


@pytest.mark.parametrize(
    ("head", "loss", "seed"),
    [
        ([layers.Dense(3, "tanh")], "mse", lambda x: np.full(3, 2 / 3)),
        (
            [layers.Dense(3, "softmax", use_bias=False)],
            "sparse_categorical_crossentropy",
            lambda x: x * (1 - x),
        ),
        (
            [RBFOutput(3, CODES), layers.Rescaling(-1.0)],
            MaximumLikelihood(),
            lambda x: np.full(5, 2.0),
        ),
    ],
    ids=["mse", "softmax", "rbf"],
)
def test_every_layer_of_the_family_with_its_connections_listed(head, loss, seed):
    model = family(*[type(layer).from_config(layer.get_config()) for layer in head])
    model.compile(loss=loss)
    images = normal(3, 60, scale=0.7)
    by_hand = [curvature_by_hand(model, image, seed) for image in images]
    if not isinstance(loss, MaximumLikelihood):
        outputs = [x for x, _ in by_hand]
        np.testing.assert_allclose(
            ops.convert_to_numpy(model(images)), outputs, rtol=1e-4, atol=1e-6
        )
    found = arrays(diagonal_curvature(model, images))
    assert len(found) == len(model.trainable_variables)
    for variable, h, *patterns in zip(
        model.trainable_variables, found, *[h for _, h in by_hand], strict=True
    ):
        assert h.shape == tuple(variable.shape)
        np.testing.assert_allclose(
            h, np.mean(patterns, axis=0), rtol=2e-4, atol=1e-7, err_msg=variable.path
        )


@pytest.mark.parametrize(
    ("arguments", "shape"),
    [({"padding": "same", "strides": 2}, (5, 6, 1)), ({"dilation_rate": 2}, (5, 7, 1))],
)
def test_other_convolutions(arguments, shape):
    """With one weight alone at 1, the weighted sums of squared inputs are those of eq. 25."""
    model = chain(shape, layers.Conv2D(2, 3, **arguments), layers.Flatten())
    model.compile(loss="mse")
    images = normal(2, *shape)
    (conv, _) = model.layers
    kernel, bias = conv.get_weights()
    expected = np.zeros(kernel.shape)
    for k in np.ndindex(*kernel.shape):
        alone = np.zeros(kernel.shape)
        alone[k] = 1
        conv.set_weights([alone, np.zeros(bias.shape)])
        y = ops.convert_to_numpy(model(images**2))
        expected[k] = 2 / y.shape[1] * y.sum(axis=1).mean()
    conv.set_weights([kernel, bias])
    found, found_bias = arrays(diagonal_curvature(model, images))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(found_bias, [1, 1], rtol=1e-5)  # 2 / units for half of the units


def test_the_loss_may_be_given():
    model = chain((4,), layers.Dense(3))
    model.compile(loss=FROM_LOGITS)
    images = normal(2, 4)
    given = arrays(diagonal_curvature(model, images, loss="mse"))
    np.testing.assert_allclose(given[1], np.full(3, 2 / 3), rtol=1e-6)
    assert not np.allclose(given[1], arrays(diagonal_curvature(model, images))[1])


# Where the diagonal is exact.


def second_difference(function, at, step=1e-3):
    """The second derivative along each element, in float64."""
    at = np.asarray(at, "float64")
    result = np.zeros(at.shape)
    for k in np.ndindex(*at.shape):
        change = np.zeros(at.shape)
        change[k] = step
        values = [function(at + sign * change) for sign in (-1, 0, 1)]
        result[k] = (values[0] - 2 * values[1] + values[2]) / step**2
    return result


def softmax_loss(logits, right):
    return np.log(np.exp(logits - logits.max()).sum()) + logits.max() - logits[right]


@pytest.mark.parametrize("head", ["logits", "softmax", "mse"])
def test_one_layer_is_the_full_hessians_diagonal(head):
    """A weight of the only layer changes one weighted sum, linearly: nothing is neglected."""
    model = chain((4,), layers.Dense(3, activation="softmax" if head == "softmax" else None))
    loss = {"logits": FROM_LOGITS, "softmax": "sparse_categorical_crossentropy", "mse": "mse"}[head]
    model.compile(loss=loss)
    images, labels = normal(5, 4), [0, 2, 1, 1, 0]

    def error(kernel, bias):
        total = 0
        for x, right in zip(images.astype("float64"), labels, strict=True):
            a = x @ kernel + bias
            if head == "mse":
                total += ((a - np.eye(3)[right]) ** 2).mean()
            else:
                total += softmax_loss(a, right)
        return total / len(images)

    kernel, bias = model.get_weights()
    found_kernel, found_bias = arrays(diagonal_curvature(model, images))
    expected = second_difference(lambda w: error(w, bias.astype("float64")), kernel)
    np.testing.assert_allclose(found_kernel, expected, rtol=1e-3, atol=1e-5)
    expected = second_difference(lambda b: error(kernel.astype("float64"), b), bias)
    np.testing.assert_allclose(found_bias, expected, rtol=1e-3, atol=1e-5)


def test_one_hidden_layer_is_the_full_gauss_newton_diagonal():
    """J' H J with the whole Jacobian: one path from each weight to each output, and H diagonal."""
    model = chain((4,), layers.Dense(5, activation=scaled_tanh), layers.Dense(3, "tanh"))
    model.compile(loss="mse")
    images = normal(6, 4)
    weights = [w.astype("float64") for w in model.get_weights()]

    def outputs(u, b, v, c):
        hidden = 1.7159 * np.tanh(2 / 3 * (images.astype("float64") @ u + b))
        return np.tanh(hidden @ v + c)

    step = 1e-5
    for i, (w, found) in enumerate(
        zip(weights, arrays(diagonal_curvature(model, images)), strict=True)
    ):
        expected = np.zeros(w.shape)
        for k in np.ndindex(*w.shape):
            up, down = ([v.copy() for v in weights] for _ in range(2))
            up[i][k] += step
            down[i][k] -= step
            jacobian = (outputs(*up) - outputs(*down)) / (2 * step)  # (patterns, outputs)
            expected[k] = (2 / 3 * jacobian**2).sum(axis=1).mean()
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-7)


# The seeds: the exact second derivatives of each loss along the outputs of the last layer.
# For one pattern they are the curvatures of that layer's biases.


def penalties(f6):
    return ((f6 - CODES) ** 2).sum(axis=1)


J = 4.0
RBF_LOSSES = {
    "eq. 8": (MaximumLikelihood(), lambda f6, right: penalties(f6)[right]),
    "eq. 9": (
        MaximumAPosteriori(J),
        lambda f6, right: penalties(f6)[right] + np.log(np.exp(-J) + np.exp(-penalties(f6)).sum()),
    ),
    "cross-entropy": (FROM_LOGITS, lambda f6, right: softmax_loss(-penalties(f6), right)),
}


@pytest.mark.parametrize("loss", RBF_LOSSES)
@pytest.mark.parametrize("right", [0, 1, 2])
@pytest.mark.parametrize("size", [0.2, 1.0])
def test_seed_along_f6(loss, right, size):
    """The curvature of one unit of F6 is the same whichever class is right."""
    keras_loss, by_hand = RBF_LOSSES[loss]
    model = chain((4,), layers.Dense(5), RBFOutput(3, CODES), layers.Rescaling(-1.0))
    model.compile(loss=keras_loss)
    image = normal(1, 4, scale=size, seed=1)
    kernel, bias = model.get_weights()[:2]
    f6 = image[0].astype("float64") @ kernel + bias
    value = ops.convert_to_numpy(keras_loss(np.array([right]), model(image)))
    np.testing.assert_allclose(value, by_hand(f6, right), rtol=1e-4)
    _, seed = arrays(diagonal_curvature(model, image))
    expected = second_difference(lambda x: by_hand(x, right), f6)
    np.testing.assert_allclose(seed, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("loss", "activation", "by_hand"),
    [
        (FROM_LOGITS, None, lambda a: softmax_loss(a, 1)),
        (keras.losses.CategoricalCrossentropy(), "softmax", lambda a: softmax_loss(a, 1)),
        ("categorical_crossentropy", "softmax", lambda a: softmax_loss(a, 2)),
        ("mse", None, lambda a: ((a - np.array([1, -1, -1])) ** 2).mean()),
        (keras.losses.MeanSquaredError(), None, lambda a: ((a + 1) ** 2).mean()),
    ],
)
def test_seed_along_the_last_weighted_sums(loss, activation, by_hand):
    model = chain((4,), layers.Dense(3, activation=activation))
    model.compile(loss=loss)
    image = normal(1, 4, seed=2)
    kernel, bias = model.get_weights()
    a = image[0].astype("float64") @ kernel + bias
    _, seed = arrays(diagonal_curvature(model, image))
    np.testing.assert_allclose(seed, second_difference(by_hand, a), rtol=1e-3, atol=1e-5)


def test_a_softmax_layer_of_its_own():
    together = chain((4,), layers.Dense(3, activation="softmax"))
    apart = chain((4,), layers.Dense(3), layers.Activation("softmax"))
    images = normal(3, 4)
    loss = "sparse_categorical_crossentropy"
    for one, other in zip(
        arrays(diagonal_curvature(together, images, loss)),
        arrays(diagonal_curvature(apart, images, loss)),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=1e-5)


def test_mean_squared_error_of_maps():
    """Keras averages the error of a pattern over its positions, too."""
    model = chain((3, 4, 1), layers.Conv2D(2, 2))
    flat = chain((3, 4, 1), layers.Conv2D(2, 2), layers.Flatten())
    images = normal(2, 3, 4, 1)
    for one, other in zip(
        arrays(diagonal_curvature(model, images, "mse")),
        arrays(diagonal_curvature(flat, images, "mse")),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=1e-5)


def test_a_frozen_layer_leaves_the_others_curvatures():
    model = chain((4,), layers.Dense(5, "tanh"), layers.Dense(3))
    images = normal(2, 4)
    _, _, *expected = arrays(diagonal_curvature(model, images, "mse"))
    model.layers[0].trainable = False
    found = arrays(diagonal_curvature(model, images, "mse"))
    assert len(found) == 2
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


# Never negative.


@pytest.mark.parametrize("loss", ["eq. 8", "eq. 9"])
def test_never_negative_in_lenet5(loss):
    model = LeNet5()
    images = np.random.default_rng(0).uniform(-0.1, 1.175, (4, 32, 32, 1)).astype("float32")
    found = arrays(diagonal_curvature(model, images, RBF_LOSSES[loss][0]))
    for variable, h in zip(model.trainable_variables, found, strict=True):
        assert h.shape == tuple(variable.shape)
        assert np.isfinite(h).all()
        assert h.min() >= 0
        assert h.max() > 0


def test_never_negative_far_from_the_codes():
    """The variance of a certain choice is zero; rounding must not push it below."""
    model = chain((4,), layers.Dense(5), RBFOutput(3, CODES), layers.Rescaling(-1.0))
    for seed in range(20):
        images = normal(1, 4, scale=10, seed=seed)
        for h in arrays(diagonal_curvature(model, images, FROM_LOGITS)):
            assert h.min() >= 0


# Training.


def problem():
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 48)
    images = random.normal(0, 0.3, (48, 6, 8, 1))
    for image, label in zip(images, labels, strict=True):
        image[label : label + 4, 2 * label : 2 * label + 3] += 1
    return images.astype("float32"), labels


def network():
    return chain(
        (6, 8, 1),
        layers.Conv2D(2, 3, activation=scaled_tanh),
        ScaledSubsampling2D(2, scaled_tanh),
        layers.Flatten(),
        layers.Dense(5, activation=scaled_tanh),
        RBFOutput(3, CODES),
        layers.Rescaling(-1.0),
    )


def test_an_epoch_lowers_the_loss():
    images, labels = problem()
    model = network()
    model.compile(StochasticDiagonalLM(learning_rate=0.02), MaximumAPosteriori(2.0))
    before = model.evaluate(images, labels, verbose=0)
    model.fit(
        images, labels, 4, epochs=2, verbose=0, callbacks=[EstimateCurvature(images, patterns=20)]
    )
    assert model.evaluate(images, labels, verbose=0) < 0.7 * before


def test_curvatures_are_estimated_anew_before_each_epoch():
    images, labels = problem()
    model, seen = network(), []

    class Watch(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            expected = arrays(diagonal_curvature(self.model, images))
            stored = arrays(v.value for v in self.model.optimizer._curvatures)
            seen.append(stored)
            for h, kept in zip(expected, stored, strict=True):
                np.testing.assert_allclose(kept, h, rtol=1e-4, atol=1e-7)

    model.compile(StochasticDiagonalLM(learning_rate=0.02), MaximumLikelihood())
    # As many patterns as there are: all of them, whatever the draw.
    callbacks = [EstimateCurvature(images, patterns=1000), Watch()]
    model.fit(images, labels, 8, epochs=2, verbose=0, callbacks=callbacks)
    assert len(seen) == 2
    assert not np.allclose(seen[0][0], seen[1][0], rtol=1e-3)


def test_each_estimate_draws_its_patterns_anew():
    images = problem()[0][:10]
    model = network()
    model.compile(StochasticDiagonalLM(), MaximumLikelihood())

    def estimates(seed):
        callback, found = EstimateCurvature(images, patterns=2, seed=seed), []
        callback.set_model(model)
        for epoch in range(2):
            callback.on_epoch_begin(epoch)
            found.append(ops.convert_to_numpy(model.optimizer._curvatures[0].value))
        return found

    first, again, other = estimates(1), estimates(1), estimates(2)
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first[0], first[1], rtol=1e-4)
    assert not np.allclose(first[0], other[0], rtol=1e-4)
    every = [ops.convert_to_numpy(diagonal_curvature(model, images[[p]])[0]) for p in range(10)]
    pairs = [(every[p] + every[q]) / 2 for p in range(10) for q in range(p)]
    assert any(np.allclose(first[0], pair, rtol=1e-4) for pair in pairs)


def test_without_the_callback_the_first_step_refuses():
    images, labels = problem()
    model = network()
    model.compile(StochasticDiagonalLM(), MaximumLikelihood())
    with pytest.raises(RuntimeError, match=r"no curvatures.*EstimateCurvature\(images\)"):
        model.fit(images, labels, 8, verbose=0)


def test_the_callback_without_its_optimizer():
    images, labels = problem()
    model = network()
    model.compile("sgd", MaximumLikelihood())
    with pytest.raises(ValueError, match=r"needs the optimizer StochasticDiagonalLM.*SGD"):
        model.fit(images, labels, verbose=0, callbacks=[EstimateCurvature(images)])


# Refusals.


def test_an_unknown_layer():
    model = chain((4,), layers.Dense(3), layers.Dropout(0.5, name="drop"))
    with pytest.raises(ValueError, match=r"LeNet family.*layer 'drop' of class Dropout"):
        diagonal_curvature(model, normal(2, 4), "mse")


def test_no_chain():
    image = keras.Input((4,))
    heads = [layers.Dense(3, name=name)(image) for name in ("left", "right")]
    model = keras.Model(image, heads)
    with pytest.raises(ValueError, match=r"chain of layers.*'right', which does not read 'left'"):
        diagonal_curvature(model, normal(2, 4), "mse")


def test_trainable_codes():
    model = chain(
        (4,),
        layers.Dense(5),
        RBFOutput(3, CODES, trainable=True, name="RBF"),
        layers.Rescaling(-1.0),
    )
    with pytest.raises(ValueError, match=r"fixed codes.*layer 'RBF' with trainable=True"):
        diagonal_curvature(model, normal(2, 4), MaximumLikelihood())


def test_an_unknown_activation():
    model = chain((4,), layers.Dense(5, "relu", name="hidden"), layers.Dense(3))
    with pytest.raises(ValueError, match=r"scaled_tanh.*Received: relu in layer 'hidden'"):
        diagonal_curvature(model, normal(2, 4), "mse")


RBF_HEAD = [layers.Dense(5), RBFOutput(3, CODES), layers.Rescaling(-1.0)]


@pytest.mark.parametrize(
    ("head", "loss"),
    [
        ([layers.Dense(3)], "mae"),
        ([layers.Dense(3)], "sparse_categorical_crossentropy"),
        ([layers.Dense(3)], MaximumLikelihood()),
        ([layers.Dense(3, "softmax")], FROM_LOGITS),
        ([layers.Dense(3, "softmax")], "mse"),
        (RBF_HEAD, "mse"),
        (RBF_HEAD, "sparse_categorical_crossentropy"),
        ([layers.Dense(3)], None),
    ],
)
def test_an_unknown_loss(head, loss):
    head = [type(layer).from_config(layer.get_config()) for layer in head]
    with pytest.raises(ValueError, match="The diagonal curvature knows MaximumLikelihood"):
        diagonal_curvature(chain((4,), *head), normal(2, 4), loss)


@pytest.mark.parametrize(
    ("steps", "loss"),
    [
        ([layers.Rescaling(2.0), layers.Dense(3)], "mse"),
        ([layers.Dense(3), layers.Rescaling(2.0)], "mse"),
        ([layers.Dense(3, "softmax"), layers.Dense(3)], "mse"),
        ([RBFOutput(5, np.ones((5, 4))), layers.Dense(3)], "mse"),
        ([layers.Dense(5), RBFOutput(3, CODES)], FROM_LOGITS),
        ([layers.Dense(5), RBFOutput(3, CODES), layers.Rescaling(-0.5)], FROM_LOGITS),
    ],
    ids=[
        "rescaling first",
        "rescaling last",
        "hidden softmax",
        "hidden codes",
        "scores not negated",
        "scores scaled",
    ],
)
def test_a_layer_in_a_place_that_the_recursion_does_not_cover(steps, loss):
    steps = [type(layer).from_config(layer.get_config()) for layer in steps]
    with pytest.raises(ValueError, match="diagonal curvature"):
        diagonal_curvature(chain((4,), *steps), normal(2, 4), loss)


def test_cross_entropy_of_maps():
    """Keras averages over the positions of a map; the curvature does, too."""
    images, loss = normal(3, 4, 5, 2), keras.losses.CategoricalCrossentropy(from_logits=True)
    one, four = (
        arrays(diagonal_curvature(chain((4, 5, 2), layer), images, loss))
        for layer in (layers.Conv2D(3, (4, 5)), layers.Conv2D(3, (4, 5), padding="same"))
    )
    assert [h.shape for h in one] == [h.shape for h in four]
    # A bias moves every position alike: 20 of them, each with a twentieth of the weight.
    assert 0.3 < four[-1].sum() / one[-1].sum() < 3


def test_mixed_precision_is_refused():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    model.dtype_policy = keras.DTypePolicy("mixed_float16")
    with pytest.raises(ValueError, match="one precision throughout"):
        diagonal_curvature(model, normal(2, 4), "mse")


def test_units_for_pairs_learn_of_two_classes_in_n():
    """The mean over all labels of the curvatures of each unit's own error."""
    model = PairwiseLinear(input_shape=(2, 3, 1), classes=4)
    images = normal(5, 2, 3, 1)
    kernel, bias = (ops.convert_to_numpy(v).astype("float64") for v in model.trainable_variables)
    expected = np.zeros((6, 6)), np.zeros(6)
    for image in images.reshape(5, 6):
        slope = SQUASH["scaled_tanh"][1](image @ kernel + bias)
        for label in range(4):
            for unit, pair in enumerate(itertools.combinations(range(4), 2)):
                h = 2 / 4 * slope[unit] ** 2 * (label in pair) / (5 * 4)
                expected[0][:, unit] += h * image**2
                expected[1][unit] += h
    for found, right in zip(
        arrays(diagonal_curvature(model, images, "mse")), expected, strict=True
    ):
        np.testing.assert_allclose(found, right, rtol=1e-4)
