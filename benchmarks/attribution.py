"""Grad-CAM against a training step and its peers: `python benchmarks/attribution.py [--rounds=5]`.

Ratios as in `benchmarks/lrn.py`: the peer's time over ours on TensorFlow, above 1 we are faster.
16 images of 224x224 through ResNet-50, the maps of its last stage.

step      A training step of the same network and batch, by Keras's `train_function`.
loop      Grad-CAM as many write it: `tf.GradientTape` over a model of two outputs, eagerly, one
          image at a time.
vis       `tf_keras_vis.gradcam.Gradcam`, if it is installed, without its search for another layer.
"""

import importlib.util

import imagenet  # first: quiets TensorFlow
import keras
import numpy as np
import tensorflow as tf
from rounds import alternate, main, report

import keras_classics as kc

LAYER, IMAGES = "conv5_x", 16


def network():
    x, y = imagenet.images(IMAGES)
    return kc.applications.ResNet50(classifier_activation=None), x, y


def ours(model, x, y):
    return lambda: kc.analysis.grad_cam(model, x, y, LAYER)


def check(found, expected):
    np.testing.assert_allclose(found, expected, atol=1e-4 * abs(expected).max())


def step(rounds):
    model, x, y = network()
    trained = imagenet.step(kc.applications.ResNet50(), x, y)
    pairs = alternate(ours(model, x, y), trained, rounds)
    report("training step / Grad-CAM", pairs, "at least 0.83")


def loop(rounds):
    model, x, y = network()
    both = keras.Model(model.input, [model.get_layer(LAYER).output, model.output])

    def peer():
        maps = []
        for image, k in zip(x, y, strict=True):
            with tf.GradientTape() as tape:
                features, scores = both(image[None])
                score = scores[:, k]
            weights = tf.reduce_mean(tape.gradient(score, features), axis=(1, 2), keepdims=True)
            maps.append(tf.nn.relu(tf.reduce_sum(weights * features, axis=-1))[0])
        return np.stack(maps)

    check(ours(model, x, y)(), peer())
    report("tape an image / Grad-CAM", alternate(ours(model, x, y), peer, rounds), "at least 2.00")


def vis(rounds):
    if not importlib.util.find_spec("tf_keras_vis"):
        print("tf-keras-vis is not installed.")
        return
    from tf_keras_vis.gradcam import Gradcam
    from tf_keras_vis.utils.scores import CategoricalScore

    model, x, y = network()
    gradcam = Gradcam(model, clone=True)
    score = CategoricalScore(y.tolist())
    how = {"expand_cam": False, "normalize_cam": False, "seek_penultimate_conv_layer": False}

    def peer():
        return np.asarray(gradcam(score, x, penultimate_layer=LAYER, **how))

    check(ours(model, x, y)(), peer())
    report("tf-keras-vis / Grad-CAM", alternate(ours(model, x, y), peer, rounds), "at least 2.00")


if __name__ == "__main__":
    main(
        "Grad-CAM against a training step and its peers.", {"step": step, "loop": loop, "vis": vis}
    )
