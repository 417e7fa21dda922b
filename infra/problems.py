"""The error catalogue: one closed list of codes, each with its status, its cause and its cure.

Every error of every interface is one of these, or a rejection of a service (`schemas.catalog` lists those).
On the wire it is RFC 9457 `application/problem+json`; `docs/reference/errors.md` is made from this list.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cache
from http import HTTPStatus
from typing import Any

import msgspec

from schemas.catalog import CONTEXTS
from schemas.decision import Refused

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:capledger:problem:"


class Code(StrEnum):
    """What can be wrong with a request, other than a rule of the business."""

    UNREADABLE = "unreadable"
    CREDENTIAL_MISSING = "credential_missing"
    CREDENTIAL_INVALID = "credential_invalid"
    SCOPE_MISSING = "scope_missing"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    REQUEST_TIMEOUT = "request_timeout"
    ID_REUSED = "id_reused"
    GROUP_REFUSED = "group_refused"
    NOT_YET_VISIBLE = "not_yet_visible"
    BASIS_OUTDATED = "basis_outdated"
    KEYS_ALREADY_TWO = "keys_already_two"
    TENANT_EXISTS = "tenant_exists"
    LEDGER_EXISTS = "ledger_exists"
    NOT_A_SANDBOX = "not_a_sandbox"
    NOT_AT_REST = "not_at_rest"
    TOO_LARGE = "too_large"
    MEDIA_TYPE_UNKNOWN = "media_type_unknown"
    INVALID = "invalid"
    TYPE_UNKNOWN = "type_unknown"
    TOKEN_INVALID = "token_invalid"  # noqa: S105 a code, no secret
    KNOWN_AT_IN_FUTURE = "known_at_in_future"
    NOT_ONE_BOOK = "not_one_book"
    RATE_LIMITED = "rate_limited"
    BUSY = "busy"
    OUTCOME_UNKNOWN = "outcome_unknown"
    STORE_UNAVAILABLE = "store_unavailable"
    INTERNAL = "internal"


class FaultCode(StrEnum):
    """What can be wrong with one value of a message."""

    NOT_JSON = "not_json"
    NOT_UNICODE = "not_unicode"
    DUPLICATE_KEY = "duplicate_key"
    NOT_FINITE = "not_finite"
    NUMBER_NOT_WHOLE = "number_not_whole"
    TOO_DEEP = "too_deep"
    TOO_LARGE = "too_large"
    TYPE = "type"
    QUOTE_IT = "quote_it"
    REQUIRED = "required"
    UNKNOWN_FIELD = "unknown_field"
    PATTERN = "pattern"
    FORMAT = "format"
    CHOICE = "choice"
    RANGE = "range"
    LENGTH = "length"
    REPEATED = "repeated"
    RULE = "rule"


class About(msgspec.Struct, frozen=True):
    """What a code means: HTTP status, title, cause, cure, and whether the same request may later succeed."""

    status: HTTPStatus
    title: str
    cause: str
    cure: str
    retryable: bool = False


S = HTTPStatus
ABOUT: Mapping[Code, About] = {
    Code.UNREADABLE: About(
        S.BAD_REQUEST,
        "The request cannot be read",
        "The body or a header is not what its media type says: not UTF-8, not JSON, cut off.",
        "Send the whole body as UTF-8 JSON; `errors` says where it breaks.",
    ),
    Code.CREDENTIAL_MISSING: About(
        S.UNAUTHORIZED,
        "No credential",
        "The request has no `Authorization: Bearer clk_…` header.",
        "Send the key that you were given.",
    ),
    Code.CREDENTIAL_INVALID: About(
        S.UNAUTHORIZED,
        "The credential does not hold",
        "The key is mistyped, unknown, revoked, or of another ledger; which of these is not said.",
        "Compare the key with the one you were given, or have it rotated.",
    ),
    Code.SCOPE_MISSING: About(
        S.FORBIDDEN,
        "The credential may not do this",
        "The key lacks the scope that the operation needs; `expected` names it.",
        "Use a key that has the scope, or ask whoever holds keys:admin for one.",
    ),
    Code.NOT_FOUND: About(
        S.NOT_FOUND,
        "There is nothing here",
        "No such route, or no such object that this credential may know of.",
        "Compare the path with /openapi.json.",
    ),
    Code.METHOD_NOT_ALLOWED: About(
        S.METHOD_NOT_ALLOWED,
        "Not with this method",
        "The path exists, but not with this method; `Allow` lists those that do.",
        "Use one of the methods in `Allow`.",
    ),
    Code.REQUEST_TIMEOUT: About(
        S.REQUEST_TIMEOUT,
        "The request came too slowly",
        "Headers or body did not arrive within their deadline.",
        "Send it again with the same id.",
        retryable=True,
    ),
    Code.ID_REUSED: About(
        S.UNPROCESSABLE_ENTITY,
        "The id is known with other content",
        "This id was accepted before, with another type or other data; ids are kept for ever.",
        "Use a new id for new content; for a correction use the command that corrects.",
    ),
    Code.GROUP_REFUSED: About(
        S.CONFLICT,
        "The group was not done",
        "A command of an all-or-nothing group was refused or invalid; none of them was done.",
        "See `results`; mend or leave out what was refused, and send the group again.",
    ),
    Code.NOT_YET_VISIBLE: About(
        S.CONFLICT,
        "Not yet visible here",
        "What `after` or `known_at` names was not taken in here within the time that `Prefer: wait` gave.",
        "Ask again, or allow a longer wait.",
        retryable=True,
    ),
    Code.BASIS_OUTDATED: About(
        S.CONFLICT,
        "The basis is of an earlier version of this answer",
        "The rule behind the answer has changed since, and the old rule is no longer kept.",
        "Ask with the same instants and without the basis.",
    ),
    Code.KEYS_ALREADY_TWO: About(
        S.CONFLICT,
        "Two keys are live already",
        "A key can be rotated when it is the only live one of its label; two are live.",
        "Revoke the older one first.",
    ),
    Code.TENANT_EXISTS: About(
        S.CONFLICT, "The tenant exists", "It has a key already.", "Create further keys with POST /v1/keys."
    ),
    Code.LEDGER_EXISTS: About(
        S.CONFLICT, "The ledger exists", "A ledger of that name is there.", "Choose another name."
    ),
    Code.NOT_A_SANDBOX: About(
        S.CONFLICT,
        "Only in a sandbox",
        "The operation moves or drops a sandbox; this ledger is live.",
        "Use the credential of a sandbox ledger.",
    ),
    Code.NOT_AT_REST: About(
        S.CONFLICT,
        "The sandbox does not come to rest",
        "Something is in quarantine, or a command waits for what never comes; `detail` names it.",
        "See `capledger quarantine list`.",
    ),
    Code.TOO_LARGE: About(
        S.REQUEST_ENTITY_TOO_LARGE,
        "Too large",
        "More than 4 MiB of body or 1,000 items.",
        "Send several requests, or application/jsonl to /v1/events.",
    ),
    Code.MEDIA_TYPE_UNKNOWN: About(
        S.UNSUPPORTED_MEDIA_TYPE,
        "This media type is not read here",
        "The `Content-Type` is not one that the operation takes; `expected` lists them.",
        "Send one of those.",
    ),
    Code.INVALID: About(
        S.UNPROCESSABLE_ENTITY,
        "The message is not valid",
        "One or more values are not as declared; `errors` names each.",
        "Mend every value that `errors` names.",
    ),
    Code.TYPE_UNKNOWN: About(
        S.UNPROCESSABLE_ENTITY,
        "This type is not taken here",
        "No such command, event or ask, or it belongs to another service.",
        "See /v1/event-types and /openapi.json.",
    ),
    Code.TOKEN_INVALID: About(
        S.UNPROCESSABLE_ENTITY,
        "The token does not hold",
        "A receipt, basis or cursor is mistyped, or of another kind or ledger, or its key is gone.",
        "Send it exactly as it was received.",
    ),
    Code.KNOWN_AT_IN_FUTURE: About(
        S.UNPROCESSABLE_ENTITY,
        "known_at lies in the future",
        "What will be known cannot be known yet.",
        "Use a past instant; leave known_at out for now.",
    ),
    Code.NOT_ONE_BOOK: About(
        S.UNPROCESSABLE_ENTITY,
        "The group spans several books",
        "An all-or-nothing group must lie in one book of one log.",
        "Send one group for each book, or use mode=each.",
    ),
    Code.RATE_LIMITED: About(
        S.TOO_MANY_REQUESTS,
        "Too many requests",
        "The credential has used up its share; see the RateLimit headers.",
        "Wait for Retry-After seconds; send bulk as batches or jsonl.",
        retryable=True,
    ),
    Code.BUSY: About(
        S.SERVICE_UNAVAILABLE,
        "Too much is waiting",
        "A queue is at its bound; nothing of this request was done.",
        "Send it again with the same id after Retry-After seconds.",
        retryable=True,
    ),
    Code.OUTCOME_UNKNOWN: About(
        S.SERVICE_UNAVAILABLE,
        "It may or may not be done",
        "The connection to the store was lost while committing.",
        "Send it again with the same id: that settles it.",
        retryable=True,
    ),
    Code.STORE_UNAVAILABLE: About(
        S.SERVICE_UNAVAILABLE,
        "The store cannot be reached",
        "Nothing was read or written.",
        "Send it again with the same id after Retry-After seconds.",
        retryable=True,
    ),
    Code.INTERNAL: About(
        S.INTERNAL_SERVER_ERROR,
        "A fault of our own",
        "Something that must not happen; it is in our log under `request_id`.",
        "Tell us the request_id.",
    ),
}


class Fault(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing wrong: JSON pointer (RFC 6901) into the body, code, words, and what was expected."""

    pointer: str
    code: FaultCode
    detail: str
    expected: Any = None


class ProblemError(Exception):
    """An answer that is no success; becomes problem+json.

    Attributes:
        code: of `Code`, or of a service's rejections.
        status: the HTTP status.
        detail: one sentence for people.
        errors: every fault of the message.
        extra: members beside the standard ones, such as a rejection's details.
        headers: such as Retry-After.
    """

    def __init__(
        self,
        code: StrEnum,
        detail: str = "",
        *,
        errors: Sequence[Fault] = (),
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        status: int | None = None,
    ) -> None:
        """Take what is known; the rest comes from the catalogue."""
        about = _about(code)
        super().__init__(detail or about.cause)
        self.code, self.detail, self.errors = code, detail or about.cause, tuple(errors)
        self.status = int(about.status if status is None else status)
        self.title, self.retryable = about.title, about.retryable
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})
        if self.status in {S.TOO_MANY_REQUESTS, S.SERVICE_UNAVAILABLE}:
            self.headers.setdefault("Retry-After", "1")

    def body(self, request_id: str | None = None) -> dict[str, Any]:
        """Return the members of the problem document; no detail can shadow a standard one."""
        return {
            **self.extra,
            "type": TYPE_PREFIX + self.code.value,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code.value,
            **({} if request_id is None else {"request_id": request_id}),
            "errors": [msgspec.to_builtins(fault) for fault in self.errors],
            "retryable": self.retryable,
        }


def invalid(faults: Sequence[Fault]) -> ProblemError:
    """Return the problem of a message with faults: unreadable if it is no JSON at all, else invalid."""
    unreadable = any(fault.code in {FaultCode.NOT_JSON, FaultCode.NOT_UNICODE} for fault in faults)
    count = "one value is" if len(faults) == 1 else f"{len(faults)} values are"
    if unreadable:
        return ProblemError(Code.UNREADABLE, faults[0].detail, errors=faults)
    return ProblemError(Code.INVALID, f"{count} not as declared; errors names each", errors=faults)


def refusal(refused: Refused, details: Mapping[str, Any], *, asked: bool = False) -> ProblemError:
    """Return the problem of a rejection by rule.

    Args:
        refused: the rejection.
        details: its details as JSON-ready values.
        asked: it answers a question: then what is unknown is 404 and what is another's is 403.
    """
    status = S.CONFLICT
    if asked and refused.code.value.endswith("_unknown"):
        status = S.NOT_FOUND
    elif asked and refused.code.value == "not_yours_to_do":
        status = S.FORBIDDEN
    return ProblemError(refused.code, extra={**details, "details": dict(details)}, status=status)


@cache
def rejection_codes() -> Mapping[str, tuple[str, ...]]:
    """Return every rejection code with the names of the services that use it."""
    found: dict[str, tuple[str, ...]] = {}
    for context in CONTEXTS:
        for rejection in context.rejections:
            found[rejection.value] = (*found.get(rejection.value, ()), context.name)
    return found


def _about(code: StrEnum) -> About:
    if isinstance(code, Code):
        return ABOUT[code]
    words = code.value.replace("_", " ")
    return About(
        S.CONFLICT, words.capitalize(), f"Refused by rule: {words}.", "See the rules of the command."
    )
