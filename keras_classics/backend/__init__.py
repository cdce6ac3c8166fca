"""The one place that asks which backend runs.

A file holds what one kind of user asks: layers, images (preprocessing), training, weights. All
functions are names of the package: `backend.fuses()`.
"""

from keras_classics.backend.images import (
    as_length,
    eager,
    either,
    has_host,
    on_any_image,
    on_host,
    place,
    refuse,
    resize_one,
)
from keras_classics.backend.layers import (
    averages_inside,
    convolves_groups,
    fixed_batch_normalization,
    flash_attention,
    fused_batch_normalization,
    fused_gelu,
    fuses,
    in_one_pass,
    once_more,
    window_means,
    with_gradient,
)
from keras_classics.backend.running import has_tf_data, has_xla, name
from keras_classics.backend.training import (
    counts_missing_steps,
    distribution,
    fit_builds_variables,
    gradient,
    lost_worker_errors,
    scope_of_fit,
    steps_per_execution,
    sum_over_replicas,
    sync_variables,
)
from keras_classics.backend.weights import adopt, without_values

__all__ = [
    "adopt",
    "as_length",
    "averages_inside",
    "convolves_groups",
    "counts_missing_steps",
    "distribution",
    "eager",
    "either",
    "fit_builds_variables",
    "fixed_batch_normalization",
    "flash_attention",
    "fused_batch_normalization",
    "fused_gelu",
    "fuses",
    "gradient",
    "has_host",
    "has_tf_data",
    "has_xla",
    "in_one_pass",
    "lost_worker_errors",
    "name",
    "on_any_image",
    "on_host",
    "once_more",
    "place",
    "refuse",
    "resize_one",
    "scope_of_fit",
    "steps_per_execution",
    "sum_over_replicas",
    "sync_variables",
    "window_means",
    "with_gradient",
    "without_values",
]
