"""Patches that a network is to predict (Dosovitskiy et al., 2021, appendix B.1.2)."""

import keras
from keras import ops

from keras_classics.checks import SHARE, arguments


@keras.saving.register_keras_serializable(package="keras_classics")
class PatchCorruption(keras.layers.Layer):
    """Corrupts some of the patch embeddings, in training only, each by a draw of its own.

    With the probability `rate` a patch is corrupted. A corrupted one becomes

        a learned embedding [mask]      with the probability mask_share,
        another patch of the image      with the probability random_share,
        what it was                     otherwise.

    The paper is silent on which other patch, and on how [mask] starts: here any of the same
    image, each equally likely, and at 0, as the class token.

    Args:
        rate: Share of the patches that are corrupted. Paper: 0.5; 0.15, as in BERT, was slightly
            worse.
        mask_share: Share of those that are replaced by [mask]. Paper: 0.8.
        random_share: Share of those that are replaced by another patch. Paper: 0.1.
        seed: Seed of the draws.

    Input and output shape: `(batch, N, D)`, with two patches at least.

    Call arguments:
        inputs: The embeddings of the patches.
        always: Whether to corrupt patches outside of training, too.
        return_corrupted: Whether to return `(outputs, corrupted)`, with a boolean
            `(batch, N)` of the patches that are corrupted.

    Example:

    ```python
    import numpy as np
    from keras_classics.layers import PatchCorruption

    patches = np.random.default_rng(0).normal(size=(2, 16, 64)).astype("float32")
    layer = PatchCorruption(seed=0)
    outputs, corrupted = layer(patches, training=True, return_corrupted=True)
    outputs.shape, corrupted.shape  # (2, 16, 64), (2, 16)
    ```

    Reference: Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021, appendix B.1.2,
    after Devlin et al., "BERT", NAACL 2019, section 3.1.
    """

    @arguments(rate=SHARE, mask_share=SHARE, random_share=SHARE)
    def __init__(
        self,
        rate: float = 0.5,
        mask_share: float = 0.8,
        random_share: float = 0.1,
        seed: int | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if mask_share + random_share > 1:
            raise ValueError(
                "`mask_share` and `random_share` must be at most 1 together. "
                f"Received: mask_share={mask_share}, random_share={random_share}"
            )
        self.rate = rate
        self.mask_share = mask_share
        self.random_share = random_share
        self.seed = seed
        self._seeds = keras.random.SeedGenerator(seed)
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def build(self, input_shape):
        if input_shape[1] == 1:
            raise ValueError(
                "There must be two patches at least, one to take the other's place. "
                f"Received: input_shape={tuple(input_shape)}"
            )
        self.mask = self.add_weight((input_shape[-1],), "zeros", name="mask")

    def call(self, inputs, training=False, always=False, return_corrupted=False):  # (batch, N, D)
        tokens = ops.cast(inputs, self.compute_dtype)
        batch, n, _ = ops.shape(tokens)
        if training or always:
            # One number decides for a patch: the smallest numbers are those of [mask].
            at = keras.random.uniform((batch, n), dtype="float32", seed=self._seeds)
            further = keras.random.randint((batch, n), 1, n, seed=self._seeds)
            other = (ops.arange(n, dtype="int32") + further) % n  # never itself
            others = ops.take_along_axis(tokens, other[..., None], axis=1)
            masked = at < self.rate * self.mask_share
            replaced = at < self.rate * (self.mask_share + self.random_share)
            tokens = ops.where(replaced[..., None], others, tokens)
            tokens = ops.where(masked[..., None], ops.cast(self.mask, tokens.dtype), tokens)
            corrupted = at < self.rate
        else:
            corrupted = ops.zeros((batch, n), "bool")
        return (tokens, corrupted) if return_corrupted else tokens

    def compute_output_spec(self, inputs, *args, return_corrupted=False, **kwargs):
        tokens = keras.KerasTensor(inputs.shape, self.compute_dtype)
        return (tokens, keras.KerasTensor(inputs.shape[:2], "bool")) if return_corrupted else tokens

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "rate": self.rate,
            "mask_share": self.mask_share,
            "random_share": self.random_share,
            "seed": self.seed,
        }
