"""Alarms: the closed list of what an operator must look at. Each has its page in docs/operate/alarms.md.

An alarm rings when something has stopped, or goes on without what it should have, and does not mend by
itself. What passes by itself (a lost connection, a retry) is logged and counted, and rings nothing.
"""

from enum import StrEnum

from infra.bus import BusError, RecordTooLargeError
from infra.event_store import ClockSuspectError, StoreCorruptError
from infra.relay import TopicAheadError
from infra.subscriptions import StoreRewoundError


class Alarm(StrEnum):
    """Every alarm there is."""

    STORE_REWOUND = "store_rewound"
    STORE_CORRUPT = "store_corrupt"
    RECORD_TOO_LARGE = "record_too_large"
    QUARANTINED = "quarantined"
    CLOCK_SUSPECT = "clock_suspect"
    TOPICS_AWAY = "topics_away"
    TIMER_REFUSED = "timer_refused"
    LOOP_FAILED = "loop_failed"


def alarm_of(error: Exception) -> Alarm:
    """Return the alarm that an error rings when it ends a loop, or is met in one that goes on.

    What is none of the operating errors named here is a bug, and rings `loop_failed`.
    """
    match error:
        case StoreRewoundError() | TopicAheadError():
            return Alarm.STORE_REWOUND
        case StoreCorruptError():
            return Alarm.STORE_CORRUPT
        case RecordTooLargeError():
            return Alarm.RECORD_TOO_LARGE
        case BusError():
            return Alarm.TOPICS_AWAY
        case ClockSuspectError():
            return Alarm.CLOCK_SUSPECT
        case _:
            return Alarm.LOOP_FAILED
