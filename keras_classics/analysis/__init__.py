"""What a network is and does: counts, the paper's table beside it, pictures."""

from keras_classics.analysis.count import Row, count
from keras_classics.analysis.papers import PAPERS
from keras_classics.analysis.pictures import draw, layer_responses
from keras_classics.analysis.report import report

__all__ = ["PAPERS", "Row", "count", "draw", "layer_responses", "report"]
