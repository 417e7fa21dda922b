"""Replay: read models made anew from the log beside the live ones, compared, and put in their place.

Nothing here can have an effect outside: a replay takes projections, which are pure, and tables of its own.
It is handed no commands, no timers and no bus.
"""

from infra.replay.asides import Aside, AsideBehindError, Asides, Difference, MemoryAsides, NoShadowError
from infra.replay.rebuild import Checked, Replay

__all__ = [
    "Aside",
    "AsideBehindError",
    "Asides",
    "Checked",
    "Difference",
    "MemoryAsides",
    "NoShadowError",
    "Replay",
]
