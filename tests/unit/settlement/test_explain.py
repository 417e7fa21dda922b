"""What an explanation tells: to the parties without positions, to operations with them, to others nothing."""

from typing import Any

from infra.system import System
from infra.tokens import open_sealer
from schemas.decision import Refused
from schemas.settlement import ExplainQuestion
from services.settlement.reads.access import UNKNOWN
from tests.unit.settlement.test_exports_of_stories import documents, past_of, played

OPERATIONS = frozenset({"ledger:read"})
STORY = "golden/settlement/16-late-and-corrected-usage.yaml"


async def explained(system: System, actor: str, scopes: frozenset[str] = frozenset()) -> Any:
    _, number, event = await anext(documents(await past_of(system)))
    node = system.parts["settlement"].node
    question = ExplainQuestion(statement=number, line=event.lines[0].line)
    return await node.ask("settlement.explain", actor, question, valid_at=None, known=None, scopes=scopes)


async def test_operations_see_where_everything_lies_and_whose_word_it_is() -> None:
    system = await played(STORY)

    found = await explained(system, "operations", OPERATIONS)

    assert {entry["log"] for entry in found["basis"]} >= {"contracts", "usage"}
    assert found["facts"]
    for entry in (*found["facts"], *found["clauses"]):
        shard = await system.store.shard(entry["log"], entry["shard"], entry["position"] - 1, 1)
        assert str(shard[0].event_id) == entry["event"]
        assert shard[0].meta.actor == entry["sender"]


async def test_a_party_sees_its_facts_by_tokens_and_neither_ids_nor_positions() -> None:
    system = await played(STORY)

    found, whole = await explained(system, "nimbus"), await explained(system, "operations", OPERATIONS)

    told = [*found["facts"], *found["clauses"]]
    assert found["facts"]
    assert "basis" not in found
    assert not any({"event", "log", "shard", "position"} & set(entry) for entry in told)
    sealer, name = open_sealer(), system.parts["settlement"].node.ledger.name
    opened = [sealer.open("event", name, entry["token"]).mark for entry in told]
    places = [(e["log"], e["shard"], e["position"]) for e in (*whole["facts"], *whole["clauses"])]
    assert [(mark.log, mark.shard, mark.position) for mark in opened] == places


async def test_for_anybody_else_there_is_no_such_statement() -> None:
    system = await played(STORY)

    found = await explained(system, "operations", frozenset({"settlement:read"}))

    assert isinstance(found, Refused)
    assert found == UNKNOWN
