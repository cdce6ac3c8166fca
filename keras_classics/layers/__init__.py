"""Equations that Keras does not have, one layer a file."""

from keras_classics.layers.constant_padding_2d import ConstantPadding2D
from keras_classics.layers.covering_conv_2d import CoveringConv2D
from keras_classics.layers.map_conv_2d import MapConv2D
from keras_classics.layers.rbf_output import RBFOutput, ascii_codes
from keras_classics.layers.scaled_subsampling_2d import ScaledSubsampling2D
from keras_classics.layers.unit_bias import UnitBias

__all__ = [
    "ConstantPadding2D",
    "CoveringConv2D",
    "MapConv2D",
    "RBFOutput",
    "ScaledSubsampling2D",
    "UnitBias",
    "ascii_codes",
]
