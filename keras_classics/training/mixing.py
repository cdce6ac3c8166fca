"""Images and labels of a batch mixed with each other: MixUp (Zhang et al., 2018) and CutMix
(Yun et al., 2019), computed by keras_cv."""

import numpy as np

from keras_classics.checks import install


def mixing(mixup_alpha=0.0, cutmix_alpha=0.0, seed=None):
    """A function that mixes each image of a batch, and its label, with another one's.

    With a partner `b` for each image `a`, by a random permutation of the batch, and a draw
    `lam ~ Beta(alpha, alpha)` for each,

        MixUp:   image = lam a + (1 - lam) b,  label likewise
        CutMix:  a box of b, of sqrt(1 - lam) of each side about a random point, lies on a;
                 label = (1 - s) a + s b, with s the share of pixels that the box covers

    With both, each batch takes one of the two, with probability 1/2, as DeiT does. There,
    and in CutMix's paper, one draw serves a whole batch.

    keras_cv 0.9 computes the images. Four things are set right here. Its labels of CutMix
    count what of the box lies outside of the image. Its seed does not reach all draws, and
    within `tf.data` those that have one come again in each epoch. With a policy of mixed
    precision it would mix in half precision.

    Args:
        mixup_alpha: `alpha` of MixUp; 0: none. DeiT: 0.8.
        cutmix_alpha: `alpha` of CutMix; 0: none. DeiT: 1.0.
        seed: Seed of the draws, a number or several.

    Returns:
        A function from images `(batch, height, width, channels)` and labels `(batch, classes)`,
        one-hot, both of any type and labels smoothed or not, and from the number of the epoch and
        that of the batch in it, by which it draws, to both as float32. It is for
        `tf.data.Dataset.map` after `batch`, not parallel, and so needs TensorFlow.

    Reference: Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018
    (arXiv:1710.09412); Yun et al., "CutMix", ICCV 2019 (arXiv:1905.04899).
    """
    if min(mixup_alpha, cutmix_alpha) < 0 or mixup_alpha == cutmix_alpha == 0:
        raise ValueError(
            "`mixup_alpha` and `cutmix_alpha` must not be negative, and one of them positive. "
            f"Received: mixup_alpha={mixup_alpha}, cutmix_alpha={cutmix_alpha}"
        )
    try:
        import keras_cv
        import tensorflow as tf
    except ImportError as error:
        raise ImportError(
            f"MixUp and CutMix need keras_cv: {install('augment')}. Received: {error}"
        ) from error

    def begin(number):
        """A function whose draws begin with those of this epoch."""
        entropy = None if seed is None else [*np.ravel(seed), number]
        drawn = int(np.random.SeedSequence(entropy).generate_state(1)[0] >> 1)
        choices = []
        if mixup_alpha:
            choices += [_mixup(keras_cv.layers.MixUp(mixup_alpha, drawn, dtype="float32"))]
        if cutmix_alpha:
            choices += [_cutmix(keras_cv.layers.CutMix(cutmix_alpha, drawn, dtype="float32"))]

        # One signature: traced again for another shape, the draws would start anew.
        @tf.function(input_signature=[tf.TensorSpec((None,) * 4), tf.TensorSpec((None, None))])
        def draw(images, labels):
            tf.random.set_seed(drawn)  # of this graph alone
            if len(choices) == 1:
                return choices[0](images, labels)
            first, second = choices
            coin = tf.random.uniform(()) < 0.5
            return tf.cond(coin, lambda: first(images, labels), lambda: second(images, labels))

        return draw.get_concrete_function()

    at = {"epoch": None}

    def turn(images, labels, number, index):
        number, index = int(number), int(index)
        if at["epoch"] != number or index < at["next"]:
            at.update({"epoch": number, "next": 0, "draw": begin(number)})
        while at["next"] < index:  # resumed within an epoch, whose draws have to come first
            at["draw"](images, labels)
            at["next"] += 1
        at["next"] += 1
        return at["draw"](images, labels)

    def mix(images, labels, number, index):
        given = [tf.cast(tensor, "float32") for tensor in (images, labels)]
        # `tf.data` would start the draws anew in each epoch; a function of Python's keeps them.
        mixed = tf.py_function(turn, [*given, number, index], ["float32", "float32"])
        return tuple(
            tf.ensure_shape(m, tensor.shape) for m, tensor in zip(mixed, given, strict=True)
        )

    return mix


def _mixup(layer):
    def mix(images, labels):
        mixed = layer({"images": images, "labels": labels})
        return mixed["images"], mixed["labels"]

    return mix


def _cutmix(layer):
    import tensorflow as tf

    def mix(images, labels):
        own = tf.range(tf.shape(images)[0])[:, None]
        source = tf.zeros_like(images[..., :1], "int32") + own[..., None, None]
        # Which image each pixel comes from: it is cut out as the pixels are.
        mixed = layer({"images": images, "segmentation_masks": source})
        source = tf.reshape(mixed["segmentation_masks"], (tf.size(own), -1))
        pasted = source != own
        share = tf.reduce_mean(tf.cast(pasted, "float32"), axis=1, keepdims=True)
        partner = tf.reduce_max(tf.where(pasted, source, 0), axis=1)
        return mixed["images"], (1 - share) * labels + share * tf.gather(labels, partner)

    return mix
