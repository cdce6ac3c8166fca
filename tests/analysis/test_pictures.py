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
    paths = draw(model, history, images.astype("float32"), np.arange(30) % 10, tmp_path / "new")
    names = ["codes"] if name == "lenet5" else []
    names += ["feature_maps", "kernels", "learning_curves", "mistakes"]
    assert sorted(path.stem for path in paths) == names
    for path in paths:
        picture = imread(path)
        assert picture.shape[0] > 100
        assert picture[..., :3].std() > 0.01  # something is drawn
