"""Why capacity refuses."""

from enum import StrEnum


class Rejection(StrEnum):
    """In order of precedence: the first that applies is the one told."""

    POOL_UNKNOWN = "pool_unknown"
    POOL_EXISTS_OTHERWISE = "pool_exists_otherwise"
    NOT_YOURS_TO_DO = "not_yours_to_do"
    OFF_GRID = "off_grid"
    OFF_LOT = "off_lot"
    PHASE_UNKNOWN = "phase_unknown"
    PHASE_EXISTS_OTHERWISE = "phase_exists_otherwise"
    PHASE_ALREADY_ACCEPTED = "phase_already_accepted"
    NOT_IN_FUTURE = "not_in_future"
    OUTAGE_UNKNOWN = "outage_unknown"
    OUTAGE_EXISTS_OTHERWISE = "outage_exists_otherwise"
    RESERVATION_UNKNOWN = "reservation_unknown"
    RESERVATION_EXISTS_OTHERWISE = "reservation_exists_otherwise"
    NOT_THE_HOLDER = "not_the_holder"
    HOLD_EXPIRED = "hold_expired"
    WORSENS_SHORTFALL = "worsens_shortfall"
    CAPACITY_SHORT = "capacity_short"
    ENTITLEMENT_SHORT = "entitlement_short"
    NOT_RECALLABLE = "not_recallable"
    RECALL_TOO_SOON = "recall_too_soon"
    USAGE_UNKNOWN = "usage_unknown"
