"""Why settlement refuses, in the order of precedence."""

from enum import StrEnum


class SettlementRejection(StrEnum):
    """Why settlement refuses a command or an ask; the first that applies, in this order."""

    ACCOUNT_UNKNOWN = "account_unknown"
    NOT_YOURS_TO_DO = "not_yours_to_do"
    NOT_AN_INTERVAL = "not_an_interval"
    INTERVAL_NOT_ENDED = "interval_not_ended"
    INTERVAL_CLOSED = "interval_closed"
    STATEMENT_UNKNOWN = "statement_unknown"
    EXCEEDS_REMAINING = "exceeds_remaining"
    PAYMENT_EXISTS_OTHERWISE = "payment_exists_otherwise"
    DISPUTE_UNKNOWN = "dispute_unknown"
    CURRENCY_MISMATCH = "currency_mismatch"
    RATE_MISSING = "rate_missing"
    NETTING_UNKNOWN = "netting_unknown"
    NETTING_UNBALANCED = "netting_unbalanced"
