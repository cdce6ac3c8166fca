import keras
import numpy as np
import pytest

from keras_classics import applications
from keras_classics.analysis import draw, layer_responses, pictures

pytest.importorskip("matplotlib", reason="needs matplotlib: the extra 'plots'")

MODELS = {
    "lenet5": lambda: applications.LeNet5(),
    "lenet5-softmax": lambda: applications.LeNet5(head="softmax"),
    "lenet1": lambda: applications.LeNet1(),
    "lecun1989": lambda: applications.LeCun1989(),
}


@pytest.mark.parametrize("name", MODELS)
def test_draws_what_applies(name, tmp_path):
    from matplotlib.image import imread

    model = MODELS[name]()
    images = np.random.default_rng(0).uniform(-0.1, 1.2, (30, *model.input_shape[1:]))
    history = {
        "epoch": [0, 1],
        "sparse_categorical_accuracy": [0.5, 0.9],
        "val_sparse_categorical_accuracy": [0.4, 0.8],
    }
    paths = draw(model, history, tmp_path / "new", images.astype("float32"), np.arange(30) % 10)
    names = ["codes"] if name == "lenet5" else []
    names += ["feature_maps", "kernels", "learning_curves", "mistakes"]
    assert sorted(path.stem for path in paths) == names
    for path in paths:
        picture = imread(path)
        assert picture.shape[0] > 100
        assert picture[..., :3].std() > 0.01  # something is drawn


def test_kernels_of_colour_images(tmp_path):
    """As figure 3 of the 2012 paper: each kernel is one picture in colour."""
    from matplotlib.image import imread

    model = applications.AlexNet(input_shape=(64, 64, 3), classes=2)
    kernel = np.zeros(model.get_layer("conv1").kernel.shape, "float32")
    kernel[..., 0, 0] = 1  # reads red
    model.get_layer("conv1").kernel.assign(kernel)
    history = {"predictions_accuracy": [0.5], "val_predictions_accuracy": [0.4]}
    images = np.zeros((3, 64, 64, 3), "float32")  # no reason to draw as of a LeNet
    paths = draw(model, history, tmp_path, images, np.zeros(3))
    assert sorted(path.stem for path in paths) == ["kernels", "learning_curves"]
    colours = imread(tmp_path / "kernels.png")[..., :3].reshape(-1, 3)
    assert np.isclose(colours, (1, 0.5, 0.5), atol=0.01).all(axis=1).sum() > 1000
    assert np.isclose(colours, (0.5, 0.5, 0.5), atol=0.01).all(axis=1).sum() > 90_000


def test_layer_responses(tmp_path):
    """Figure 7 of the 2016 paper: after normalization, before the addition and the ReLU."""
    rng = np.random.default_rng(0)
    models = {"residual": applications.ResNetCIFAR(8), "plain": applications.PlainNetCIFAR(8)}
    images = rng.normal(3, 2, (150, 32, 32, 3)).astype("float32")
    expected = {}
    for label, model in models.items():
        for weight in model.weights:
            if weight.name in ("gamma", "beta"):  # no two channels, and no two layers, alike
                weight.assign(rng.uniform(0.2, 3) * rng.normal(1, 0.5, weight.shape))
        names = [x.name for x in model.layers if x.name.endswith("_bn")]
        maps = keras.Model(model.input, [model.get_layer(name).output for name in names])
        expected[label] = [x.std() for x in maps.predict(images, verbose=0)]
    assert {label: len(each) for label, each in expected.items()} == {"residual": 7, "plain": 7}

    _, *panels = layer_responses(models, images).axes
    labels = ["plain", "plain", "residual", "residual"]
    assert [line.get_label() for axes in panels for line in axes.lines] == labels
    for axes, order in zip(panels, [list, lambda x: sorted(x, reverse=True)] * 2, strict=True):
        (line,) = axes.lines
        np.testing.assert_allclose(line.get_ydata(), order(expected[line.get_label()]), rtol=1e-3)
    assert len({axes.get_ylim() for axes in panels}) == 1  # one scale
    _, *panels = layer_responses({"a": models["plain"], "b": models["plain"]}, images).axes
    assert [len(axes.lines) for axes in panels] == [2, 2]

    history = {"accuracy": [0.5], "val_accuracy": [0.4]}
    paths = draw(models["residual"], history, tmp_path, images, np.zeros(150))
    assert [path.stem for path in paths] == ["learning_curves", "kernels", "layer_responses"]
    with pytest.raises(ValueError, match="after convolutions of 3x3. Received: 'lenet1' with the"):
        layer_responses({"lenet": applications.LeNet1()}, images)


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


@pytest.mark.parametrize("held", ["validation", "test"])
def test_learning_curves_name_what_is_held_out(held):
    history = {"accuracy": [0.5, 0.75], "val_accuracy": [0.25, 0.5]}
    figure = pictures.learning_curves(history, held)
    assert texts(figure) == ["training 25.00%", f"{held} 50.00%"]
    assert figure.axes[1].get_xlabel() == "epochs"
    with pytest.raises(ValueError, match="one epoch or more"):
        pictures.learning_curves({"accuracy": []})


def test_mistakes_have_the_names_of_classes():
    scores = np.eye(3)[[0, 1, 1, 2]]
    figure = pictures.mistakes(np.zeros((4, 8, 8, 1)), [0, 1, 2, 0], scores)
    assert texts(figure) == ["2 of 4 misread", "2->1", "0->2"]
    classes = ["ankle boot", "sneaker", "shirt"]
    figure = pictures.mistakes(np.zeros((4, 8, 8, 1)), [0, 1, 2, 0], scores, classes=classes)
    assert texts(figure) == ["2 of 4 misread", "shirt->sneaker", "ankle boot->shirt"]


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.convolution = keras.layers.Conv2D(2, 3, data_format="channels_last", name="C1")

    def call(self, inputs):
        return self.convolution(inputs)


def test_networks_of_ones_own(tmp_path):
    """Only what can be drawn of them is drawn."""
    history = {"accuracy": [0.5], "val_accuracy": [0.4]}
    dense = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)], name="dense")
    paths = draw(dense, history, tmp_path, np.zeros((3, 4)), np.zeros(3))
    assert [path.stem for path in paths] == ["learning_curves"]
    with pytest.raises(ValueError, match="must have a convolution. Received: 'dense'"):
        pictures.kernels(dense)
    model = Subclassed()
    images = np.zeros((3, 8, 8, 1), "float32")
    model(images)
    paths = draw(model, history, tmp_path, images, np.zeros(3))
    assert [path.stem for path in paths] == ["learning_curves", "kernels"]
