"""A bundle holds what a tenant may see, proves that it is what was recorded, and folds without a server."""

import gzip
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from cli.composition import SERVICES
from infra.bundle import (
    BundleDamagedError,
    BundleStore,
    Header,
    NothingSelectedError,
    ReadOnlyError,
    Sealed,
    Selection,
    export,
    fold_all,
    prove,
    read,
)
from infra.bundle.folding import nodes, readable
from infra.bundle.format import sealed
from infra.codec import plain
from infra.event_store import Cut, InstantInFutureError
from infra.fold import category, fold
from infra.node import Node
from infra.replay.rebuild import silent
from infra.system import System
from infra.verify import GivenHead
from schemas.contracts import ExposureQuestion
from schemas.visibility import sees
from tests.support.deals import colossus

SPACEX = Selection(tenant="spacex")
GOOGLE = Selection(tenant="google")
ONE = Selection(tenant="spacex", log="contracts", stream="contract-google")


@pytest.fixture(scope="module")
def system() -> System:
    return colossus()


def part(system: System, name: str) -> Node:
    return system.parts[name].node


async def exported(system: System, selection: Selection, path: Path, cut: Cut | None = None) -> Header:
    ledger = part(system, "contracts").ledger
    known = cut or await system.heads()
    return await export(system.store, ledger, SERVICES, selection, known, path, silent)


def changed(path: Path, old: bytes, new: bytes) -> Path:
    """Change a bundle as somebody would who can also compute its digest."""
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    assert any(old in line for line in lines)
    kept = [line.replace(old, new) for line in lines[:-1]]
    end = {"kind": "end", "lines": len(kept), "digest": _digest(b"".join(kept))}
    path.write_bytes(gzip.compress(b"".join(kept) + msgspec.json.encode(end) + b"\n"))
    return path


def _digest(text: bytes) -> bytes:
    return sha256(text).digest()


async def test_a_tenants_bundle_holds_what_it_may_see_and_nothing_else(
    system: System, tmp_path: Path
) -> None:
    await exported(system, GOOGLE, tmp_path / "google")
    events = read(tmp_path / "google").events
    assert events
    assert all(sees("google", one.tenant, one.counterparty, one.stream) for one in events)
    text = gzip.decompress((tmp_path / "google").read_bytes())
    assert b"reflection" not in text
    assert b"anthropic" not in text


async def test_a_bundle_proves_itself_link_by_link(system: System, tmp_path: Path) -> None:
    await exported(system, GOOGLE, tmp_path / "b")
    proofs = prove(read(tmp_path / "b"))
    assert proofs
    assert all(proof.broken is None for proof in proofs)
    assert not all(proof.whole for proof in proofs)


async def test_with_all_leaves_the_chain_holds_to_a_head_that_somebody_kept(
    system: System, tmp_path: Path
) -> None:
    await exported(system, msgspec.structs.replace(GOOGLE, leaves=True), tmp_path / "b")
    heads = {
        (log, shard): GivenHead(head.position, head.chain)
        for log in ("contracts", "capacity", "settlement")
        for shard, head in (await system.store.heads(log)).items()
    }
    proofs = prove(read(tmp_path / "b"), heads)
    assert all(proof.whole and proof.head_given and proof.broken is None for proof in proofs)


async def test_a_head_of_another_history_is_refused(system: System, tmp_path: Path) -> None:
    await exported(system, msgspec.structs.replace(SPACEX, leaves=True), tmp_path / "b")
    shard = await system.store.placed("contracts", "spacex")
    assert shard is not None
    (proof,) = [
        one
        for one in prove(read(tmp_path / "b"), {("contracts", shard): GivenHead(2, bytes(32))})
        if one.log == "contracts"
    ]
    assert proof.broken is not None
    assert proof.broken.position == 2


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        (b"colossus-2-gb300", b"colossus-2-gb200", "not the one that its leaf was made of"),
        (b'"version":1,', b'"version":7,', "not the one that its leaf was made of"),
        (b'"recorded_at":"2026-06-08', b'"recorded_at":"2026-06-07', "the chain does not hold"),
    ],
)
async def test_whatever_is_changed_in_a_bundle_is_found(
    system: System, tmp_path: Path, old: bytes, new: bytes, found: str
) -> None:
    await exported(system, ONE, tmp_path / "b")
    proofs = prove(read(changed(tmp_path / "b", old, new)))
    assert [found in str(proof.broken) for proof in proofs] == [True]


async def test_a_bundle_that_was_cut_off_or_is_something_else_is_refused(
    system: System, tmp_path: Path
) -> None:
    await exported(system, ONE, tmp_path / "b")
    whole = (tmp_path / "b").read_bytes()
    lines = gzip.decompress(whole).splitlines(keepends=True)
    for bad in (
        whole[: len(whole) // 2],
        b"no bundle at all",
        b"",
        gzip.compress(b"".join(lines[:-1])),
        gzip.compress(b"".join(lines[1:])),
        gzip.compress(b"".join([*lines[:1], *lines[2:]])),
        gzip.compress(b"{}\n"),
        gzip.compress(b"".join([lines[0].replace(b'"bundle":1', b'"bundle":2'), *lines[1:]])),
    ):
        (tmp_path / "b").write_bytes(bad)
        with pytest.raises(BundleDamagedError):
            read(tmp_path / "b")


async def test_the_same_events_are_the_same_bytes(system: System, tmp_path: Path) -> None:
    for name in ("a", "b"):
        await exported(system, GOOGLE, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


async def test_one_stream_folds_to_the_state_that_the_ledger_has(system: System, tmp_path: Path) -> None:
    await exported(system, ONE, tmp_path / "b")
    (folding,) = fold_all(BundleStore(read(tmp_path / "b")), SERVICES)
    node = part(system, "contracts")
    aggregate = node.service.aggregates[category("contract-google")]
    live = await fold(system.store, "contracts", aggregate, "spacex", "contract-google")
    assert folding.version == live.version
    assert folding.state == readable(live.state)


async def test_every_stream_of_a_suppliers_bundle_folds(system: System, tmp_path: Path) -> None:
    await exported(system, SPACEX, tmp_path / "b")
    foldings = fold_all(BundleStore(read(tmp_path / "b")), SERVICES)
    assert {(one.log, one.stream.split("-")[0]) for one in foldings} >= {
        ("contracts", "contract"),
        ("capacity", "pool"),
        ("settlement", "account"),
    }
    assert [one.why_not for one in foldings if one.tenant == "spacex"] == [None] * sum(
        one.tenant == "spacex" for one in foldings
    )


async def test_a_stream_of_which_only_a_part_is_there_is_not_folded(system: System, tmp_path: Path) -> None:
    await exported(system, GOOGLE, tmp_path / "b")
    pools = [
        one for one in fold_all(BundleStore(read(tmp_path / "b")), SERVICES) if one.stream.startswith("pool-")
    ]
    assert pools
    assert all(one.state is None and one.why_not is not None for one in pools)


async def test_a_bundle_answers_what_the_ledger_answers(system: System, tmp_path: Path) -> None:
    await exported(system, SPACEX, tmp_path / "b")
    bundle = read(tmp_path / "b")
    store = BundleStore(bundle)
    offline = (await nodes(store, bundle.header, SERVICES))["contracts"]
    live = part(system, "contracts")
    question = ExposureQuestion(contract="google", seen_by="supplier")
    for known_at in (None, bundle.header.made_at.replace(month=6, day=20)):
        known = (
            (None, None)
            if known_at is None
            else (
                await store.resolve(known_at),
                await system.store.resolve(known_at),
            )
        )
        there, here = [
            await node.ask("contracts.exposure", "spacex", question, valid_at=None, known=cut)
            for node, cut in zip((offline, live), known, strict=True)
        ]
        assert plain(there) == plain(here)


async def test_a_bundle_made_of_an_earlier_cut_ends_there(system: System, tmp_path: Path) -> None:
    at = (await system.store.now()).replace(month=6, day=20)
    cut = await system.store.resolve(at)
    header = await exported(system, SPACEX, tmp_path / "b", cut)
    assert max(one.recorded_at for one in read(tmp_path / "b").events) <= at
    assert header.heads["contracts/0"] == cut.position("contracts", 0)


async def test_a_bundle_of_nobodys_events_is_not_made(system: System, tmp_path: Path) -> None:
    for selection in (Selection(tenant="nobody"), msgspec.structs.replace(ONE, stream="contract-none")):
        with pytest.raises(NothingSelectedError):
            await exported(system, selection, tmp_path / "b")
    assert not list(tmp_path.iterdir())


async def test_nothing_can_be_recorded_in_a_bundle_and_its_future_is_unknown(
    system: System, tmp_path: Path
) -> None:
    header = await exported(system, ONE, tmp_path / "b")
    store = BundleStore(read(tmp_path / "b"))
    with pytest.raises(ReadOnlyError):
        store.writer("contracts", 0)
    with pytest.raises(ReadOnlyError):
        await store.place("contracts", "somebody")
    with pytest.raises(InstantInFutureError):
        await store.resolve(header.made_at.replace(year=2030))


def test_an_event_of_a_bundle_is_the_event_of_the_log(system: System) -> None:
    for log in ("contracts", "capacity"):
        for events in (system.store.shard_of(log, shard).events for shard in range(system.store.shards)):
            for recorded in events:
                line = msgspec.json.decode(msgspec.json.encode(sealed(recorded, bytes(32))), type=Sealed)
                assert line.recorded == recorded
