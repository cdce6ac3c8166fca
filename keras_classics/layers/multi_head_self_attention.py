"""Attention of a sequence to itself (Vaswani et al., 2017, eq. 1 and section 3.2.2)."""

import math

import keras
from keras import ops

from keras_classics import backend
from keras_classics.checks import arguments
from keras_classics.layers import parts

LONG = 512  # from so many tokens on, the gradient computes the scores again


@keras.saving.register_keras_serializable(package="keras_classics")
class MultiHeadSelfAttention(keras.layers.Layer):
    """Each token reads all tokens, in `k` heads side by side.

    With `D_h = D / k` and, for each head, `q, k, v` of the `N` tokens `z`,

        [q, k, v] = z U_qkv + b_qkv
        A = softmax(q k^T / sqrt(D_h))
        SA(z) = A v
        MSA(z) = [SA_1(z); ...; SA_k(z)] U_msa + b_msa

    One product gives the queries, keys and values of all heads: `qkv.kernel` holds the
    matrices of the queries, keys and values in this order, each with the heads in theirs.
    The softmax is computed in float32 under mixed precision. Two forms do not keep `A`, where
    neither its dropout nor the caller needs it. PyTorch and JAX compute attention as one
    operation, flash attention where they have it. On TensorFlow, from 512 tokens on, the
    gradient computes `A` again.

    With `relative` positions, each head has a vector `r` for each distance of two tokens in the
    sequence, from `1 - N` to `N - 1`. It is a key of its own for the same query; its product is
    added before the softmax, and `A` is kept:

        A_ij = softmax_j((q_i k_j^T + q_i r_{i-j}^T) / sqrt(D_h))

    The paper is silent on what heads and layers share: here nothing, as of queries and keys. A
    class token is a token like the others, the first.

    Args:
        num_heads: `k`, a divisor of `D`. Paper: 12 or 16; Transformer: 8.
        dropout: Rate of the dropout of `A` in training. Paper: 0.
        relative: Whether there are relative positions. Paper: not but in appendix D.4.

    Input and output shape: `(batch, N, D)`; `N` is known where positions are relative.

    Call arguments:
        inputs: The tokens.
        mask: Boolean `(batch, N)`, tokens that can be read. Keras gives the mask of an earlier
            layer.
        attention_mask: Boolean `(batch, N, N)` or `(batch, heads, N, N)`, or such as can be
            broadcast: which token (in the rows) can read which.
        use_causal_mask: Whether a token can read itself and earlier ones only.
        return_attention_scores: Whether to return `(outputs, A)`, with `A` of the shape
            `(batch, k, N, N)`; each row sums to 1 but for dropout.

    Example:

    ```python
    import numpy as np
    from keras_classics.layers import MultiHeadSelfAttention

    tokens = np.ones((2, 17, 64), "float32")
    outputs, scores = MultiHeadSelfAttention(4)(tokens, return_attention_scores=True)
    outputs.shape, scores.shape  # (2, 17, 64), (2, 4, 17, 17)
    ```

    References: Vaswani et al., "Attention Is All You Need", NIPS 2017, eq. 1 and section
    3.2.2; Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021, appendices A and D.4.
    The weights start as in the latter's release: Glorot uniform for each of the four matrices,
    biases 0. `r` starts as `PositionEmbedding` does: normal, of standard deviation 0.02.
    """

    @arguments()
    def __init__(self, num_heads: int, dropout: float = 0.0, relative: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = num_heads
        self.dropout = dropout
        self.relative = relative
        self.supports_masking = True
        self.input_spec = keras.layers.InputSpec(ndim=3)

    def build(self, input_shape):
        n, d = input_shape[1:]
        if d % self.num_heads:
            raise ValueError(
                f"The width of the tokens must be divisible by num_heads={self.num_heads}. "
                f"Received: input_shape={tuple(input_shape)}"
            )
        if self.relative and n is None:
            raise ValueError(
                "The number of tokens must be known: each distance of two has a vector of its own. "
                f"Received: input_shape={tuple(input_shape)}"
            )
        # Glorot's range for D to D: the fused matrix of D to 3D alone would have another.
        glorot = keras.initializers.VarianceScaling(2.0, "fan_avg", "uniform")
        dense = keras.layers.Dense
        self.qkv = parts.make(self, "qkv", dense, units=3 * d, kernel_initializer=glorot)
        self.out = parts.make(self, "out", dense, units=d)
        self.drop = keras.layers.Dropout(self.dropout, dtype=self.dtype_policy, name="drop")
        self.qkv.build((None, d))
        self.out.build((None, d))
        if self.relative:
            start = keras.initializers.RandomNormal(stddev=0.02)
            self.distances = self.add_weight((2 * n - 1, d), start, name="distances")
            self.input_spec = keras.layers.InputSpec(shape=(None, n, d))

    def call(
        self,
        inputs,  # (batch, N, D)
        mask=None,
        attention_mask=None,
        use_causal_mask=False,
        training=False,
        return_attention_scores=False,
    ):
        n, d = ops.shape(inputs)[1], inputs.shape[-1]
        heads, width = self.num_heads, d // self.num_heads
        # A product of two matrices is faster than that of a batch with one.
        qkv = self.qkv(ops.reshape(inputs, (-1, d)))  # (batch * N, 3D)
        qkv = ops.reshape(qkv, (-1, n, 3, heads, width))
        mask = self._joint_mask(n, mask, attention_mask, use_causal_mask)
        x, scores = self._attend(qkv, mask, training, return_attention_scores)
        x = ops.reshape(self.out(ops.reshape(x, (-1, d))), (-1, n, d))  # (batch, N, D)
        return (x, scores) if return_attention_scores else x

    def _attend(self, qkv, mask, training, return_scores):  # (batch, N, 3, heads, D_h)
        """`A v`, `(batch, N, heads, D_h)`, and `A` where it is at hand."""
        needs_scores = return_scores or self.relative or (training and self.dropout)
        flash = backend.flash_attention()
        if flash and not needs_scores:
            return flash(*ops.unstack(qkv, 3, axis=2), mask), None
        is_long = (qkv.shape[1] or 0) >= LONG
        qkv = ops.transpose(qkv, (2, 0, 3, 1, 4))  # (3, batch, heads, N, D_h)
        if is_long and not needs_scores:
            x, scores = self._recomputed(qkv, mask), None  # (batch, heads, N, D_h)
        else:
            q, k, v = ops.unstack(qkv, 3)
            scores = self.drop(self._scores(q, k, mask), training=training)
            x = ops.matmul(scores, v)  # (batch, heads, N, D_h)
        return ops.transpose(x, (0, 2, 1, 3)), scores

    def _scores(self, q, k, mask):  # (batch, heads, N, D_h)
        q = q / math.sqrt(q.shape[-1])
        scores = ops.matmul(q, ops.transpose(k, (0, 1, 3, 2)))  # (batch, heads, N, N)
        if self.relative:
            scores = scores + self._by_distance(q)
        if self.compute_dtype == "float16":
            scores = ops.clip(scores, -65504, 65504)  # the softmax of infinity is not a number
        scores = ops.cast(scores, keras.backend.result_type(scores.dtype, "float32"))
        if mask is not None:
            scores = ops.where(mask, scores, -1e30)
        return ops.cast(ops.softmax(scores), self.compute_dtype)

    def _by_distance(self, q):  # (batch, heads, N, D_h)
        """`q_i r_{i-j}^T` of all pairs, `(batch, heads, N, N)`."""
        _, heads, n, width = q.shape
        r = ops.flip(ops.convert_to_tensor(self.distances), axis=0)  # from N - 1 to 1 - N
        r = ops.transpose(ops.reshape(r, (2 * n - 1, heads, width)), (1, 2, 0))
        x = ops.matmul(q, r)  # (batch, heads, N, 2N - 1)
        # Row i needs N values from N - 1 - i on. In rows of 2N, one after the other, and cut into
        # rows of 2N - 1 from N - 1 on, they are the first of each.
        x = ops.reshape(ops.pad(x, [[0, 0], [0, 0], [0, 0], [0, 1]]), (-1, heads, 2 * n * n))
        x = x[..., n - 1 : n - 1 + n * (2 * n - 1)]
        return ops.reshape(x, (-1, heads, n, 2 * n - 1))[..., :n]

    def _recomputed(self, qkv, mask):  # (3, batch, heads, N, D_h)
        """`A v`; its gradient computes `A` again instead of keeping it."""

        def attend(qkv):
            q, k, v = ops.unstack(qkv, 3)
            x = ops.matmul(self._scores(q, k, mask), v)

            def gradient(upstream):
                q, k, v = ops.unstack(backend.once_more(qkv, upstream), 3)
                scores = self._scores(q, k, mask)
                of_scores = ops.matmul(upstream, ops.transpose(v, (0, 1, 3, 2)))
                mean = ops.sum(upstream * x, axis=-1, keepdims=True)
                of_products = scores * (of_scores - mean) / math.sqrt(q.shape[-1])
                return ops.stack(
                    [
                        ops.matmul(of_products, k),
                        ops.matmul(ops.transpose(of_products, (0, 1, 3, 2)), q),
                        ops.matmul(ops.transpose(scores, (0, 1, 3, 2)), upstream),
                    ]
                )

            return x, gradient

        return backend.with_gradient(attend)(qkv)  # (batch, heads, N, D_h)

    def _joint_mask(self, n, mask, attention_mask, use_causal_mask):
        """What all masks allow, `(batch, heads, N, N)` or such as can be broadcast, or `None`."""
        masks = []
        if mask is not None:
            masks.append(ops.cast(mask, "bool")[:, None, None, :])
        if attention_mask is not None:
            allowed = ops.cast(attention_mask, "bool")
            masks.append(allowed[:, None] if len(allowed.shape) == 3 else allowed)
        if use_causal_mask:
            at = ops.arange(n)
            masks.append((at[:, None] >= at)[None, None])
        joint = masks[0] if masks else None
        for other in masks[1:]:
            joint = ops.logical_and(joint, other)
        return joint

    def compute_output_shape(self, input_shape):
        return input_shape

    def compute_output_spec(self, inputs, *args, return_attention_scores=False, **kwargs):
        return output_spec(self, inputs, return_attention_scores)

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "dropout": self.dropout,
            "relative": self.relative,
            **parts.config(self, "qkv", "out"),
        }

    @classmethod
    def from_config(cls, config):
        return parts.revive(cls, config)


def output_spec(layer, inputs, return_attention_scores):
    """Shapes and types of what a layer of `num_heads` heads returns."""
    outputs = keras.KerasTensor(inputs.shape, layer.compute_dtype)
    if not return_attention_scores:
        return outputs
    batch, n, _ = inputs.shape
    return outputs, keras.KerasTensor((batch, layer.num_heads, n, n), layer.compute_dtype)
