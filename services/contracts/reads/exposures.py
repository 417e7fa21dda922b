"""The ask for exposure: of one contract, or of all that a tenant sold or bought."""

from collections.abc import Sequence
from typing import Any

from infra.service import View
from schemas.contracts import ContractSigned, ExposureQuestion, Party
from schemas.decision import Refused
from schemas.kernel.agreement import INITIAL, Agreement, Proposed, evolve
from schemas.kernel.money import amount
from services.contracts.domain.exposure import Exposure
from services.contracts.domain.exposure import exposure as exposure_of
from services.contracts.reads.finding import agreements_of, contract_of

AMOUNTS = ("headline", "elapsed", "firm", "cancellable", "optional", "termination_fee")


async def exposure(question: ExposureQuestion, view: View) -> Any:  # noqa: ANN401 JSON-ready
    """The exposure of a contract or of a tenant, as one party sees it."""
    if question.tenant is not None:
        return await _of_tenant(question.tenant, question.seen_by, view)
    assert question.contract is not None, "a question is about a contract or a tenant"
    state = await contract_of(question.contract, view)
    match state:
        case Refused():
            return state
        case Proposed():
            return _told(_as_if_signed(state), question.seen_by, view)
        case Agreement():
            return _told(state, question.seen_by, view)


async def _of_tenant(tenant: str, seen_by: Party, view: View) -> dict[str, Any]:
    found = await agreements_of(tenant, seen_by, view)
    own = [a for a in found if seen_by == "supplier" or a.acknowledged]
    asserted = [a for a in found if seen_by == "customer" and not a.acknowledged]
    counted = [exposure_of(agreement, seen_by, view.valid_at) for agreement in own]
    return {
        "tenant": tenant,
        "seen_by": seen_by,
        "totals": _totals(counted),
        "contracts": [_written(a.contract, seen_by, found) for a, found in zip(own, counted, strict=True)],
        "asserted": [_told(agreement, seen_by, view) for agreement in asserted],
    }


def _totals(counted: Sequence[Exposure]) -> list[dict[str, Any]]:
    currencies = sorted({found.currency for found in counted})
    return [
        {"currency": currency}
        | {
            name: amount(
                sum(getattr(found, name) for found in counted if found.currency == currency), currency
            )
            for name in AMOUNTS
        }
        for currency in currencies
    ]


def _told(agreement: Agreement, seen_by: Party, view: View) -> dict[str, Any]:
    return _written(agreement.contract, seen_by, exposure_of(agreement, seen_by, view.valid_at))


def _written(contract: str, seen_by: Party, found: Exposure) -> dict[str, Any]:
    amounts = {name: amount(getattr(found, name), found.currency) for name in AMOUNTS}
    return {
        "contract": contract,
        "seen_by": seen_by,
        "currency": found.currency,
        **amounts,
        "undetermined": list(found.undetermined),
        "earliest_notice": found.earliest_notice,
        "earliest_end": found.earliest_end,
    }


def _as_if_signed(proposed: Proposed) -> Agreement:
    """What a proposal would come to."""
    signed = ContractSigned(
        contract=proposed.contract, terms=proposed.terms, effective_at=proposed.effective_at
    )
    state = evolve(INITIAL, signed)
    assert isinstance(state, Agreement), "a signing makes an agreement"
    return state
