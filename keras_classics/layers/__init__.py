"""Equations that Keras does not have, one layer a file."""

from keras_classics.layers.average_pooling_2d import AveragePooling2D
from keras_classics.layers.batch_normalization import BatchNormalization
from keras_classics.layers.class_token import ClassToken
from keras_classics.layers.constant_padding_2d import ConstantPadding2D
from keras_classics.layers.covering_conv_2d import CoveringConv2D
from keras_classics.layers.grouped_conv_2d import GroupedConv2D
from keras_classics.layers.identity_shortcut_2d import IdentityShortcut2D
from keras_classics.layers.local_response_normalization import LocalResponseNormalization
from keras_classics.layers.locally_connected_2d import LocallyConnected2D
from keras_classics.layers.map_conv_2d import MapConv2D
from keras_classics.layers.map_response_normalization import MapResponseNormalization
from keras_classics.layers.multi_head_self_attention import MultiHeadSelfAttention
from keras_classics.layers.overlapping_max_pooling_2d import OverlappingMaxPooling2D
from keras_classics.layers.pairwise_scores import PairwiseScores
from keras_classics.layers.patch_corruption import PatchCorruption
from keras_classics.layers.patch_embedding import PatchEmbedding
from keras_classics.layers.position_embedding import PositionEmbedding, resize_positions
from keras_classics.layers.position_embedding_2d import PositionEmbedding2D
from keras_classics.layers.rbf_output import RBFOutput, ascii_codes
from keras_classics.layers.scaled_subsampling_2d import ScaledSubsampling2D
from keras_classics.layers.standardized_conv_2d import StandardizedConv2D
from keras_classics.layers.symmetric_conv_2d import SymmetricConv2D
from keras_classics.layers.transformer_encoder_block import TransformerEncoderBlock
from keras_classics.layers.unit_bias import UnitBias

__all__ = [
    "AveragePooling2D",
    "BatchNormalization",
    "ClassToken",
    "ConstantPadding2D",
    "CoveringConv2D",
    "GroupedConv2D",
    "IdentityShortcut2D",
    "LocalResponseNormalization",
    "LocallyConnected2D",
    "MapConv2D",
    "MapResponseNormalization",
    "MultiHeadSelfAttention",
    "OverlappingMaxPooling2D",
    "PairwiseScores",
    "PatchCorruption",
    "PatchEmbedding",
    "PositionEmbedding",
    "PositionEmbedding2D",
    "RBFOutput",
    "ScaledSubsampling2D",
    "StandardizedConv2D",
    "SymmetricConv2D",
    "TransformerEncoderBlock",
    "UnitBias",
    "ascii_codes",
    "resize_positions",
]
