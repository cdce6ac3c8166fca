"""The output of LeNet-5: distances to drawn codes (LeCun et al., 1998, eq. 7, figure 3)."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from keras_classics.checks import NUMBER, TEXT, Rule, arguments, optional, several

CODE_SHAPE = (12, 7)  # rows, columns of a bitmap in figure 3

# Figure 3: the printable ASCII characters from " " to "~", in order. Two hexadecimal
# digits are a row, from the top; the highest of the seven bits is the leftmost pixel.
# The figure draws the bar over several digits and most capitals, too.
_BITMAPS = """
000000000000000000000000 0C0C0C0C0C0C0C000C0C0000 363636360000000000000000
0036367F7F367F7F36360000 3E14143E773C1E17773E1400 7353760C0C18183765670000
3C6666663C3C6766663F0000 1E0E0E0C1800000000000000 0306040C0C0C0C0C0C040603
3018080C0C0C0C0C0C081830 00086B3E1C771C3E6B080000 00000C0C3F3F0C0C00000000
0000000000001E0E0E0C1800 000000007F7F000000000000 000000000000000C1E0C0000
0003070E0C0C0C0C1C383000 3E001C3663636363361C0000 0C1C3C0C0C0C0C0C0C3F0000
3E003E6343061C30607F0000 7F03060C1E030303633E0000 3E00003333736363673F0303
3E007F60603C1E03633E0000 1E3060607E736363733E0000 7F0303060C0C181818180000
3E6363633E636363633E0000 3E676363673F0303063C0000 00000C1E0C00000C1E0C0000
00000C1E0C001E0E0E0C1800 0003060C1830180C06030000 0000003F3F00003F3F000000
0030180C0603060C18300000 3E636303060C0C000C0C0000 003E7F676F69696F703F0000
3E2263637F63636363630000 3E60607E73636363737E0000 3E00003F70606060703F0000
3F03033F67636363673F0000 7F6160607C606060617F0000 3E3F3030307E303030300000
3E00003F606C6F6D613F0000 636363637F63636363630000 1E0C0C0C0C0C0C0C0C1E0000
3E0C0C001C0C0C0C0C6C6E7E 7E6060666C78786C66630000 6060606060606060617F0000
3E0000367F6B6B6363630000 3E00007E7363636363630000 3E00003E63636363633E0000
3E00007E73636363737E6060 3E00003F67636363673F0303 7E6363637E7C666663630000
3E00003E633C1E03633E0000 7F0C0C0C0C0C0C0C0C0C0000 3E00006363636363673F0000
3E00006363636336361C0800 3E00006363636B6B7F360000 3E000063633E1C3E63630000
3E000063636363673F03633E 3E00007F060C1830607F0000 0F0C0C0C0C0C0C0C0C0C0F00
0030381C0C0C0C0C0E070300 3C0C0C0C0C0C0C0C0C0C3C00 081C36630000000000000000
000000000000000000007F00 1E1C1C0C0600000000000000 0000003E033F6363673F0000
6060607E73636363737E0000 0000003F70606060703F0000 0303033F67636363673F0000
0000003E63637F60633E0000 1E333030307E303030300000 0000003E676363673F03633E
6060607E7363636363630000 000C0C001C0C0C0C0C1E0000 000C0C001C0C0C0C0C6C6E7E
606060666C78786C66630000 1C0C0C0C0C0C0C0C0C1E0000 000000367F6B6B6363630000
0000007E7363636363630000 0000003E63636363633E0000 0000007E73636363737E6060
0000003F67636363673F0303 0000007E7360606060600000 0000003E633C1E03633E0000
303030307F303030371E0000 0000006363636363673F0000 0000006363636336361C0800
0000006363636B6B7F360000 00000063633E1C3E63630000 00000063636363673F03633E
0000007F060C1830607F0000 03060C0C061C1C060C0C0603 000C0C0C0C0C0C0C0C0C0C00
30180C0C180E0E180C0C1830 00397F4E0000000000000000
""".split()


@arguments(characters=TEXT)
def ascii_codes(characters: str = "0123456789") -> np.ndarray:
    """The stylised bitmaps of figure 3, the codes of the classes.

    Args:
        characters: Printable ASCII characters, from `" "` to `"~"`.

    Returns:
        A float32 array of shape `(len(characters), 84)`: a 7 wide, 12 high bitmap
        each, row by row from the top left, +1 for ink and -1 for paper.

    Raises:
        ValueError: If figure 3 has no bitmap of a character.

    Example:

    ```python
    from keras_classics.layers import ascii_codes

    ascii_codes("2")[0].reshape(12, 7)  # the bitmap of a 2
    ```

    Reference: LeCun, Bottou, Bengio & Haffner, Proc. IEEE 86(11), 1998, figure 3.
    """
    unknown = [c for c in characters if not " " <= c <= "~"]
    if unknown:
        raise ValueError(
            "Figure 3 draws the printable ASCII characters, from ' ' to '~'. "
            f"Received: {unknown[0]!r} in characters={characters!r}"
        )
    rows = [list(bytes.fromhex(_BITMAPS[ord(c) - ord(" ")])) for c in characters]
    bits = np.unpackbits(np.array(rows, "uint8").reshape(-1, 12, 1), axis=-1)[..., 1:]
    return 2.0 * bits.reshape(-1, 84).astype("float32") - 1.0


CODES = Rule(
    "numbers of the shape (units, features)",
    lambda x: several(several(NUMBER)).holds(x) and len({len(code) for code in x}) == 1,
)


@keras.saving.register_keras_serializable(package="keras_classics")
class RBFOutput(keras.layers.Layer):
    """Squared distances to one code for each class: the penalties of LeNet-5.

    With the inputs `x_j` and the code `w_i` of class `i`,

        y_i = sum_j (x_j - w_ij)^2

    The predicted class is that of the *smallest* output. `LeNet5` negates the outputs: Keras's
    metrics and losses expect the largest score for the predicted class.

    Args:
        units: Number of classes.
        codes: Array-like of shape `(units, features)`, or `None` for codes that are drawn
            from -1 and +1 with equal probability. Paper: `ascii_codes()`.
        trainable: Whether the codes are learned. Paper: fixed, at least at first.

    Input shape: `(batch, ..., features)`.

    Output shape: `(batch, ..., units)`, float32 or wider whatever the dtype policy:
    84 terms of a large input overflow float16.

    Example:

    ```python
    import numpy as np
    from keras_classics.layers import RBFOutput, ascii_codes

    layer = RBFOutput(10, ascii_codes())
    layer(ascii_codes("7"))  # 0 for the class 7
    ```

    Reference: LeCun, Bottou, Bengio & Haffner, "Gradient-Based Learning Applied
    to Document Recognition", Proc. IEEE 86(11), 1998, section II.B, eq. 7.
    """

    @arguments(codes=optional(CODES))
    def __init__(
        self,
        units: int,
        codes: Sequence | np.ndarray | None = None,
        trainable: bool = False,
        **kwargs,
    ):
        super().__init__(trainable=trainable, **kwargs)
        self.units = units
        self.codes = None if codes is None else np.asarray(codes).tolist()
        if codes is not None and len(codes) != units:
            raise ValueError(
                "`codes` must have the shape (units, features). "
                f"Received: units={units} and codes of shape {np.shape(codes)}"
            )
        self.input_spec = keras.layers.InputSpec(min_ndim=2)

    def build(self, input_shape):
        features = input_shape[-1]
        if self.codes is not None and len(self.codes[0]) != features:
            raise ValueError(
                f"Layer {self.name!r} compares its input with codes of {len(self.codes[0])} "
                f"elements. Received: input of shape {input_shape}"
            )
        self.code = self.add_weight(
            shape=(self.units, features), initializer=self._start, name="code"
        )

    def _start(self, shape, dtype):
        if self.codes is None:
            signs = keras.random.uniform(shape, seed=keras.random.SeedGenerator()) < 0.5
            return ops.where(signs, ops.cast(-1, dtype), ops.cast(1, dtype))
        return ops.convert_to_tensor(self.codes, dtype=dtype)

    def call(self, inputs):  # (batch, ..., features)
        wide = keras.backend.result_type(self.compute_dtype, "float32")
        differences = ops.expand_dims(ops.cast(inputs, wide), -2) - ops.cast(self.code, wide)
        return ops.sum(ops.square(differences), axis=-1)  # (batch, ..., units)

    def compute_output_spec(self, inputs):
        wide = keras.backend.result_type(self.compute_dtype, "float32")
        return keras.KerasTensor((*inputs.shape[:-1], self.units), dtype=wide)

    def get_config(self):
        return {**super().get_config(), "units": self.units, "codes": self.codes}
