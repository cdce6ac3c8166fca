"""What a network is and does: counts, the paper's table beside it, pictures."""

import importlib
from typing import TYPE_CHECKING

# `report` needs neither the pictures nor what they are drawn of.
_HOMES = {
    "Comparison": "comparing",
    "Decision": "rejecting",
    "Milestone": "history",
    "Reading": "strings",
    "Rejection": "rejecting",
    "Result": "tables",
    "Results": "tables",
    "Row": "counting",
    "Timeline": "history",
    "attention_distances": "attention_pictures",
    "attention_heads": "attention_pictures",
    "attention_maps": "attention",
    "attention_rollout": "attention",
    "compare": "comparing",
    "confusions": "galleries",
    "count": "counting",
    "depth": "counting",
    "draw": "pictures",
    "embedding_components": "attention_pictures",
    "embedding_filters": "attention",
    "feature_plane": "galleries",
    "gallery": "galleries",
    "grad_cam": "attribution",
    "grad_cam_plus_plus": "attribution",
    "guesses": "galleries",
    "guided_backpropagation": "attribution",
    "integrated_gradients": "attribution",
    "layer_responses": "pictures",
    "mean_attention_distance": "attention",
    "nearest_images": "galleries",
    "occlusion": "attribution",
    "overlay": "overlays",
    "position_similarities": "attention_pictures",
    "position_similarity": "attention",
    "principal_features": "galleries",
    "reading": "strings",
    "rejection": "rejecting",
    "report": "reporting",
    "results": "tables",
    "saliency": "attribution",
    "strongest_images": "galleries",
    "table": "tables",
    "timeline": "history",
    "winners": "history",
}
__all__ = sorted(_HOMES)


if not TYPE_CHECKING:  # a type checker says which names there are not

    def __getattr__(name):
        if name in _HOMES:
            value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
            globals()[name] = value
            return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *__all__])


if TYPE_CHECKING:
    from keras_classics.analysis.attention import attention_maps as attention_maps
    from keras_classics.analysis.attention import attention_rollout as attention_rollout
    from keras_classics.analysis.attention import embedding_filters as embedding_filters
    from keras_classics.analysis.attention import mean_attention_distance as mean_attention_distance
    from keras_classics.analysis.attention import position_similarity as position_similarity
    from keras_classics.analysis.attention_pictures import (
        attention_distances as attention_distances,
    )
    from keras_classics.analysis.attention_pictures import attention_heads as attention_heads
    from keras_classics.analysis.attention_pictures import (
        embedding_components as embedding_components,
    )
    from keras_classics.analysis.attention_pictures import (
        position_similarities as position_similarities,
    )
    from keras_classics.analysis.attribution import grad_cam as grad_cam
    from keras_classics.analysis.attribution import grad_cam_plus_plus as grad_cam_plus_plus
    from keras_classics.analysis.attribution import guided_backpropagation as guided_backpropagation
    from keras_classics.analysis.attribution import integrated_gradients as integrated_gradients
    from keras_classics.analysis.attribution import occlusion as occlusion
    from keras_classics.analysis.attribution import saliency as saliency
    from keras_classics.analysis.comparing import Comparison as Comparison
    from keras_classics.analysis.comparing import compare as compare
    from keras_classics.analysis.counting import Row as Row
    from keras_classics.analysis.counting import count as count
    from keras_classics.analysis.counting import depth as depth
    from keras_classics.analysis.galleries import confusions as confusions
    from keras_classics.analysis.galleries import feature_plane as feature_plane
    from keras_classics.analysis.galleries import gallery as gallery
    from keras_classics.analysis.galleries import guesses as guesses
    from keras_classics.analysis.galleries import nearest_images as nearest_images
    from keras_classics.analysis.galleries import principal_features as principal_features
    from keras_classics.analysis.galleries import strongest_images as strongest_images
    from keras_classics.analysis.history import Milestone as Milestone
    from keras_classics.analysis.history import Timeline as Timeline
    from keras_classics.analysis.history import timeline as timeline
    from keras_classics.analysis.history import winners as winners
    from keras_classics.analysis.overlays import overlay as overlay
    from keras_classics.analysis.pictures import draw as draw
    from keras_classics.analysis.pictures import layer_responses as layer_responses
    from keras_classics.analysis.rejecting import Decision as Decision
    from keras_classics.analysis.rejecting import Rejection as Rejection
    from keras_classics.analysis.rejecting import rejection as rejection
    from keras_classics.analysis.reporting import report as report
    from keras_classics.analysis.strings import Reading as Reading
    from keras_classics.analysis.strings import reading as reading
    from keras_classics.analysis.tables import Result as Result
    from keras_classics.analysis.tables import Results as Results
    from keras_classics.analysis.tables import results as results
    from keras_classics.analysis.tables import table as table
