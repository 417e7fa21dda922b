"""Services as processes of their own on the stack of the bench, as they run anywhere."""

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

import msgspec
import psutil

from infra.access.keys import Access
from infra.access.postgres import PostgresAuditLog, PostgresKeyStore
from infra.auth import TENANT_SCOPES
from infra.client import Client
from infra.clock import MachineClock
from infra.config import Config, HttpSettings, KafkaSettings, PostgresSettings
from infra.database import address
from infra.local import ports
from infra.local.parts import silent
from infra.local.program import Program, ProgramPart, python_module
from infra.local.services import ROOT, stored_secret
from infra.local.stack import LocalStack
from infra.migrations import READER, writer_role
from infra.tokens import Sealer, sealer_of
from schemas.message import tag
from tests.bench.ground import Ground
from tests.bench.usage import BOOKS, HOLDER, before
from tests.ledgers import PASSWORD, LedgerDatabase, fresh_ledger

RUNS = count(1)


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """Running services, a key for each book and for the holder, and what is needed to look inside."""

    ledger: LedgerDatabase
    urls: Mapping[str, str]
    parts: Mapping[str, ProgramPart]
    keys: Mapping[str, str]
    sealer: Sealer

    def busy(self, service: str) -> float:
        """Return the seconds of processor time that a service has taken so far."""
        child = self.parts[service].child
        assert child is not None, "it runs"
        times = psutil.Process(child.pid).cpu_times()
        return float(times.user + times.system)


@asynccontextmanager
async def running(
    ground: Ground, stack: LocalStack, folder: Path, names: Sequence[str]
) -> AsyncGenerator[Running]:
    """Start some services in a live ledger with a pool in every book; stop them and drop it at the end."""
    folder = folder / f"run{next(RUNS)}"
    pepper, sealing = secrets.token_hex(32), secrets.token_hex(64)
    stored_secret(folder / "pepper", lambda: pepper)
    stored_secret(folder / "sealing", lambda: sealing)
    chosen = ports.stored(folder / "ports.json", tuple(names))
    urls = {name: f"http://{ports.HOST}:{port}" for name, port in chosen.items()}
    async with fresh_ledger(stack.postgres_dsn, "live") as ledger:
        parts = {name: _part(stack, folder, ledger, name, urls) for name in names}
        try:
            await asyncio.gather(*(ground.do(part.start()) for part in parts.values()))
            keys = await _keys(ledger, bytes.fromhex(pepper))
            found = Running(ledger=ledger, urls=urls, parts=parts, keys=keys, sealer=sealer_of(sealing))
            await _set_up(found)
            yield found
        finally:
            await asyncio.gather(*(ground.do(part.stop()) for part in parts.values()))


def _part(
    stack: LocalStack, folder: Path, ledger: LedgerDatabase, name: str, urls: Mapping[str, str]
) -> ProgramPart:
    def dsn(role: str) -> str:
        return address(stack.postgres_dsn, user=role, password=PASSWORD)

    config = Config(
        postgres=PostgresSettings(dsn=dsn(writer_role(name)), reader_dsn=dsn(READER)),
        kafka=KafkaSettings(bootstrap=stack.kafka_bootstrap, topic_prefix=f"capledger-{ledger.name}"),
        http=HttpSettings(host=ports.HOST, port=int(urls[name].rpartition(":")[2]), peers=urls),
        ledgers=(ledger.name,),
        pepper_file=str(folder / "pepper"),
        sealing_file=str(folder / "sealing"),
        log_level="warning",
    )
    file = folder / f"{name}.json"
    stored_secret(file, lambda: msgspec.json.encode(config).decode())
    program = Program(
        name=name,
        argv=python_module(f"services.{name}", "--config", str(file)),
        ready_url=f"{urls[name]}/health/ready",
        folder=ROOT,
    )
    return ProgramPart(program, folder / f"{name}.log", silent)


async def _keys(ledger: LedgerDatabase, pepper: bytes) -> dict[str, str]:
    async with ledger.database(writer_role("capacity"), appends=1, reads=1) as database:
        stores = PostgresKeyStore(database), PostgresAuditLog(database)
        access = Access(ledger.name, *stores, pepper, now=MachineClock(), seconds=time.monotonic)
        return {
            tenant: str((await access.create(tenant, TENANT_SCOPES, "bench", None))[1])
            for tenant in (*BOOKS, HOLDER)
        }


async def _set_up(found: Running) -> None:
    for book in BOOKS:
        async with Client(found.urls, found.keys[book]) as client:
            items = [{"type": tag(type(one)), "data": one} for one in before()]
            results = await client.commands("capacity", items)
        assert all(result["outcome"] == "accepted" for result in results), results
