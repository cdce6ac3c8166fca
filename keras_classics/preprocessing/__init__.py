"""What a paper does to images before the network sees them, and its views at test time."""

from keras_classics.preprocessing.area_aspect_crop import AreaAspectCrop
from keras_classics.preprocessing.classifier_input import ClassifierInput
from keras_classics.preprocessing.crop_and_flip import CropAndFlip
from keras_classics.preprocessing.digit_input import DigitInput
from keras_classics.preprocessing.digit_plane import (
    digit_string,
    normalize_digit,
    place_digits,
    read_ink,
)
from keras_classics.preprocessing.pca_color_jitter import PCAColorJitter
from keras_classics.preprocessing.planar_distortion import PlanarDistortion
from keras_classics.preprocessing.rand_augment import RandAugment
from keras_classics.preprocessing.random_erasing import RandomErasing
from keras_classics.preprocessing.rescale_short_side import RescaleShortSide
from keras_classics.preprocessing.subtract_mean import SubtractMean
from keras_classics.preprocessing.views import (
    AverageOverViews,
    googlenet_crops,
    multi_crop,
    ten_crop,
    whole_images,
)

__all__ = [
    "AreaAspectCrop",
    "AverageOverViews",
    "ClassifierInput",
    "CropAndFlip",
    "DigitInput",
    "PCAColorJitter",
    "PlanarDistortion",
    "RandAugment",
    "RandomErasing",
    "RescaleShortSide",
    "SubtractMean",
    "digit_string",
    "googlenet_crops",
    "multi_crop",
    "normalize_digit",
    "place_digits",
    "read_ink",
    "ten_crop",
    "whole_images",
]
