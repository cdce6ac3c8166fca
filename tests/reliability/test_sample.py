"""A sample of the harness, whose whole takes minutes: `python -m tests.reliability`."""

import pytest

from tests.reliability import __main__ as harness
from tests.reliability import damage


def test_the_parts_are_found():
    assert {"damage", "kills", "processes"} <= set(harness.PARTS)
    assert harness.find("kills").on_each_backend
    assert harness.find("kills", 3).arguments == "seconds=3"
    assert all(harness.find(part).title for part in harness.PARTS)


@pytest.mark.slow
def test_damage_is_named_or_mended(tmp_path):
    names = {"finished": ["mean.npy"], "unfinished": ["history.csv"]}
    ways = {way: damage.WAYS[way] for way in ("removed", "zeros")}
    found = list(damage.rows(tmp_path, damage.kept(tmp_path), names, ways))
    assert [row[1:] for row in found] == [(2, 2, "")] * 2
