"""Finished networks at the machine's limit: computed by OpenVINO, without Keras around them."""

from keras_classics.serving.served import Served, serve

__all__ = ["Served", "serve"]
