"""Finding the contracts that a question is about, as far as who asks may know of them."""

from collections.abc import Sequence

from infra.past import Past
from infra.service import View
from schemas.contracts import Party, Rejection
from schemas.decision import Refused
from schemas.kernel.agreement import Agreement, Proposed, Unknown
from schemas.kernel.names import owner, qualify
from services.contracts.domain.contract import CONTRACT, parties
from services.contracts.domain.standing import stream_of

LOG = "contracts"


async def contract_of(name: str, view: View) -> Agreement | Proposed | Refused:
    """One contract; for who is no party of it, the same answer as for a name that was never used."""
    qualified = qualify(name, view.actor)
    folded = await view.past.fold(LOG, CONTRACT, owner(qualified), stream_of(qualified))
    state = folded.state
    if isinstance(state, Unknown) or view.actor not in parties(state):
        return Refused(Rejection.CONTRACT_UNKNOWN)
    assert isinstance(state, Agreement | Proposed), "whatever is known has parties"
    return state


async def agreements_of(tenant: str, role: Party, view: View) -> Sequence[Agreement]:
    """The signed contracts of a tenant in a role, by name: those that who asks is a party of too."""
    found = [state for state in await _signed(tenant, view.past) if state.role_of(tenant) == role]
    mine = [state for state in found if state.role_of(view.actor) is not None]
    return sorted(mine, key=lambda state: state.contract)


async def _signed(tenant: str, past: Past) -> list[Agreement]:
    streams = await past.streams(LOG, tenant, CONTRACT.category)
    folded = [await past.fold(LOG, CONTRACT, name.tenant, name.stream) for name in streams]
    return [found.state for found in folded if isinstance(found.state, Agreement)]
