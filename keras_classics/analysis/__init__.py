"""What a network is and does: counts, the paper's table beside it, pictures."""

from keras_classics.analysis.attention import (
    attention_maps,
    attention_rollout,
    embedding_filters,
    mean_attention_distance,
    position_similarity,
)
from keras_classics.analysis.attention_pictures import (
    attention_distances,
    attention_heads,
    attention_overlay,
    embedding_components,
    position_similarities,
)
from keras_classics.analysis.count import Row, count
from keras_classics.analysis.papers import PAPERS
from keras_classics.analysis.pictures import draw, layer_responses
from keras_classics.analysis.report import report

__all__ = [
    "PAPERS",
    "Row",
    "attention_distances",
    "attention_heads",
    "attention_maps",
    "attention_overlay",
    "attention_rollout",
    "count",
    "draw",
    "embedding_components",
    "embedding_filters",
    "layer_responses",
    "mean_attention_distance",
    "position_similarities",
    "position_similarity",
    "report",
]
