"""A few deals to play with: an operator, two rival holders, and what they say."""

from collections.abc import Mapping
from typing import Any

from tests.support.http_world import World

START, END = "2026-10-01T00:00:00Z", "2029-07-01T00:00:00Z"


def schedule(quantity: int) -> list[dict[str, Any]]:
    return [{"start": START, "end": END, "quantity": quantity}]


def terms(supplier: str, customer: str, *, pool: str = "memphis", note: str = "plain") -> dict[str, Any]:
    return {
        "supplier": supplier,
        "customer": customer,
        "term": {"start": START, "end": END},
        "currency": "USD",
        "lines": [{"line": "gpus", "pool": pool, "quantity": schedule(1000)}],
        "charges": [
            {
                "charge": "fee",
                "kind": "fixed",
                "lines": ["gpus"],
                "steps": [{"start": START, "end": END, "amount": "920000000.00"}],
            }
        ],
        "references": [{"system": "crm", "id": note}],
    }


POOL: Mapping[str, Any] = {
    "site": "memphis",
    "sku": {"gpu": "GB300", "memory_gb": 288, "interconnect": "infiniband"},
    "sell": "planned",
}


async def sell(world: World, supplier: str, customers: Mapping[str, str]) -> None:
    """Open a pool with 10,000 GPUs and sell 1,000 to each customer, its contract marked with a note."""
    await world.command("capacity", supplier, "capacity.RegisterPool.v1", {"pool": "memphis", **POOL})
    phase = {"pool": "memphis", "phase": "one", "quantity": 10_000, "megawatts": "13", "planned_at": START}
    result = await world.command("capacity", supplier, "capacity.PlanPhase.v1", phase)
    assert result["outcome"] == "accepted", result
    for customer, note in customers.items():
        data = {"contract": f"for-{customer}", "terms": terms(supplier, customer, note=note)}
        result = await world.command("contracts", supplier, "contracts.SignContract.v1", data)
        assert result["outcome"] == "accepted", result
        accepted = {"contract": f"{supplier}/for-{customer}"}
        result = await world.command("contracts", customer, "contracts.AcceptContract.v1", accepted)
        assert result["outcome"] == "accepted", result
    await world.system.rest()
