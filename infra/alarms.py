"""Alarms: the closed list of what an operator must look at. Each has its page in docs/operate/alarms.md.

An alarm rings when something has stopped, or goes on without what it should have, and does not mend by
itself. What passes by itself (a lost connection, a retry) is logged and counted, and rings nothing.
"""

from collections import Counter
from collections.abc import Mapping
from enum import StrEnum

import msgspec

from infra.bus import BusError, RecordTooLargeError
from infra.event_store import ClockSuspectError, StoreCorruptError, StoreError
from infra.failpoints import FailpointError
from infra.leases import LeasesLostError
from infra.logging import logger
from infra.outcomes import QueueFullError
from infra.read_store import CheckpointMovedError
from infra.relay import TopicAheadError
from infra.subscriptions import StoreRewoundError

_log = logger("capledger.alarms")


class Alarm(StrEnum):
    """Every alarm there is."""

    STORE_REWOUND = "store_rewound"
    STORE_CORRUPT = "store_corrupt"
    RECORD_TOO_LARGE = "record_too_large"
    QUARANTINED = "quarantined"
    CLOCK_SUSPECT = "clock_suspect"
    STORE_AWAY = "store_away"
    TOPICS_AWAY = "topics_away"
    TIMER_REFUSED = "timer_refused"
    STALLED = "stalled"
    LOOP_FAILED = "loop_failed"


class Ringing(msgspec.Struct, frozen=True):
    """An alarm that rings, and what it says."""

    alarm: Alarm
    what: str


class Alarms:
    """What rings in one process, each under the name of what it is about."""

    def __init__(self) -> None:
        """All is well."""
        self.found: dict[str, Ringing] = {}

    def ring(self, alarm: Alarm, name: str, what: str) -> None:
        """Let an alarm ring; it is told once."""
        ringing = Ringing(alarm, what)
        if self.found.get(name) != ringing:
            self.found[name] = ringing
            _log.error("alarm", alarm=alarm.value, where=name, what=what)

    def hush(self, name: str) -> None:
        """Note that all is well again with something."""
        ringing = self.found.pop(name, None)
        if ringing is not None:
            _log.info("alarm_over", alarm=ringing.alarm.value, where=name)

    def counts(self) -> Mapping[Alarm, int]:
        """Return how many of each alarm ring, those that do not too."""
        rung = Counter(ringing.alarm for ringing in self.found.values())
        return {alarm: rung[alarm] for alarm in Alarm}


def alarm_of(error: Exception) -> Alarm:
    """Return the alarm that an error rings: at once where it ends something, otherwise when it lasts.

    What is no operating error is a bug, and rings `loop_failed`.
    """
    match error:
        case StoreRewoundError() | TopicAheadError():
            return Alarm.STORE_REWOUND
        case StoreCorruptError():
            return Alarm.STORE_CORRUPT
        case RecordTooLargeError():
            return Alarm.RECORD_TOO_LARGE
        case ClockSuspectError():
            return Alarm.CLOCK_SUSPECT
        case BusError():
            return Alarm.TOPICS_AWAY
        case StoreError() | LeasesLostError() | OSError():
            return Alarm.STORE_AWAY
        case QueueFullError() | CheckpointMovedError() | FailpointError():
            return Alarm.STALLED
        case _:
            return Alarm.LOOP_FAILED
