"""The page computes what Keras computes, from what is drawn; it asks for nothing from outside."""

import html.parser
import re

import keras
import numpy as np
import pytest

from keras_classics import Classifier, datasets, layers, page
from keras_classics.applications import lenet5
from keras_classics.page.reading import read
from keras_classics.preprocessing import DigitInput
from tests.page.conftest import numbers

DIGITS = 100
TEN = [(name, name) for name in "0123456789"]
TOLERANCE = {"rtol": 1e-4, "atol": 1e-4}
READ = """([number, images]) => images.map(({ levels, rows, columns }) => {
  const network = networks[number];
  const { plane } = planeOf({ levels, rows, columns }, network.input);
  return [plane, ...forward(network, plane)].map(text);
})"""


def levels(count, start=0):
    """Test digits of scikit-learn in grey levels, `(count, 28, 28)`."""
    pytest.importorskip("sklearn")
    images = datasets.load("digits").splits[-1].images[start : start + count, ..., 0]
    return (255 * images).round().astype("uint8")


def as_images(arrays):
    return [
        {"levels": a.ravel().tolist(), "rows": a.shape[0], "columns": a.shape[1]} for a in arrays
    ]


def in_keras(model, images):
    """The planes of images of one size, and the outputs of all layers, by Keras."""
    x = planes = keras.ops.convert_to_numpy(model.preprocessing(images[..., None]))
    return [planes, *(keras.ops.convert_to_numpy(x := layer(x)) for layer in own(model.network))]


def own(network):
    """The layers of a network without its input."""
    return [x for x in network.layers if not isinstance(x, keras.layers.InputLayer)]


def agree(model, images, read):
    """Compares what the page made of images with what Keras makes of them."""
    names = ["plane", *(layer.name for layer in own(model.network))]
    assert {len(outputs) for outputs in read} == {len(names)}
    for k, (name, expected) in enumerate(zip(names, in_keras(model, images), strict=True)):
        found = np.stack([numbers(outputs[k]) for outputs in read])
        np.testing.assert_allclose(
            found, expected.reshape(len(expected), -1), err_msg=f"{model.name} {name}", **TOLERANCE
        )


@pytest.mark.parametrize("number", range(len(page.releases())))
def test_every_layer_of_the_releases(evaluate, written, number):
    images = levels(DIGITS)
    found = evaluate(written, READ, [number, as_images(images)])
    agree(page.releases()[number].model, images, found)


def made_up():
    """A network of the kinds of layers that the releases have not."""
    keras.utils.set_random_seed(3)
    x = image = keras.Input((20, 20, 1))
    x = keras.layers.Conv2D(3, (3, 5), strides=(2, 1), padding="same", activation="relu")(x)
    x = layers.SymmetricConv2D(4, 5, strides=2, use_bias=True, activation="tanh")(x)
    x = layers.ConstantPadding2D(((1, 0), (2, 1)), 0.5)(x)
    x = layers.MapConv2D(2, 3, [[0, 2], [1, 2, 3]], padding="same", activation="sigmoid")(x)
    x = layers.ScaledSubsampling2D((1, 2), bias_initializer="ones")(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(7)(x)
    x = layers.RBFOutput(10)(x)
    x = keras.layers.Rescaling(-0.5, 2.0)(x)
    network = keras.Model(image, x, name="made_up")
    return Classifier(network, DigitInput(14, 20, 0.25, -1.5, "mass"), TEN, name="made_up")


def in_a_row():
    """A Sequential network, whose input is none of its layers."""
    keras.utils.set_random_seed(4)
    network = keras.Sequential(
        [
            keras.Input((20, 20, 1)),
            keras.layers.Conv2D(2, 5, activation="tanh"),
            keras.layers.Flatten(),
            keras.layers.Dense(10),
        ]
    )
    return Classifier(network, DigitInput(14, 20, -1.0, 1.0, "mass"), TEN, name="in_a_row")


@pytest.mark.parametrize("make", [made_up, in_a_row])
def test_other_layers(evaluate, tmp_path, make):
    model = make()
    path = page.write(tmp_path / "page.html", [model])
    images = levels(20)
    agree(model, images, evaluate(path, READ, [0, as_images(images)]))


@pytest.mark.parametrize("centre", ["mass", "mnist", "box"])
def test_the_plane(evaluate, tmp_path, centre):
    """As of Keras's layer and of Pillow: any size, dark on light, too, even a single pixel."""
    layer = DigitInput(16, 28, -1.0, 1.0, centre)
    network = keras.Sequential(
        [keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)]
    )
    path = page.write(tmp_path / "page.html", [Classifier(network, layer, TEN)])
    rng = np.random.default_rng(0)
    images = [*levels(10), 255 - levels(1)[0], np.kron(levels(1)[0], np.ones((3, 5), "uint8"))]
    spot = np.zeros((40, 9), "uint8")
    spot[7, 3] = 200
    stripe = np.full((33, 61), 90, "uint8")
    stripe[4:31, 20:25] = rng.integers(100, 250, (27, 5))
    faint = np.zeros((30, 30), "uint8")
    faint[8:20, 10:14] = 255
    faint[3, 12] = faint[10, 27] = 51  # a fifth of the ink, no more
    images += [spot, stripe, faint, np.full((8, 8), 30, "uint8")]
    read = evaluate(
        path,
        """(images) => images.map((image) => {
          const { plane, seen } = planeOf(image, networks[0].input);
          return [text(plane), seen];
        })""",
        as_images(images),
    )
    assert [seen for _, seen in read] == [True] * (len(images) - 1) + [False]
    for image, (plane, _) in zip(images[:-1], read, strict=False):
        found = numbers(plane).reshape(28, 28, 1)
        np.testing.assert_allclose(found, layer.of_array(image[..., None]), **TOLERANCE)
        expected = keras.ops.convert_to_numpy(layer(image[None, ..., None]))[0]
        np.testing.assert_allclose(found, expected, **TOLERANCE)
    assert set(numbers(read[-1][0])) == {-1.0}


def test_a_distorted_plane(evaluate, written):
    rng = np.random.default_rng(1)
    plane = np.zeros((21, 21))
    plane[5:16, 5:16] = rng.uniform(size=(11, 11))
    changes = [
        {"right": 3, "down": -2},
        {"turn": 90},
        {"turn": 90, "right": 4},
        {"turn": 30},
        {"noise": 0.25},
        {},
    ]
    found = evaluate(
        written,
        """([plane, changes]) => changes.map((change) =>
          text(distorted(Float32Array.from(plane), 21, { ...UNCHANGED, ...change })))""",
        [plane.ravel().tolist(), changes],
    )
    moved, quarter, both, turned, noisy, same = (numbers(x).reshape(21, 21) for x in found)
    clockwise = np.rot90(plane, -1)
    np.testing.assert_allclose(moved, np.roll(plane, (-2, 3), (0, 1)), **TOLERANCE)
    np.testing.assert_allclose(quarter, clockwise, **TOLERANCE)
    np.testing.assert_allclose(both, np.roll(clockwise, 4, 1), **TOLERANCE)
    np.testing.assert_array_equal(same, plane.astype("float32"))
    from PIL import Image

    expected = Image.fromarray(plane.astype("float32")).rotate(-30, Image.Resampling.BILINEAR)
    np.testing.assert_allclose(turned, np.asarray(expected), atol=0.01)
    noise = (noisy - plane) / 0.25
    assert abs(noise.mean()) < 0.15
    assert abs(noise.std() - 1) < 0.1


EXPLAIN = """([number, image]) => {
  const network = networks[number];
  const { plane } = planeOf(image, network.input);
  const outputs = forward(network, plane);
  return stagesOf(network).slice(1).map((stage) => {
    const [maps, rows, columns] = mapsOf(stage.shape);
    let worst = 0;
    let units = 0;
    for (let map = 0; map < maps; map++) {
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          const made = explain(network, plane, outputs, stage, { map, row, column });
          const value = ["softmax", undefined].includes(stage.activation)
            ? made.sum : ACTIVATIONS[stage.activation](made.sum);
          if (stage.activation === "softmax") continue;
          worst = Math.max(worst, Math.abs(value - made.value) / (1 + Math.abs(value)));
          units += 1;
        }
      }
    }
    return [stage.name, units, worst];
  });
}"""


@pytest.mark.parametrize("number", range(len(page.releases())))
def test_what_a_unit_reads_adds_up(evaluate, written, number):
    """The parts that are shown of each unit give its value."""
    found = evaluate(written, EXPLAIN, [number, as_images(levels(1))[0]])
    network = page.releases()[number].model.network
    for name, units, worst in found:
        expected = int(np.prod(network.get_layer(name).output.shape[1:]))
        assert units in (expected, 0 if name == "predictions" else expected)
        assert worst < 1e-4


def test_the_units_of_other_layers_add_up(evaluate, tmp_path):
    path = page.write(tmp_path / "page.html", [made_up()])
    for name, _, worst in evaluate(path, EXPLAIN, [0, as_images(levels(1))[0]]):
        assert worst < 1e-4, name


def test_what_a_unit_reads(evaluate, written):
    """A unit of C3: the maps of the paper's table, and Keras's own kernels."""
    model = page.releases()[0].model
    outputs = in_keras(model, levels(1))[1:]
    names = [layer.name for layer in own(model.network)]
    found = evaluate(
        written,
        """(image) => {
          const { plane } = planeOf(image, networks[0].input);
          const outputs = forward(networks[0], plane);
          const stage = stagesOf(networks[0]).find(({ name }) => name === "C3");
          return explain(networks[0], plane, outputs, stage, { map: 7, row: 2, column: 4 });
        }""",
        as_images(levels(1))[0],
    )
    assert [each["map"] for each in found["windows"]] == lenet5.C3_CONNECTIONS[7]
    s2 = outputs[names.index("S2")][0]
    kernel = keras.ops.convert_to_numpy(model.network.get_layer("C3").kernel)
    first = sum(map(len, lenet5.C3_CONNECTIONS[:7]))
    for link, each in enumerate(found["windows"]):
        expected = s2[2:7, 4:9, each["map"]].ravel()
        np.testing.assert_allclose(each["inputs"], expected, **TOLERANCE)
        expected = kernel[..., first + link].ravel()
        np.testing.assert_allclose(each["weights"], expected, **TOLERANCE)
    value = outputs[names.index("C3")][0, 2, 4, 7]
    assert found["value"] == pytest.approx(value, abs=2e-4)


STROKES = [[(0.3, 0.25), (0.5, 0.18), (0.7, 0.3), (0.42, 0.84)], [(0.35, 0.55), (0.66, 0.52)]]


def draw(opened, strokes, moves=6):
    """Draws with the mouse, by real events of the browser."""
    opened.locator("#pad").scroll_into_view_if_needed()
    box = opened.locator("#pad").bounding_box()
    for stroke in strokes:
        points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        opened.mouse.move(*points[0])
        opened.mouse.down()
        for point in points[1:]:
            opened.mouse.move(*point, steps=moves)
        opened.mouse.up()
    settle(opened)


def settle(opened):
    """Waits until the page has shown what changed."""
    opened.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))")


def seen(opened):
    """What the page has read: the image, and the plane and all layers as text."""
    image = opened.evaluate("() => ({ ...reading.image, levels: [...reading.image.levels] })")
    read = opened.evaluate(
        "() => [reading.plane, ...reading.outputs].map((numbers) => [...numbers])"
    )
    shape = (image["rows"], image["columns"])
    return np.array(image["levels"]).reshape(shape).astype("uint8"), read


def test_a_drawn_digit(open_page, written):
    """What is drawn with the mouse is read as Keras reads the same pixels, by all networks."""
    opened = open_page(written)
    draw(opened, STROKES)
    assert opened.evaluate("state.strokes.length") == 2
    for number, shown in enumerate(page.releases()):
        opened.select_option("#choice", str(number))
        settle(opened)
        image, read = seen(opened)
        planes, *outputs = in_keras(shown.model, image[None])
        for found, expected in zip(read, [planes, *outputs], strict=True):
            np.testing.assert_allclose(found, expected[0].ravel(), **TOLERANCE)
        first, second = np.argsort(-outputs[-1][0])[:2]
        assert opened.inner_text("#answer") == str(first)
        assert f"runner-up {second}," in opened.inner_text("#runner-up")
        said = f"{shown.name} reads {first}, runner-up {second}."
        assert opened.inner_text("#status") == said
    assert opened.problems == []


def test_what_is_drawn_is_where_the_pointer_was(open_page, written):
    """The ink lies along the strokes, as Pillow draws them."""
    from PIL import Image, ImageDraw

    opened = open_page(written)
    draw(opened, STROKES)
    image, _ = seen(opened)
    drawn = Image.new("L", (896, 896))
    pen = ImageDraw.Draw(drawn)
    width = 0.08 * 896
    for stroke in STROKES:
        points = [(896 * x, 896 * y) for x, y in stroke]
        pen.line(points, 255, round(width))
        for x, y in points:
            pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), 255)
    expected = np.asarray(drawn.resize((112, 112), Image.Resampling.BOX)).astype(float)
    difference = np.abs(image - expected)
    assert difference.mean() < 1.5
    assert (difference > 128).mean() < 0.002


def test_a_finger(open_page, written):
    opened = open_page(written, has_touch=True, viewport={"width": 360, "height": 740})
    box = opened.locator("#pad").bounding_box()
    session = opened.context.new_cdp_session(opened)

    def touch(kind, *points):
        points = [
            {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"], "id": k}
            for k, (x, y) in enumerate(points)
        ]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (0.5, 0.2))
    touch("touchMove", (0.5, 0.4))
    touch("touchStart", (0.5, 0.4), (0.1, 0.1))  # a second finger draws nothing
    touch("touchMove", (0.5, 0.8), (0.1, 0.2))
    touch("touchEnd")
    settle(opened)
    (stroke,) = opened.evaluate("state.strokes")
    np.testing.assert_allclose([x for x, _ in stroke], 0.5, atol=0.01)
    assert stroke[-1][1] == pytest.approx(0.8, abs=0.01)
    assert opened.inner_text("#answer") == "1"
    assert opened.evaluate("scrollY") == 0


def test_buttons_and_sliders(open_page, written):
    opened = open_page(written)
    model = page.releases()[0].model
    digits = opened.locator("#digits-list button")
    assert digits.count() == 20
    data = datasets.load("digits").splits[-1]
    digits.nth(7).click()
    settle(opened)
    image, read = seen(opened)
    number = np.flatnonzero(data.labels == 7)[0]
    np.testing.assert_array_equal(image, (255 * data.images[number, ..., 0]).round())
    plane = np.array(read[0]).reshape(32, 32)
    opened.locator("#right").focus()
    for _ in range(3):
        opened.keyboard.press("ArrowRight")
    settle(opened)
    assert opened.locator("#right").get_attribute("aria-valuetext") == "3 px"
    moved = np.array(seen(opened)[1][0]).reshape(32, 32)
    expected = np.full((32, 32), -0.1)
    expected[:, 3:] = plane[:, :-3]
    np.testing.assert_allclose(moved, expected, atol=1e-6)
    scores = model.network(moved[None, ..., None].astype("float32"), training=False)
    expected = keras.ops.convert_to_numpy(scores)[0]
    np.testing.assert_allclose(seen(opened)[1][-1], expected, **TOLERANCE)
    opened.click("#straight")
    settle(opened)
    np.testing.assert_array_equal(seen(opened)[1][0], plane.ravel())
    draw(opened, STROKES)
    opened.click("#undo")
    settle(opened)
    assert opened.evaluate("state.strokes.length") == 1
    opened.click("#clear")
    settle(opened)
    assert opened.inner_text("#answer") == "\u2013"
    assert opened.inner_text("#status") == "There is no digit on the pad."
    assert set(seen(opened)[1][0]) == {np.float32(-0.1)}


def test_the_keyboard_alone(open_page, written):
    """From the pad through all controls to each layer; a digit is drawn, and a unit looked at."""
    opened = open_page(written)
    order = []
    for _ in range(60):
        opened.keyboard.press("Tab")
        name = opened.evaluate(
            "document.activeElement.id || document.activeElement.getAttribute('aria-label') || ''"
        )
        if not name:
            break
        order.append(re.split(r"[ ,]", name)[0])
    order = [name for k, name in enumerate(order) if name not in order[:k]]
    expected = ["pad", "clear", "undo", "choice", "test", "right", "down", "turn", "noise"]
    expected += ["straight", "Input", "C1", "S2", "C3", "S4", "C5", "F6", "RBF"]
    assert order == expected
    opened.focus("#pad")
    opened.keyboard.press(" ")
    for _ in range(14):
        opened.keyboard.press("ArrowDown")
    opened.keyboard.press(" ")
    settle(opened)
    assert opened.inner_text("#answer") == "1"
    assert "reads 1" in opened.inner_text("#status")
    opened.locator("[role=application][aria-label^=C3]").focus()
    for key in ("ArrowUp", "PageDown", "ArrowRight", "ArrowUp"):
        opened.keyboard.press(key)
    settle(opened)
    assert opened.evaluate("state.unit") == {"stage": 3, "map": 1, "row": 4, "column": 6}
    assert opened.inner_text("#unit-name").startswith("C3, map 1, row 4, column 6: ")
    assert opened.locator("#windows .window").count() == len(lenet5.C3_CONNECTIONS[1])
    crosses = opened.locator("#table td.chosen").all_inner_texts()
    assert [k for k, text in enumerate(crosses) if text] == lenet5.C3_CONNECTIONS[1]
    unread = opened.evaluate("view.stages[2].holders.map((h) => h.classList.contains('unread'))")
    assert [k for k, faded in enumerate(unread) if not faded] == lenet5.C3_CONNECTIONS[1]
    opened.keyboard.press("Escape")
    settle(opened)
    assert opened.locator("#unit").is_hidden()
    opened.locator("[role=application][aria-label^=RBF]").focus()
    opened.keyboard.press("ArrowDown")
    settle(opened)
    assert opened.inner_text("#unit-name").startswith("RBF, 1: ")


def test_the_mouse_on_a_unit(open_page, written):
    """Pointing shows a unit, a click keeps it."""
    opened = open_page(written)

    def point(stage, map, row, column):
        canvas = opened.locator("#network figure").nth(stage).locator("canvas").nth(map)
        box, side = canvas.bounding_box(), canvas.evaluate("(c) => [c.width, c.height]")
        opened.mouse.move(
            box["x"] + (column + 0.5) * box["width"] / side[0],
            box["y"] + (row + 0.5) * box["height"] / side[1],
        )
        settle(opened)
        return opened.inner_text("#unit-name")

    assert point(1, 2, 20, 3).startswith("C1, map 2, row 20, column 3: ")
    assert point(4, 15, 4, 0).startswith("S4, map 15, row 4, column 0: ")
    opened.mouse.down()
    opened.mouse.up()
    assert point(6, 0, 11, 6).startswith("S4, map 15")
    opened.keyboard.press("Escape")
    assert point(6, 0, 11, 6).startswith("F6, unit 83: ")
    assert point(5, 0, 3, 4).startswith("C5, unit 34: ")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark(open_page, written, scheme):
    """Ink is dark on light, and in the dark the reverse; text has contrast on its ground."""
    opened = open_page(written, color_scheme=scheme)
    corner, text, ground = opened.evaluate(
        """() => {
          const pixels = view.stages[0].canvases[0].getContext("2d").getImageData(0, 0, 1, 1);
          const style = getComputedStyle(document.documentElement);
          const parse = (text) => text.match(/[0-9.]+/g).map(Number);
          return [[...pixels.data.slice(0, 3)], parse(style.color), parse(style.backgroundColor)];
        }"""
    )
    assert bool(np.mean(corner) > 128) is (scheme == "light")

    def luminance(colour):
        share = np.array(colour[:3]) / 255
        linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
        return linear @ [0.2126, 0.7152, 0.0722]

    low, high = sorted([luminance(text), luminance(ground)])
    assert (high + 0.05) / (low + 0.05) > 7


@pytest.mark.parametrize("width", [360, 768, 1280, 1920])
def test_any_width(open_page, written, width):
    """Nothing is cut off at the side, and the figures stay within the page."""
    opened = open_page(written, viewport={"width": width, "height": 800})
    for number in range(len(page.releases())):
        opened.select_option("#choice", str(number))
        opened.evaluate("update({ unit: { stage: 3, map: 0, row: 1, column: 1 }, pinned: true })")
        settle(opened)
        assert opened.evaluate("document.documentElement.scrollWidth") <= width
        room = opened.locator("#network").bounding_box()
        for figure in opened.locator("#network figure").all():
            box = figure.bounding_box()
            assert box["x"] + box["width"] <= room["x"] + room["width"] + 1
    assert opened.problems == []


def test_nothing_is_asked_for(open_page, written):
    """The file alone is read, from a disk and from a server."""
    opened = open_page(written)
    draw(opened, STROKES)
    assert opened.requests == [written.as_uri()]


class Addresses(html.parser.HTMLParser):
    """The addresses that a page names, its controls, and what labels them."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.controls, self.labelled, self.program = [], [], set(), []
        self.inside = None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.inside = tag
        self.addresses += [v for k, v in attributes if k in ("src", "href", "action", "data")]
        if tag == "label":
            self.labelled.add(given["for"])
        if tag in ("input", "select") or "tabindex" in given:
            self.controls.append(given)
        assert tag not in ("iframe", "img", "object", "embed", "form", "audio", "video", "base")

    def handle_data(self, data):
        if self.inside in ("script", "style"):
            self.program.append(data)


def test_the_file_names_no_address(written):
    """Also where there is no browser: neither HTML, nor style, nor program."""
    text = written.read_text("utf-8")
    found = Addresses(text)
    assert found.addresses == ["data:,"]
    program = "".join(found.program)
    for word in ("http:", "https:", "//cdn", "url(", "@import", "fetch(", "XMLHttp", "WebSocket"):
        assert word not in program
    assert not re.search(r"\b(import|importScripts|EventSource|sendBeacon|Worker)\s*\(", program)
    assert "default-src 'none'" in text
    for control in found.controls:
        assert control["id"] in found.labelled or control.get("aria-label")


def test_its_size(written):
    assert written.stat().st_size <= 600_000


def test_read_says_what_is_shown():
    network = lenet5.LeNet5()
    shown = [layer["name"] for layer in read(network) if layer["shown"]]
    assert shown == ["C1", "S2", "C3", "S4", "C5", "F6", "RBF"]
    one = next(each.model for each in page.releases() if each.name.startswith("lecun"))
    shown = [layer["name"] for layer in read(one.network) if layer["shown"]]
    assert shown == ["H1", "H2", "H3", "output"]
