"""What the tests of analysis share: all networks' numbers, and a small Transformer."""

import json
import os
import subprocess
import sys

import keras
import pytest
from keras import layers

from keras_classics.layers import (
    ClassToken,
    PatchEmbedding,
    PositionEmbedding,
    TransformerEncoderBlock,
)

CODE = """
import json, sys
sys.orig_argv[:] = ["python", "-m", "keras_classics"]  # rooms are imported when they are used
from keras_classics.analysis import shapes_only
shapes_only.prepare()
import keras
from keras_classics import analysis
reports = {name: analysis.report(name) for name in sys.argv[1:]}
loaded = [name for name, module in sys.modules.items() if module]
print(json.dumps([keras.backend.backend(), loaded, reports]))
"""


@pytest.fixture(scope="session")
def light():
    """A function from names to the backend, the modules and the reports of a light process."""

    def run(*names):
        path = os.pathsep.join(filter(None, [os.getcwd(), os.environ.get("PYTHONPATH")]))
        done = subprocess.run(
            [sys.executable, "-c", CODE, *names],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.fixture(scope="session")
def light_reports(light):
    """The same for all networks but the one of 1202 layers."""
    from keras_classics import names

    return light(*(name for name in names.NETWORKS if name != "resnet1202_cifar"))


@pytest.fixture
def transformer():
    """A function to a Transformer like the ViT, but of two blocks, after a convolution or not."""

    def build(shape, class_token=True, convolution=False, patch=4):
        x = image = keras.Input(shape)
        if convolution:
            x = layers.Conv2D(6, patch, patch, data_format="channels_last", name="stem")(x)
        x = PatchEmbedding(16, 1 if convolution else patch, name="patch_embedding")(x)
        if class_token:
            x = ClassToken(name="class_token")(x)
        x = PositionEmbedding(name="position_embedding")(x)
        for i in (1, 2):
            x = TransformerEncoderBlock(4, 24, name=f"encoder_block_{i}")(x)
        x = x[:, 0] if class_token else layers.GlobalAveragePooling1D()(x)
        return keras.Model(image, layers.Dense(5, activation="softmax")(x))

    return build
