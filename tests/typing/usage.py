"""A small program as users write it, for the type checker; `make lint` reads it, nothing runs it.

A line with `type: ignore` is a mistake that must be found: without it, the checker fails there
and says that nothing had to be ignored.
"""

from typing import assert_type

import keras_classics as kc
from keras_classics.applications import ResNet50, ViT
from keras_classics.layers import LocalResponseNormalization

assert_type(kc.list_models("resnet*", weights=True), list[str])
assert_type(kc.names.find("ViT-B/16"), kc.names.Network)
model = kc.build("resnet50", classes=5)
model.compile("sgd", "mse")
ResNet50(classes=5, input_shape=(64, 64, 3), pooling="avg", include_top=False)
ViT("Ti/16", weights=None)
LocalResponseNormalization(depth_radius=1, alpha=1.0)
kc.optimizers.CoupledSGD(0.1, momentum=0.9, weight_decay=5e-4)

kc.build(3)  # type: ignore[arg-type]
kc.list_models(5)  # type: ignore[arg-type]
ResNet50(classes="5")  # type: ignore[arg-type]
ResNet50(clases=5)  # type: ignore[call-arg]
LocalResponseNormalization(depth_radius="1")  # type: ignore[arg-type]
print(kc.no_such_room)  # type: ignore[attr-defined]
