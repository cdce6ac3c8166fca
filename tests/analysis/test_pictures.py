import numpy as np
import pytest

from keras_classics import applications
from keras_classics.analysis import draw

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
    paths = draw(model, history, tmp_path)
    assert sorted(path.stem for path in paths) == ["kernels", "learning_curves"]
    colours = imread(tmp_path / "kernels.png")[..., :3].reshape(-1, 3)
    assert np.isclose(colours, (1, 0.5, 0.5), atol=0.01).all(axis=1).sum() > 1000
    assert np.isclose(colours, (0.5, 0.5, 0.5), atol=0.01).all(axis=1).sum() > 90_000
