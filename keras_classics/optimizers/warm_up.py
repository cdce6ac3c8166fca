"""A learning rate that rises before it falls (Dosovitskiy et al., 2021, section 4.1)."""

import keras
from keras import ops
from keras.optimizers.schedules import LearningRateSchedule

from keras_classics.checks import arguments


@keras.saving.register_keras_serializable(package="keras_classics")
class WarmUp(LearningRateSchedule):
    """Raises the learning rate linearly from 0, then follows another schedule.

        rate(t) = t / steps * schedule(0)    for t < steps
        rate(t) = schedule(t - steps)        from then on

    For ViT, the rate falls to 0 over the steps after the warm-up: linearly (`PolynomialDecay`)
    or by a cosine (`CosineDecay`). Keras's `CosineDecay` has a warm-up, its `PolynomialDecay`
    has none.

    Args:
        schedule: A schedule of `keras.optimizers.schedules`.
        steps: Steps of the warm-up. Paper: 10,000.

    Example:

    ```python
    import keras
    from keras_classics.optimizers import WarmUp

    schedule = WarmUp(keras.optimizers.schedules.PolynomialDecay(1e-3, 90, 0.0), steps=10)
    float(schedule(5)), float(schedule(10))  # 0.0005 and 0.001
    ```

    Reference: Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021, section 4.1
    and Table 3.
    """

    @arguments()
    def __init__(self, schedule: LearningRateSchedule, steps: int):
        self.schedule = schedule
        self.steps = steps

    def __call__(self, step):
        step = ops.cast(step, "float32")
        rate = self.schedule(ops.maximum(step - self.steps, 0.0))
        return rate * ops.minimum(step / max(self.steps, 1), 1.0) if self.steps else rate

    def get_config(self):
        schedule = keras.optimizers.schedules.serialize(self.schedule)
        return {"schedule": schedule, "steps": self.steps}

    @classmethod
    def from_config(cls, config):
        schedule = keras.optimizers.schedules.deserialize(config["schedule"])
        return cls(schedule, config["steps"])
