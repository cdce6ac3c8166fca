"""Layers whose parts were quantized, saved and copied."""

import keras
import numpy as np
import pytest

from keras_classics import Classifier, applications, fuse
from keras_classics.applications import ViT
from keras_classics.layers import MultiHeadSelfAttention, TransformerEncoderBlock
from keras_classics.preprocessing import ClassifierInput

pytestmark = pytest.mark.usefixtures("quick_to_quantize")
numpy = keras.ops.convert_to_numpy
rng = np.random.default_rng(0)
TOKENS = rng.normal(size=(2, 5, 8)).astype("float32")
CONFIGS = {
    "int8": lambda: keras.quantizers.Int8QuantizationConfig(),
    "int8 weights": lambda: keras.quantizers.Int8QuantizationConfig(activation_quantizer=None),
    "int4": lambda: keras.quantizers.Int4QuantizationConfig(),
    "int4 blocks": lambda: keras.quantizers.Int4QuantizationConfig(block_size=4),
    "float8": lambda: keras.quantizers.Float8QuantizationConfig(),
}
LAYERS = {
    "attention": lambda: MultiHeadSelfAttention(2),
    "block": lambda: TransformerEncoderBlock(2, 16),
}


def network(layer):
    tokens = keras.Input((5, 8))
    model = keras.Model(tokens, layer(tokens))
    for weight in model.weights:
        weight.assign(rng.normal(0, 0.3, weight.shape))
    return model


@pytest.mark.parametrize("how", CONFIGS)
@pytest.mark.parametrize("layer", LAYERS)
def test_a_quantized_layer_is_saved(layer, how, tmp_path):
    model = network(LAYERS[layer]())
    exact = numpy(model(TOKENS))
    model.quantize(config=CONFIGS[how]())
    expected = numpy(model(TOKENS))
    assert np.abs(expected - exact).max() > 1e-4
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(numpy(again(TOKENS)), expected)
    again.save(tmp_path / "again.keras")  # and once more
    once_more = keras.models.load_model(tmp_path / "again.keras")
    np.testing.assert_array_equal(numpy(once_more(TOKENS)), expected)


def test_one_part_alone(tmp_path):
    """The others keep the precision of the whole."""
    model = network(TransformerEncoderBlock(2, 16, dtype="mixed_bfloat16"))
    model.quantize("int8", filters="mlp1")
    model.save(tmp_path / "model.keras")
    block = keras.models.load_model(tmp_path / "model.keras").layers[-1]
    parts = (block.mlp1, block.mlp2, block.attention.qkv, block.norm1)
    assert [part.quantization_mode for part in parts] == ["int8", None, None, None]
    assert {part.compute_dtype for part in parts} == {"bfloat16"}
    assert block.get_config()["parts"].keys() == {"mlp1"}


def test_a_network_is_saved_copied_and_part_of_a_classifier(tmp_path, monkeypatch):
    monkeypatch.setitem(applications.vit.SIZES, "Mini", (24, 2, 40, 3))
    vit = ViT("Mini/8", input_shape=(16, 16, 3), classes=3)
    for weight in vit.weights:
        weight.assign(rng.normal(0, 0.1, weight.shape))
    model = Classifier(vit, ClassifierInput(16, 16, 127.5, 127.5), [(c, c) for c in "abc"])
    model.quantize("int8")
    images = rng.integers(0, 256, (2, 20, 30, 3), dtype="uint8")
    expected = numpy(model(images))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(numpy(again(images)), expected)
    pixels = rng.normal(size=(2, 16, 16, 3))
    np.testing.assert_allclose(numpy(fuse(vit)(pixels)), numpy(vit(pixels)), rtol=1e-5)


def test_other_configs_say_nothing_of_parts():
    block = TransformerEncoderBlock(2, 16)
    before = block.get_config()
    network(block)
    assert block.get_config() == before
    assert "parts" not in before
