"""A page to draw a digit on: one HTML file that computes networks of digits, and shows them."""

from keras_classics.page.networks import Shown, releases, shown
from keras_classics.page.writing import server, write

__all__ = ["Shown", "releases", "server", "shown", "write"]
