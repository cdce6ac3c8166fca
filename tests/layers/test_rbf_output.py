import keras
import numpy as np
import pytest
from keras import ops

from keras_classics.layers import RBFOutput, ascii_codes

# Digits of figure 3, pixel by pixel.
FOUR = """
.#####.
.......
.......
.##..##
.##..##
###..##
##...##
##...##
##..###
.######
.....##
.....##
"""
SEVEN = """
#######
.....##
.....##
....##.
...##..
...##..
..##...
..##...
..##...
..##...
.......
.......
"""
ONE = """
...##..
..###..
.####..
...##..
...##..
...##..
...##..
...##..
...##..
.######
.......
.......
"""
# Every digit and some letters and signs, two hexadecimal digits a row, the leftmost pixel high.
ROWS = {
    "0": "3E001C3663636363361C0000",
    "1": "0C1C3C0C0C0C0C0C0C3F0000",
    "2": "3E003E6343061C30607F0000",
    "3": "7F03060C1E030303633E0000",
    "4": "3E00003333736363673F0303",
    "5": "3E007F60603C1E03633E0000",
    "6": "1E3060607E736363733E0000",
    "7": "7F0303060C0C181818180000",
    "8": "3E6363633E636363633E0000",
    "9": "3E676363673F0303063C0000",
    "A": "3E2263637F63636363630000",
    "O": "3E00003E63636363633E0000",
    "Q": "3E00003F67636363673F0303",
    "Z": "3E00007F060C1830607F0000",
    "a": "0000003E033F6363673F0000",
    "o": "0000003E63636363633E0000",
    "y": "00000063636363673F03633E",
    " ": "000000000000000000000000",
    "#": "0036367F7F367F7F36360000",
    "@": "003E7F676F69696F703F0000",
    "~": "00397F4E0000000000000000",
}
INK = [35, 27, 33, 32, 41, 35, 39, 25, 43, 39]
DISTANCES = [
    [0, 168, 120, 116, 72, 120, 88, 160, 104, 112],
    [168, 0, 120, 140, 200, 128, 176, 112, 200, 168],
    [120, 120, 0, 132, 136, 80, 144, 128, 136, 128],
    [116, 140, 132, 0, 116, 116, 100, 108, 84, 116],
    [72, 200, 136, 116, 0, 136, 80, 200, 80, 120],
    [120, 128, 80, 116, 136, 0, 104, 136, 112, 96],
    [88, 176, 144, 100, 80, 104, 0, 184, 48, 104],
    [160, 112, 128, 108, 200, 136, 184, 0, 160, 136],
    [104, 200, 136, 84, 80, 112, 48, 160, 0, 72],
    [112, 168, 128, 116, 120, 96, 104, 136, 72, 0],
]


@pytest.mark.parametrize(
    ("digit", "drawing"), [("1", ONE), ("4", FOUR), ("7", SEVEN)], ids=["1", "4", "7"]
)
def test_codes_as_drawn(digit, drawing):
    expected = [1 if pixel == "#" else -1 for pixel in "".join(drawing.split())]
    code = ascii_codes()[int(digit)]
    assert code.dtype == np.float32
    np.testing.assert_array_equal(code, expected)


@pytest.mark.parametrize("character", ROWS)
def test_codes_by_their_rows(character):
    (code,) = ascii_codes(character)
    pixels = code.reshape(12, 7)
    for row in range(12):
        byte = int(ROWS[character][2 * row : 2 * row + 2], 16)
        for column in range(7):
            assert pixels[row, column] == (1 if byte >> (6 - column) & 1 else -1)


def test_ink_and_distances_of_the_digits():
    codes = ascii_codes()
    assert codes.shape == (10, 84)
    assert [int((code > 0).sum()) for code in codes] == INK
    for i in range(10):
        for k in range(10):
            assert ((codes[i] - codes[k]) ** 2).sum() == DISTANCES[i][k]


def test_codes_of_the_full_set():
    """No two of the 95 characters share a code, and they come in the order asked for."""
    characters = "".join(chr(c) for c in range(ord(" "), ord("~") + 1))
    codes = ascii_codes(characters)
    assert codes.shape == (95, 84)
    assert len(np.unique(codes, axis=0)) == 95
    np.testing.assert_array_equal(ascii_codes("z3"), codes[[ord("z") - 32, ord("3") - 32]])


@pytest.mark.parametrize("characters", ["0é", "\n", "12\x7f"])
def test_unknown_character(characters):
    with pytest.raises(ValueError, match=r"printable ASCII characters.*Received: '"):
        ascii_codes(characters)


def by_hand(x, codes):
    y = np.zeros((len(x), len(codes)))
    for p in range(len(x)):
        for i in range(len(codes)):
            for j in range(x.shape[1]):
                y[p, i] += (x[p, j] - codes[i][j]) ** 2
    return y


def test_values():
    x = np.random.default_rng(0).normal(size=(3, 5)).astype("float32")
    codes = np.random.default_rng(1).normal(size=(4, 5))
    y = ops.convert_to_numpy(RBFOutput(4, codes)(x))
    np.testing.assert_allclose(y, by_hand(x, codes), rtol=1e-5)


def test_zero_at_the_code():
    codes = ascii_codes()
    y = ops.convert_to_numpy(RBFOutput(10, codes)(codes))
    np.testing.assert_allclose(y, DISTANCES, rtol=1e-6)


@pytest.mark.parametrize("trainable", [False, True])
def test_weights(trainable):
    layer = RBFOutput(10, ascii_codes(), trainable=trainable)
    layer.build((None, 84))
    assert layer.count_params() == 840
    assert len(layer.trainable_weights) == int(trainable)


def test_drawn_codes():
    layer = RBFOutput(40, name="a")
    layer.build((None, 50))
    codes = ops.convert_to_numpy(layer.code)
    assert set(np.unique(codes)) == {-1, 1}
    assert abs(codes.mean()) < 0.1
    assert len(np.unique(codes, axis=0)) == 40
    other = RBFOutput(40)
    other.build((None, 50))
    assert (codes != ops.convert_to_numpy(other.code)).any()


def test_drawn_codes_survive_saving(tmp_path):
    model = keras.Sequential([keras.Input((6,)), RBFOutput(4)])
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])


def test_gradients_reach_every_code_and_vanish_at_the_centre(gradients):
    codes = np.random.default_rng(1).normal(size=(3, 4)).astype("float32")
    layer = RBFOutput(3, codes, trainable=True)
    layer.build((None, 4))
    for g in gradients(layer, np.zeros((2, 4), "float32")):
        assert np.isfinite(g).all()
        assert (g != 0).all()
    alone = RBFOutput(1, codes[:1], trainable=True)
    alone.build((None, 4))
    for g in gradients(alone, codes[:1]):
        np.testing.assert_array_equal(g, np.zeros((1, 4)))


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="Keras promotes to float64 with TensorFlow only",
)
def test_float64_stays_wide():
    y = RBFOutput(2, np.eye(2), dtype="float64")(np.ones((1, 2)))
    assert keras.backend.standardize_dtype(y.dtype) == "float64"


@pytest.mark.parametrize(
    ("units", "codes"), [(3, np.ones((2, 5))), (2, np.ones((2, 5, 1))), (2, np.ones(2))]
)
def test_codes_of_a_wrong_shape(units, codes):
    with pytest.raises(ValueError, match=r"shape \(units, features\). Received: "):
        RBFOutput(units, codes)


def test_an_input_of_another_size():
    layer = RBFOutput(10, ascii_codes(), name="RBF")
    with pytest.raises(ValueError, match=r"'RBF' compares its input with codes of 84.*\(2, 80\)"):
        layer(np.ones((2, 80), "float32"))


def test_needs_vectors():
    with pytest.raises(ValueError, match="expected min_ndim=2, found ndim=1"):
        RBFOutput(10)(np.ones(84, "float32"))


def test_vectors_at_several_places():
    """As many penalties at each, of the shape that the layer tells."""
    layer, x = RBFOutput(3, np.eye(3, 4)), np.random.default_rng(0).normal(size=(2, 5, 6, 4))
    found = keras.ops.convert_to_numpy(layer(x.astype("float32")))
    assert layer.compute_output_spec(keras.KerasTensor((2, 5, 6, 4))).shape == found.shape
    for place in np.ndindex(2, 5, 6):
        expected = [((x[place] - code) ** 2).sum() for code in np.eye(3, 4)]
        np.testing.assert_allclose(found[place], expected, rtol=1e-4)
