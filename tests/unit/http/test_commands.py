from typing import Any

from tests.support.http_deals import terms
from tests.support.http_world import World

SIGN = "/v1/contracts/spacex/for-google/sign"
BODY = {"terms": terms("spacex", "google")}


async def test_a_command_has_a_url_of_its_own_and_answers_with_a_receipt(world: World) -> None:
    reply = await world.call("contracts", "POST", SIGN, as_="spacex", body=BODY)
    assert reply.status == 200
    assert reply.json["outcome"] == "accepted"
    (event,) = reply.json["receipt"]["events"]
    assert (event["type"], event["stream"]) == ("contracts.ContractSigned.v1", "contract-for-google")
    assert reply.json["sandbox"] is True


async def test_a_retry_brings_the_first_receipt_to_the_byte(world: World) -> None:
    headers = {"Idempotency-Key": '"one"'}
    first = await world.call("contracts", "POST", SIGN, as_="spacex", body=BODY, headers=headers)
    other = {"contract": "other", "terms": terms("spacex", "meta")}
    await world.command("contracts", "spacex", "contracts.SignContract.v1", other)
    again = await world.call("contracts", "POST", SIGN, as_="spacex", body=BODY, headers=headers)
    assert (first.json["outcome"], again.json["outcome"]) == ("accepted", "duplicate")
    assert again.json["receipt"] == first.json["receipt"]
    assert again.json["id"] == "one"


async def test_the_same_id_with_other_content_is_a_conflict(world: World) -> None:
    headers = {"Idempotency-Key": "one"}
    await world.call("contracts", "POST", SIGN, as_="spacex", body=BODY, headers=headers)
    other = {"terms": terms("spacex", "google", note="changed")}
    reply = await world.call("contracts", "POST", SIGN, as_="spacex", body=other, headers=headers)
    assert (reply.status, reply.code, reply.json["outcome"]) == (422, "id_reused", "conflict")


async def test_the_same_id_of_two_tenants_never_meets(world: World) -> None:
    headers = {"Idempotency-Key": "one"}
    path = "/v1/contracts/nebius/for-google/sign"
    mine = await world.call("contracts", "POST", SIGN, as_="spacex", body=BODY, headers=headers)
    body = {"terms": terms("nebius", "google")}
    theirs = await world.call("contracts", "POST", path, as_="nebius", body=body, headers=headers)
    assert (mine.json["outcome"], theirs.json["outcome"]) == ("accepted", "accepted")


async def test_a_refused_command_may_be_sent_again_with_its_id_and_then_succeed(world: World) -> None:
    fee = {"charge": "fee", "start": "2026-10-01T00:00:00Z", "amount": "5.00"}
    path, headers = "/v1/contracts/spacex/for-google/set-fee", {"Idempotency-Key": "fee"}
    refused = await world.call("contracts", "POST", path, as_="spacex", body=fee, headers=headers)
    assert (refused.status, refused.code) == (409, "contract_unknown")
    assert refused.json["id"] == "fee"
    unknown = terms("spacex", "google")
    unknown["charges"][0]["steps"][0]["amount"] = None
    await world.call("contracts", "POST", SIGN, as_="spacex", body={"terms": unknown})
    done = await world.call("contracts", "POST", path, as_="spacex", body=fee, headers=headers)
    assert done.json["outcome"] == "accepted"


async def test_the_actor_is_the_tenant_of_the_key_whatever_the_body_says(world: World) -> None:
    reply = await world.call("contracts", "POST", SIGN, as_="google", body=BODY)
    assert reply.status == 409
    assert not await world.system.store.streams("contracts", "spacex", "contract")


async def test_a_body_may_name_the_object_of_the_path_and_no_other(world: World) -> None:
    same = await world.call("contracts", "POST", SIGN, as_="spacex", body={**BODY, "contract": "for-google"})
    other = await world.call("contracts", "POST", SIGN, as_="spacex", body={**BODY, "contract": "elsewhere"})
    assert (same.status, other.status) == (200, 422)
    assert other.json["errors"][0]["pointer"] == "/contract"


async def test_a_dry_run_tells_what_would_be_recorded_and_records_nothing(world: World) -> None:
    reply = await world.call("contracts", "POST", SIGN + "?dry_run=true", as_="spacex", body=BODY)
    assert reply.json["dry_run"] is True
    assert [event["type"] for event in reply.json["events"]] == ["contracts.ContractSigned.v1"]
    assert not await world.system.store.streams("contracts", "spacex", "contract")
    refused = await world.call(
        "contracts", "POST", "/v1/contracts/spacex/none/accept?dry_run=true", as_="google", body={}
    )
    assert (refused.status, refused.code) == (409, "contract_unknown")


async def test_a_batch_is_done_in_order_and_each_item_has_its_own_outcome(world: World) -> None:
    unknown = terms("spacex", "google")
    unknown["charges"][0]["steps"][0]["amount"] = None
    fee = {"contract": "a", "charge": "fee", "start": "2026-10-01T00:00:00Z", "amount": "5.00"}
    items: list[dict[str, Any]] = [
        {"id": "1", "type": "contracts.SignContract.v1", "data": {"contract": "a", "terms": unknown}},
        {"id": "2", "type": "contracts.SetFee", "data": fee},
        {"id": "3", "type": "contracts.SetFee.v1", "data": {**fee, "amount": 5}},
        {"id": "4", "type": "contracts.SetFee.v1", "data": {**fee, "amount": "6.00"}},
        {"id": "1", "type": "contracts.SignContract.v1", "data": {"contract": "a", "terms": unknown}},
        {"type": "contracts.Nothing.v1", "data": {}},
        {"type": "settlement.RecordPayment.v1", "data": {}},
    ]
    reply = await world.call("contracts", "POST", "/v1/commands", as_="spacex", body=items)
    results = reply.json["results"]
    assert [result["outcome"] for result in results] == [
        "accepted",
        "accepted",
        "rejected",
        "rejected",
        "duplicate",
        "rejected",
        "rejected",
    ]
    assert results[2]["problem"]["errors"][0]["pointer"] == "/2/data/amount"
    assert results[3]["problem"]["code"] == "fee_already_set"
    assert results[5]["problem"]["code"] == "type_unknown"
    assert "settlement" in results[6]["problem"]["detail"]


async def test_all_or_nothing_does_nothing_when_one_is_refused(world: World) -> None:
    good = {
        "type": "contracts.SignContract.v1",
        "data": {"contract": "a", "terms": terms("spacex", "google")},
    }
    bad = {"type": "contracts.AcceptContract.v1", "data": {"contract": "spacex/none"}}
    body = {"mode": "all", "commands": [good, bad]}
    reply = await world.call("contracts", "POST", "/v1/commands", as_="spacex", body=body)
    assert (reply.status, reply.code) == (409, "group_refused")
    assert [result["outcome"] for result in reply.json["results"]] == ["not_done", "rejected"]
    assert not await world.system.store.streams("contracts", "spacex", "contract")
    reply = await world.call(
        "contracts", "POST", "/v1/commands?mode=all", as_="spacex", body=[good, {**good, "data": {}}]
    )
    assert (reply.status, reply.code) == (422, "group_refused")
    reply = await world.call("contracts", "POST", "/v1/commands?mode=all", as_="spacex", body=[good])
    assert reply.json["results"][0]["outcome"] == "accepted"


async def test_a_group_over_two_books_is_told_so(world: World) -> None:
    items = [
        {"type": "contracts.AcceptContract.v1", "data": {"contract": "spacex/a"}},
        {"type": "contracts.AcceptContract.v1", "data": {"contract": "nebius/b"}},
    ]
    reply = await world.call("contracts", "POST", "/v1/commands?mode=all", as_="google", body=items)
    assert (reply.status, reply.code) == (422, "not_one_book")


async def test_more_than_a_thousand_commands_are_too_many(world: World) -> None:
    items: list[dict[str, Any]] = [{"type": "contracts.AcceptContract.v1", "data": {}}] * 1001
    reply = await world.call("contracts", "POST", "/v1/commands", as_="google", body=items)
    assert (reply.status, reply.code) == (413, "too_large")


async def test_a_party_that_nobody_has_a_key_for_is_pointed_out(world: World) -> None:
    reply = await world.call(
        "contracts", "POST", SIGN, as_="spacex", body={"terms": terms("spacex", "googel")}
    )
    assert [warning["party"] for warning in reply.json["warnings"]] == ["googel"]
    await world.key("google")
    other = "/v1/contracts/spacex/second/sign"
    reply = await world.call("contracts", "POST", other, as_="spacex", body=BODY)
    assert reply.json["warnings"] == []


async def test_what_a_plain_id_names_is_made_in_ones_own_name_only(world: World) -> None:
    body = {
        "parties": ["spacex", "google"],
        "currency": "USD",
        "value_date": "2026-07-01T00:00:00Z",
        "statements": ["spacex/for-google/0001"],
    }
    path = "/v1/nettings/{}/july/propose"
    theirs = await world.call("settlement", "POST", path.format("google"), as_="spacex", body=body)
    assert (theirs.status, theirs.code) == (422, "invalid")
    own = await world.call("settlement", "POST", path.format("spacex"), as_="spacex", body=body)
    assert own.status == 409 or "path" not in own.json.get("detail", ""), own.json
