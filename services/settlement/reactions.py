"""A settled netting closes the statements in it, each in its own book."""

from collections.abc import Sequence

from infra.event_store import Recorded
from infra.past import Past
from infra.service import Reaction
from schemas.decision import Sent
from schemas.kernel.names import owner
from schemas.settlement import NetStatement, NettingSettled
from services.settlement.naming import contract_of


async def close_netted(recorded: Recorded, past: Past) -> Sequence[Sent]:
    """Return one command for each statement of a netting, on the proposer's event, which has them all."""
    del past
    event = recorded.event
    if not isinstance(event, NettingSettled) or event.party != owner(event.netting):
        return []
    sent: list[Sent] = []
    for netted in event.statements:
        contract = contract_of(netted.statement)
        assert contract is not None, "it was found when it was proposed"
        command = NetStatement(
            contract=contract,
            statement=netted.statement,
            netting=event.netting,
            amount=netted.amount,
            value_date=event.settled_at,
        )
        sent.append(Sent(command=command, key=netted.statement))
    return sent


REACTIONS = (Reaction(name="settlement.netting", follows=("settlement",), react=close_netted),)
