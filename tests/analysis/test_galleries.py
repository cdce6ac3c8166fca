"""Images beside each other, found by loops over single images; the looks are for the eye."""

import keras
import numpy as np
import pytest

import keras_classics as kc
from keras_classics import analysis
from tests import small

pytest.importorskip("matplotlib", reason="needs matplotlib: the extra 'plots'")
rng = np.random.default_rng(0)


@pytest.fixture(scope="module")
def images():
    return rng.normal(size=(12, 32, 32, 3)).astype("float32")


@pytest.fixture(scope="module")
def model():
    return kc.applications.ResNetCIFAR(8)


def vectors(model, layer, images):
    part = keras.Model(model.input, model.get_layer(layer).output)
    return [np.ravel(keras.ops.convert_to_numpy(part(image[None]))) for image in images]


@pytest.mark.parametrize("layer", [None, "conv2_x"])
def test_nearest_images(model, images, layer):
    found, distances = analysis.nearest_images(model, images[3:], images[:3], layer, 4, 5)
    assert found.shape == distances.shape == (3, 4)
    name = layer or model.layers[-2].name
    near, sought = (vectors(model, name, x) for x in (images[3:], images[:3]))
    for one, numbers, far in zip(sought, found, distances, strict=True):
        expected = [np.sqrt(sum((a - one) ** 2)) for a in near]
        assert list(numbers) == sorted(range(9), key=expected.__getitem__)[:4]
        np.testing.assert_allclose(far, sorted(expected)[:4], rtol=1e-4)
    assert len({tuple(row) for row in found}) > 1


def test_an_image_is_nearest_to_itself(model, images):
    found, distances = analysis.nearest_images(model, images, images[[4, 2]], count=1)
    assert found.tolist() == [[4], [2]]
    np.testing.assert_allclose(distances, 0, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "shape", "layer"),
    [
        ("alexnet", (127, 127, 3), "fc7"),
        ("lenet5", (32, 32, 1), "F6"),
        ("resnet20_cifar", (32, 32, 3), "avg_pool"),
        ("vgg11", (32, 32, 3), "fc7"),
    ],
)
def test_what_the_layer_of_the_classes_reads(monkeypatch, name, shape, layer):
    small.patch(monkeypatch)
    model = kc.build(name, input_shape=shape)
    x = rng.normal(size=(4, *shape)).astype("float32")
    found = analysis.nearest_images(model, x, x[:1])
    expected = analysis.nearest_images(model, x, x[:1], layer)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-4, atol=1e-5)


def test_strongest_images(model, images):
    found, values = analysis.strongest_images(model, images, "conv2_x", 5, count=3, batch_size=5)
    expected = [v.reshape(-1, 16)[:, 5].max() for v in vectors(model, "conv2_x", images)]
    assert found.tolist() == sorted(range(12), key=lambda k: -expected[k])[:3]
    np.testing.assert_allclose(values, sorted(expected)[::-1][:3], rtol=1e-4)
    with pytest.raises(ValueError, match="below the 16 units or maps of conv2_x. Rec.* unit=16"):
        analysis.strongest_images(model, images, "conv2_x", 16)


def test_a_classifier_takes_photographs(model):
    layer = kc.preprocessing.ClassifierInput(32, 32, mean=100.0, std=40.0)
    names = [(str(k), str(k)) for k in range(10)]
    classifier = kc.Classifier(model, layer, names)
    photographs = rng.integers(0, 256, (6, 40, 50, 3), "uint8")
    found = analysis.nearest_images(classifier, photographs, photographs[:2])
    expected = analysis.nearest_images(model, *2 * [classifier.prepare(photographs)])
    np.testing.assert_array_equal(found[0], expected[0][:2])


def test_a_model_within_needs_a_name(model, images):
    image = keras.Input((32, 32, 3))
    around = keras.Model(image, model(image))
    with pytest.raises(ValueError, match="within a model within the model: give the name"):
        analysis.nearest_images(around, images, images)


def test_guesses():
    pytest.importorskip("matplotlib")
    scores = np.array([[0.1, 0.6, 0.3], [0.5, 0.2, 0.3]])
    images = [np.zeros((8, 16, 3)), np.zeros((16, 8, 1))]
    figure = analysis.guesses(images, scores, ["cat", "dog", "cow"], [1, 2], count=2)
    page = figure.axes[0]
    assert [text.get_text() for text in page.texts] == [
        *("dog", "dog", "cow"),
        *("cow", "cat", "cow"),
    ]
    widths = [bar.get_width() for bar in page.patches]
    np.testing.assert_allclose(np.array(widths) / widths[0], [1, 0.5, 5 / 6, 0.5])
    colours = [bar.get_facecolor() for bar in page.patches]
    assert colours[0] == colours[3] != colours[1] == colours[2]
    (left, *_), *_ = (patch.get_xy() for patch in page.patches)
    shapes = [picture.get_extent() for picture in page.images]
    assert [round((r - x) / (b - y), 3) for x, r, b, y in shapes] == [2.0, 0.5]
    assert left == shapes[0][0]
    below = analysis.guesses(images[:1], np.array([[-9.0, -1.0, -5.0]]))
    widths = [bar.get_width() for bar in below.axes[0].patches]
    np.testing.assert_allclose(np.array(widths) / widths[0], [1, 0.5, 0], atol=1e-9)
    for scores_, names in ((scores[:1], None), (scores, ["cat"])):
        with pytest.raises(ValueError, match="a score for each class"):
            analysis.guesses(images, scores_, names)


def test_a_gallery():
    rows = [rng.uniform(size=(3, 8, 8, 3)), rng.uniform(size=(2, 10, 5, 1))]
    figure = analysis.gallery(rows, ["one", "two"], "title")
    shown = [np.asarray(image.get_array()) for image in figure.axes[0].images]
    assert [each.shape for each in shown] == [(8, 8, 3)] * 3 + [(10, 5, 3)] * 2
    assert {"one", "two", "title"} <= {text.get_text() for text in figure.axes[0].texts}
    with pytest.raises(ValueError, match="as many as rows. Received: 1 for 2 rows"):
        analysis.gallery(rows, ["one"])


def test_confusions():
    matrix = np.array([[7, 2, 1], [0, 4, 1], [0, 0, 0]])
    figure = analysis.confusions(matrix, ["cat", "dog", "cow"], "of a test")
    axes = figure.axes[1]
    (image,) = axes.images
    np.testing.assert_allclose(np.asarray(image.get_array()), [[0, 20, 10], [0, 0, 20], [0, 0, 0]])
    texts = {(*t.get_position(), t.get_text()) for t in axes.texts}
    assert texts == {(0, 0, "7"), (1, 0, "2"), (2, 0, "1"), (1, 1, "4"), (2, 1, "1")}
    assert [label.get_text() for label in axes.get_yticklabels()] == ["cat", "dog", "cow"]
    assert not analysis.confusions(np.eye(30)).axes[1].texts
    with pytest.raises(ValueError, match=r"Received: shape \(3, 3\) for 2 classes"):
        analysis.confusions(matrix, ["cat", "dog"])


def test_principal_features_are_scikit_learns(model, images):
    decomposition = pytest.importorskip("sklearn.decomposition")
    values = np.stack(vectors(model, "conv2_x", images))
    pca = decomposition.PCA(3).fit(values.astype("float64"))
    expected = pca.transform(values.astype("float64"))
    points, shares = analysis.principal_features(model, images, "conv2_x", 3)
    np.testing.assert_allclose(abs(points), abs(expected), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(shares, pca.explained_variance_ratio_, rtol=1e-4)


def test_a_plane():
    points = rng.normal(size=(9, 2)) + 5 * (np.arange(9) % 3)[:, None]
    axes = analysis.feature_plane(points, np.arange(9) % 3, ["a", "b", "c"]).axes[1]
    for k, (line, text) in enumerate(zip(axes.lines, axes.texts, strict=True)):
        np.testing.assert_array_equal(line.get_xydata(), points[k::3])
        assert text.get_text() == "abc"[k]
        np.testing.assert_allclose(text.get_position(), points[k::3].mean(axis=0))
    with pytest.raises(ValueError, match=r"Received: shapes \(9, 2\) and \(8,\)"):
        analysis.feature_plane(points, np.arange(8))
