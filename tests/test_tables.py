import pytest

from keras_classics import tables

ROWS = [("layer", "units", ""), ("fc6", 4096, None), ("predictions", 10, "=")]


def test_aligned_columns():
    assert tables.aligned(ROWS, right=[1]).splitlines() == [
        "layer        units",
        "fc6           4096",
        "predictions     10  =",
    ]
    assert tables.aligned(ROWS, right=[-2], gap="|").splitlines()[1] == "fc6        | 4096|"
    assert tables.aligned([]) == ""
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        tables.aligned([("a", "b"), ("c",)])


def test_markdown():
    assert tables.markdown(ROWS).splitlines() == [
        "| layer       | units |   |",
        "|-------------|-------|---|",
        "| fc6         | 4096  |   |",
        "| predictions | 10    | = |",
    ]


def test_csv(tmp_path):
    tables.write_csv(tmp_path / "t.csv", [{"a": 1}, {"a": 2.5, "b": "x, y"}])
    assert (tmp_path / "t.csv").read_bytes() == b'a,b\r\n1,\r\n2.5,"x, y"\r\n'
