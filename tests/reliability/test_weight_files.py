"""A sample of damaged weights files; `python -m tests.reliability.weight_files` tries 10,000."""

import numpy as np
import pytest

from tests.reliability import weight_files


@pytest.mark.parametrize("form", ["keras3.weights.h5", "stored.npz", "v2.caffemodel"])
def test_a_sample_of_each_kind_of_reader(form):
    _, files, refused, loaded, _, *failures = weight_files.of_format(form, 30, seed=1)
    assert refused + loaded == files
    assert failures == [0, 0, 0]


def test_damage_is_the_same_for_a_seed():
    content = bytes(range(256))
    first, again, other = (
        [weight_files.damaged(content, rng) for _ in range(20)]
        for rng in map(np.random.default_rng, (0, 0, 1))
    )
    assert first == again != other
    assert len(set(first)) > 15
