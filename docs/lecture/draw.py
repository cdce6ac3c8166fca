"""Draws the pictures of docs/lecture, a function a page: `python docs/lecture/draw.py [page]`."""

import pathlib
import sys

import keras
import numpy as np
from PIL import Image

import keras_classics as kc
from keras_classics import backend
from keras_classics.analysis.page import GREY, INK, PALE, new_page, panel, save, show, style, write

FOLDER = pathlib.Path(__file__).parent


def softmax():
    """The loss of two classes with its gradient, and a softmax at three temperatures."""
    page = new_page(4.0)
    axes = panel(page, 0.6, 0.7, 4.0, 2.6)
    gap = np.linspace(-6, 6, 121, dtype="float32")
    scores = np.stack([gap, np.zeros_like(gap)], axis=-1)

    def loss(arrays):
        each = keras.losses.sparse_categorical_crossentropy(
            np.zeros(len(gap)), arrays[0], from_logits=True
        )
        return keras.ops.sum(each), each

    gradients, losses = backend.gradient(loss, [scores], has_aux=True)
    axes.plot(gap, losses, color=INK, linewidth=1.8)
    axes.plot(gap, np.array(gradients[0])[:, 0], color=GREY, linewidth=1.8)
    axes.annotate("loss E", (-4.2, 4.5), fontsize=12, color=INK)
    axes.annotate("gradient p - y", (-5.8, -0.72), fontsize=12, color=GREY)
    style(axes)
    axes.set_xlabel("score of the true class less the other's", fontsize=12, color=INK)

    scores = np.array([100.0, 99.0, 97.0], "float32")
    write(page, 5.4, 0.4, "probabilities of the scores 100, 99, 97", 12)
    for i, temperature in enumerate((0.25, 1, 4)):
        axes = panel(page, 5.4 + 1.5 * i, 0.7, 1.3, 2.6)
        axes.bar(range(3), keras.ops.softmax(scores / temperature), color=GREY)
        axes.set(ylim=(0, 1), xticks=range(3), xticklabels=["100", "99", "97"])
        style(axes)
        axes.set_xlabel(f"T = {temperature}", fontsize=12, color=INK)
        if i:
            axes.tick_params(labelleft=False)
    return page.figure


def information():
    """The three digits of least entropy, and the three of most, with their probabilities."""
    model = kc.classifier("lenet5")
    digits = kc.datasets.load("digits").validation
    scores = model.predict((255 * digits.images).astype("uint8"), verbose=0)
    p = np.array(keras.ops.softmax(scores))
    entropy = np.sum(-p * np.log2(np.maximum(p, 1e-30)), axis=-1)
    order = np.argsort(entropy)

    page = new_page(4.3)
    for i, k in enumerate([*order[:3], *order[-3:]]):
        x, y = 0.3 + 3.25 * (i % 3), 0.45 + 2.25 * (i // 3)
        show(page, digits.images[k, ..., 0], (x, y, 1.2, 1.2), (0, 1))
        label = digits.labels[k]
        write(page, x, y - 0.2, f"a {label}: {entropy[k]:.2f} bits", 12)
        axes = panel(page, x + 1.35, y, 1.6, 1.2)
        axes.bar(range(10), p[k], color=[INK if c == label else GREY for c in range(10)])
        axes.set(ylim=(0, 1), xticks=range(10))
        style(axes)
        axes.tick_params(labelleft=False, labelsize=9)
    return page.figure


def convolution():
    """All places of a kernel of three over six values, for each border."""
    n, k, side = 6, 3, 0.3
    page = new_page(4.0)
    x = 0.4
    for border, zeros in [("full", k - 1), ("same", (k - 1) // 2), ("valid", 0)]:
        places = len(np.convolve(np.ones(n), np.ones(k), border))
        columns = n + 2 * zeros
        write(page, x, 0.3, f"{border}: {places} places", 13)
        for row in range(places):
            for column in range(columns):
                box = (x + column * side, 0.6 + row * 1.25 * side, side, side)
                inside = zeros <= column < zeros + n
                dark = 0.65 if row <= column < row + k else 0.15 if inside else 0
                show(page, [[dark]], box, (0, 1))
        x += columns * side + 0.9
    write(page, 0.4, 3.8, "pale: the six values; white: zeros around them; dark: the kernel", 12)
    return page.figure


def subsampling():
    """The unit over the sum of its window, and a digit through a layer of each kind."""
    start = keras.initializers.Constant
    page = new_page(3.9)
    axes = panel(page, 0.6, 0.6, 3.4, 2.6)
    total = np.linspace(0, 4, 201, dtype="float32")
    digit = kc.datasets.load("digits").validation.images[:1]
    units = [("blur", 0.1, 0.2, GREY), ("OR", 20, 10, INK), ("AND", 20, 70, INK)]
    show(page, digit[0, ..., 0], (4.5, 0.6, 1.2, 1.2), (0, 1))
    write(page, 4.5, 2.0, "28x28", 12)
    for i, (name, alpha, beta, colour) in enumerate(units):
        layer = kc.layers.ScaledSubsampling2D(2, "sigmoid", start(alpha), start(-beta))
        windows = np.broadcast_to(total[:, None, None, None] / 4, (201, 2, 2, 1))
        y = np.ravel(layer(windows))
        axes.plot(total, y, "--" if name == "AND" else "-", color=colour, linewidth=1.8)
        axes.annotate(name, [(1.05, 0.53), (0.8, 0.9), (2.75, 0.9)][i], fontsize=12, color=colour)
        maps = np.array(layer(digit))[0, ..., 0]
        x = 6.0 + 1.35 * i
        show(page, maps, (x, 0.6, 1.2, 1.2), (maps.min(), maps.max()))
        write(page, x, 2.0, name, 12)
        write(page, x, 2.3, f"alpha {alpha:g}", 11)
        write(page, x, 2.55, f"beta {beta:g}", 11)
        write(page, x, 2.8, f"{maps.min():.2f} to {maps.max():.2f}", 11)
    style(axes)
    axes.set(xticks=range(5))
    axes.set_xlabel("sum of the window", fontsize=12, color=INK)
    return page.figure


def momentum():
    """Paths on a narrow valley, and a weight that only decays."""
    page = new_page(4.2)
    axes = panel(page, 0.7, 0.5, 5.1, 3.2)
    x, y = np.meshgrid(np.linspace(-4.4, 1.6, 121), np.linspace(-1.6, 1.6, 81))
    axes.contour(x, y, (x**2 + 25 * y**2) / 2, [1, 5, 12, 22], colors=PALE, linewidths=0.8)
    scales = np.array([1.0, 25.0], "float32")
    rules = [
        ("no momentum", keras.optimizers.SGD(0.03), GREY, (-2.45, -0.22)),
        ("momentum 0.9", keras.optimizers.SGD(0.03, momentum=0.9), INK, (-2.6, 0.85)),
    ]
    for name, rule, colour, at in rules:
        w = keras.Variable(np.array([-4.0, 1.0], "float32"))
        path = _path(rule, w, lambda w: scales * w, 40)
        axes.plot(*path.T, "o-", color=colour, linewidth=1.2, markersize=3)
        axes.annotate(name, at, fontsize=12, color=colour)
    style(axes)
    axes.grid(visible=False)

    axes = panel(page, 6.5, 0.5, 3.2, 3.2)
    coupled = kc.optimizers.CoupledSGD(0.1, 0.9, 0.01)
    decoupled = keras.optimizers.SGD(0.1, momentum=0.9, weight_decay=0.01)
    for name, rule, colour, at in [
        ("decoupled (SGD)", decoupled, GREY, (85, 0.95)),
        ("coupled (CoupledSGD)", coupled, INK, (78, 0.53)),
    ]:
        path = _path(rule, keras.Variable(1.0), keras.ops.zeros_like, 200)
        axes.plot(path, color=colour, linewidth=1.8)
        axes.annotate(name, at, fontsize=12, color=colour)
    axes.set(ylim=(0, 1.05))
    style(axes)
    axes.set_xlabel("steps", fontsize=12, color=INK)
    return page.figure


def _path(optimizer, weight, gradient, steps):
    """The values of a weight before and after each step, an array `(steps + 1, ...)`."""
    path = [keras.ops.convert_to_numpy(weight.value)]
    for _ in range(steps):
        optimizer.apply([gradient(weight.value)], [weight])
        path.append(keras.ops.convert_to_numpy(weight.value))
    return np.array(path)


def normalization():
    """Where all outputs of a map change with one input, for four images and six channels."""
    x = np.random.default_rng(0).normal(size=(4, 3, 3, 6)).astype("float32")
    other = x.copy()
    other[1, 1, 1, 2] += 1
    page = new_page(3.4)
    for i, (name, layer) in enumerate(
        [
            ("batch", keras.layers.BatchNormalization()),
            ("layer", keras.layers.LayerNormalization(axis=(1, 2, 3))),
            ("group, two of three", keras.layers.GroupNormalization(2)),
        ]
    ):
        call = {"training": True} if name == "batch" else {}
        change = np.abs(np.array(layer(other, **call)) - np.array(layer(x, **call))).min((1, 2))
        left, side = 0.9 + 3.1 * i, 0.4
        show(page, change > 1e-6, (left, 0.7, 6 * side, 4 * side), (0, 2))
        for line in range(1, 6):
            page.plot([left + line * side] * 2, [0.7, 0.7 + 4 * side], color=PALE, linewidth=0.7)
        for line in range(1, 4):
            page.plot([left, left + 6 * side], [0.7 + line * side] * 2, color=PALE, linewidth=0.7)
        x0, y0 = left + 2 * side, 0.7 + side
        frame = [x0, x0 + side, x0 + side, x0, x0], [y0, y0, y0 + side, y0 + side, y0]
        page.plot(*frame, color=INK, linewidth=2)
        write(page, left, 0.4, name, 13)
        write(page, left + 3 * side, 2.55, "channels", 12, "center")
    page.text(0.6, 0.7 + 2 * 0.4, "images", fontsize=12, color=INK, rotation=90, va="center")
    says = "a square: a map; frame: one of its values is changed; grey: all its outputs change"
    write(page, 0.9, 3.05, says, 12)
    return page.figure


def attention():
    """The variance of the scores, and the largest weight, over the width of the tokens."""
    rng = np.random.default_rng(0)
    widths = 4 ** np.arange(6)
    found = []
    for d in widths:
        q, k = rng.normal(size=(2, 200, d)).astype("float32")
        scores = [q @ k.T, q @ k.T / np.sqrt(d)]
        most = [np.mean(np.max(keras.ops.softmax(s), axis=-1)) for s in scores]
        found.append([s.var() for s in scores] + most)
    found = np.array(found).T

    page = new_page(3.9)
    for i, title in enumerate(["variance of the scores", "largest weight of 200, mean"]):
        axes = panel(page, 0.8 + 5 * i, 0.6, 3.9, 2.5)
        for curve, colour, name, at in [
            (found[2 * i], INK, "q k", [(20, 130), (40, 0.85)][i]),
            (found[2 * i + 1], GREY, "q k / sqrt(d)", [(60, 1.8), (60, 0.1)][i]),
        ]:
            axes.plot(widths, curve, "o-", color=colour, linewidth=1.8, markersize=4)
            axes.annotate(name, at, fontsize=12, color=colour)
        axes.set_xscale("log", base=4)
        axes.set_xticks(widths, [str(d) for d in widths])
        if i == 0:
            axes.set_yscale("log")
            axes.set_yticks([1, 10, 100, 1000], ["1", "10", "100", "1000"])
        else:
            axes.set_ylim(0, 1)
        axes.minorticks_off()
        style(axes)
        axes.set_title(title, fontsize=12, color=INK, loc="left")
        axes.set_xlabel("d", fontsize=12, color=INK)
    return page.figure


PAGES = {
    each.__name__: each
    for each in (
        softmax,
        information,
        convolution,
        subsampling,
        momentum,
        normalization,
        attention,
    )
}

if __name__ == "__main__":
    for path in save({name: PAGES[name]() for name in sys.argv[1:] or PAGES}, FOLDER):
        Image.open(path).convert("L").save(path, optimize=True)  # they have no colours
