"""The warm-up against the release's formula, at every step."""

import math

import keras
import numpy as np
import pytest

from keras_classics.optimizers import WarmUp

SCHEDULES = keras.optimizers.schedules


def release(step, total, base, kind, warm_up):
    """The rate as the release of ViT prints it."""
    progress = min(max((step - warm_up) / (total - warm_up), 0), 1)
    fall = 1 - progress if kind == "linear" else (1 + math.cos(math.pi * progress)) / 2
    return base * fall * (min(1, step / warm_up) if warm_up else 1)


@pytest.mark.parametrize("warm_up", [0, 1, 7])
@pytest.mark.parametrize("kind", ["linear", "cosine"])
def test_every_step(kind, warm_up):
    base, total = 0.3, 20
    falling = (
        SCHEDULES.PolynomialDecay(base, total - warm_up, 0.0)
        if kind == "linear"
        else SCHEDULES.CosineDecay(base, total - warm_up)
    )
    schedule = WarmUp(falling, warm_up)
    for twin in (schedule, WarmUp.from_config(schedule.get_config())):
        rates = [float(twin(step)) for step in range(total + 3)]
        expected = [release(step, total, base, kind, warm_up) for step in range(total + 3)]
        np.testing.assert_allclose(rates, expected, rtol=1e-5, atol=1e-7)


def test_in_a_saved_model(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    schedule = WarmUp(SCHEDULES.CosineDecay(0.1, 10), 4)
    model.compile(keras.optimizers.AdamW(schedule), "mse")
    model.fit(np.ones((6, 2)), np.ones((6, 1)), batch_size=2, verbose=0)
    model.save(tmp_path / "model.keras")
    optimizer = keras.saving.load_model(tmp_path / "model.keras").optimizer
    np.testing.assert_allclose(float(optimizer.learning_rate), 0.1 * 3 / 4, rtol=1e-6)


def test_negative_steps_are_refused():
    with pytest.raises(ValueError, match="`steps` must be .*, at least 0. Received: steps=-1"):
        WarmUp(SCHEDULES.CosineDecay(0.1, 10), -1)
