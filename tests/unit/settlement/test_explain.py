"""What an explanation tells: to the parties without positions, to operations with them, to others nothing."""

import re
from typing import Any

import pytest

from infra.system import System
from infra.tokens import open_sealer
from schemas.decision import Refused
from schemas.settlement import ExplainQuestion, StatementIssued
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


async def lines_of(story: str, kind: str) -> list[Any]:
    """How every line of a kind in a story's statements is explained to operations."""
    system = await played(story)
    node, found = system.parts["settlement"].node, list[Any]()
    async for _, number, event in documents(await past_of(system)):
        for line in event.lines if isinstance(event, StatementIssued) else ():
            if line.kind == kind:
                question = ExplainQuestion(statement=number, line=line.line)
                found.append(
                    await node.ask(
                        "settlement.explain",
                        "operations",
                        question,
                        valid_at=None,
                        known=None,
                        scopes=OPERATIONS,
                    )
                )
    assert found
    return found


async def test_claimed_interest_names_its_claims() -> None:
    for told in await lines_of("stories/settlement/interest-in-pieces.yaml", "late_interest"):
        assert {fact["type"] for fact in told["facts"]} == {"settlement.InterestClaimed.v1"}
        assert re.fullmatch(r"\d+ minor units claimed - \d+ billed before", told["formula"])


@pytest.mark.parametrize(
    "story",
    ["golden/settlement/06-minimum-with-make-up.yaml", "stories/settlement/quarterly-minimum-made-up.yaml"],
)
async def test_a_minimum_names_the_use_that_counted_towards_it(story: str) -> None:
    for told in await lines_of(story, "minimum"):
        assert any("report" in fact for fact in told["facts"]), told["formula"]


async def test_a_drawdown_names_what_was_to_pay_and_what_was_left() -> None:
    found = await lines_of("golden/settlement/09-prepayment-expiry-rollover.yaml", "prepayment")

    drawn = [told for told in found if told["amount"].startswith("-")]
    assert drawn
    for told in drawn:
        lesser = re.fullmatch(r"the lesser of (\d+) minor units to pay and (\d+) left", told["formula"])
        assert lesser is not None
        assert min(int(lesser[1]), int(lesser[2])) == -int(told["amount"].replace(".", ""))


async def test_a_correction_tells_how_what_is_owed_now_came_about() -> None:
    found = await lines_of(STORY, "usage")

    corrections = [told for told in found if told["corrects"] is not None]
    assert corrections
    for told in corrections:
        assert re.fullmatch(r"\d+ minor units now \(.+ x .+\) - \d+ billed before", told["formula"])
