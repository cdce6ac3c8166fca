"""A layer of the Transformer encoder (Dosovitskiy et al., 2021, eq. 2 and 3)."""

import math

import keras
from keras import ops

from keras_classics import activations
from keras_classics.checks import arguments
from keras_classics.layers import parts
from keras_classics.layers.multi_head_self_attention import MultiHeadSelfAttention, output_spec


@keras.saving.register_keras_serializable(package="keras_classics")
class TransformerEncoderBlock(keras.layers.Layer):
    """Self-attention and a perceptron, each with a normalization before it and a shortcut.

        z' = MSA(LN(z)) + z
        z  = MLP(LN(z')) + z'
        MLP(x) = GELU(x W_1 + b_1) W_2 + b_2

    The Transformer of 2017 normalizes after each sum, not before.

    Args:
        num_heads: Heads of MSA. Paper: 12 or 16.
        mlp_dim: Width of the hidden layer of MLP. Paper: 4 times that of the tokens.
        dropout: Rate of the dropout after MSA and after both layers of MLP. Paper: 0.1, or 0
            on JFT-300M.
        stochastic_depth: Rate at which a training step leaves out MSA, and again MLP, for an
            image. The outputs for the other images are divided by 1 less the rate (Huang et
            al., 2016, as in Touvron et al., 2021). Paper: 0.
        activation: Paper: GELU; the release computes its tanh form, `"gelu_tanh"`. `"gelu"` is
            the exact form, as in PyTorch's libraries.
        epsilon: Added to the variance by LN. Release: 1e-6.
        relative: Whether MSA has relative positions (appendix D.4). Paper: not.

    Input and output shape: `(batch, N, D)`.

    The call arguments `mask`, `attention_mask`, `use_causal_mask` and
    `return_attention_scores` are those of `MultiHeadSelfAttention`.

    Example:

    ```python
    import numpy as np
    from keras_classics.layers import TransformerEncoderBlock

    tokens = np.ones((2, 17, 64), "float32")
    TransformerEncoderBlock(num_heads=4, mlp_dim=256)(tokens).shape  # (2, 17, 64)
    ```

    Reference: Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021, eq. 2 and 3.
    The weights start as in the release: Glorot uniform; the biases of MLP normal, of standard
    deviation 1e-6.
    """

    @arguments()
    def __init__(
        self,
        num_heads: int,
        mlp_dim: int,
        dropout: float = 0.0,
        stochastic_depth: float = 0.0,
        activation: activations.Activation = "gelu_tanh",
        epsilon: float = 1e-6,
        relative: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.mlp_dim = mlp_dim
        self.dropout = dropout
        self.stochastic_depth = stochastic_depth
        self.activation = activations.get(activation)
        self.epsilon = epsilon
        self.relative = relative
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def build(self, input_shape):
        d, policy = input_shape[-1], {"dtype": self.dtype_policy}
        self.norm1 = keras.layers.LayerNormalization(epsilon=self.epsilon, name="norm1", **policy)
        self.attention = parts.make(
            self,
            "attention",
            MultiHeadSelfAttention,
            num_heads=self.num_heads,
            relative=self.relative,
        )
        self.norm2 = keras.layers.LayerNormalization(epsilon=self.epsilon, name="norm2", **policy)
        for name, units in (("mlp1", self.mlp_dim), ("mlp2", d)):
            small = keras.initializers.RandomNormal(stddev=1e-6)
            layer = parts.make(self, name, keras.layers.Dense, units=units, bias_initializer=small)
            setattr(self, name, layer)
        self.drop = keras.layers.Dropout(self.dropout, name="drop", **policy)
        self.skip = keras.layers.Dropout(
            self.stochastic_depth, noise_shape=(None, 1, 1), name="skip", **policy
        )
        for layer in (self.norm1, self.attention, self.norm2):
            layer.build(input_shape)
        self.mlp1.build((None, d))
        self.mlp2.build((None, self.mlp_dim))

    def call(
        self,
        inputs,  # (batch, N, D)
        mask=None,
        attention_mask=None,
        use_causal_mask=False,
        training=False,
        return_attention_scores=False,
    ):
        x, scores = ops.cast(inputs, self.compute_dtype), None
        y = self.attention(
            self.norm1(x),
            mask=mask,
            attention_mask=attention_mask,
            use_causal_mask=use_causal_mask,
            training=training,
            return_attention_scores=return_attention_scores,
        )
        if return_attention_scores:
            y, scores = y
        x = x + self._thinned(y, training)
        x = x + self._thinned(self._mlp(self.norm2(x), training), training)
        return (x, scores) if return_attention_scores else x

    def _mlp(self, x, training):
        n, d = ops.shape(x)[1], x.shape[-1]
        # A product of two matrices is faster than that of a batch with one.
        exact = self.activation is keras.activations.gelu
        activate = _exact_gelu if exact else self.activation
        x = activate(self.mlp1(ops.reshape(x, (-1, d))))  # (batch * N, mlp_dim)
        x = self.mlp2(self.drop(x, training=training))
        return ops.reshape(x, (-1, n, d))  # (batch, N, D)

    def _thinned(self, x, training):
        return self.skip(self.drop(x, training=training), training=training)

    def compute_output_shape(self, input_shape):
        return input_shape

    def compute_output_spec(self, inputs, *args, return_attention_scores=False, **kwargs):
        return output_spec(self, inputs, return_attention_scores)

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "mlp_dim": self.mlp_dim,
            "dropout": self.dropout,
            "stochastic_depth": self.stochastic_depth,
            "activation": activations.serialize(self.activation),
            "epsilon": self.epsilon,
            "relative": self.relative,
            **parts.config(self, "attention", "mlp1", "mlp2"),
        }

    @classmethod
    def from_config(cls, config):
        return parts.revive(cls, config)


def _exact_gelu(x):
    """Keras's `"gelu"`, which takes erfc on TensorFlow: ONNX has erf only."""
    return 0.5 * x * (1 + ops.erf(x / math.sqrt(2)))
