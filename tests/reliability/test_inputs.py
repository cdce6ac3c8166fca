"""A sample of the bad inputs; `python -m tests.reliability.inputs` tries all."""

from tests.reliability import inputs


def test_a_sample_is_refused_clearly_and_early():
    said = []
    rows = inputs.run(each=11, report=said.append)
    assert not said
    assert sum(row[1] for row in rows) > 60
    assert all(count == clear for _, count, clear, *_ in rows)


def test_what_is_no_clear_and_early_refusal_is_seen(tmp_path):
    def silent():
        pass

    def raw():
        raise TypeError("'x'")

    def late():
        (tmp_path / inputs.RUN).mkdir()
        raise ValueError("x")

    found = [inputs.judge(inputs.Case("x", call), tmp_path) for call in (silent, raw, late)]
    assert [word.split(":")[0].split(",")[0] for word in found] == ["silent", "unclear", "late"]
