"""What a paper does to an image before the network sees it."""

from keras_classics.preprocessing.digit_plane import normalize_digit, place_digits, read_ink
from keras_classics.preprocessing.planar_distortion import PlanarDistortion

__all__ = ["PlanarDistortion", "normalize_digit", "place_digits", "read_ink"]
