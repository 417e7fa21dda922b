"""Whether an aim was met is read from its words."""

import pytest

from tests.bench.measure import Measure


@pytest.mark.parametrize(
    ("ours", "limit", "aim", "met"),
    [
        (50.0, 100.0, "at least 0.5", True),
        (49.0, 100.0, "at least 0.5", False),
        (1.8, 1.0, "at most 1.8", True),
        (1.9, 1.0, "at most 1.8", False),
        (3.0, 1.0, "at most 2 ms over", True),
        (3.1, 1.0, "at most 2 ms over", False),
        (0.5, None, "0.5 ms at most", True),
        (0.6, 100.0, "0.5 ms at most", False),
        (1.0, 2.0, "", None),
    ],
)
def test_an_aim_is_met_or_not(ours: float, limit: float | None, aim: str, met: bool | None) -> None:
    assert Measure(what="it", ours=ours, unit="ms", limit=limit, aim=aim).met is met


@pytest.mark.parametrize("aim", ["soon", "at least 0.5", "at most 2 s over", "1 s at most"])
def test_an_aim_that_cannot_be_judged_is_an_error(aim: str) -> None:
    with pytest.raises(ValueError, match="no such aim"):
        _ = Measure(what="it", ours=1.0, unit="ms", limit=0.0, aim=aim).met
