"""How fast one credential may go: a bucket that fills steadily, told in RateLimit headers."""

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping

KEPT_MAX = 20_000


class Pace:
    """One bucket for each name; a bucket holds one second's worth and starts full."""

    def __init__(self, per_second: int, seconds: Callable[[], float]) -> None:
        """Take the rate and a clock that only runs forward."""
        self._rate, self._seconds = float(per_second), seconds
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def left(self, name: str) -> float:
        """Return what is there to take."""
        now = self._seconds()
        left, at = self._buckets.get(name, (self._rate, now))
        return min(self._rate, left + (now - at) * self._rate)

    def take(self, name: str, cost: float = 1.0) -> float | None:
        """Take one, or `cost` of them; return what is left, None if not even one was there."""
        left = self.left(name)
        taken = left >= 1.0
        self._buckets[name] = (max(0.0, left - cost) if taken else left, self._seconds())
        self._buckets.move_to_end(name)
        while len(self._buckets) > KEPT_MAX:
            self._buckets.popitem(last=False)
        return max(0.0, left - cost) if taken else None

    def headers(self, left: float | None) -> Mapping[str, str]:
        """Return the RateLimit headers that tell a caller where it stands."""
        whole = 0 if left is None else math.floor(left)
        return {
            "RateLimit-Policy": f'"requests";q={int(self._rate)};w=1',
            "RateLimit": f'"requests";r={whole};t=1',
        }
