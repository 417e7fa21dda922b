from pathlib import Path

import pytest

from infra.database import connect, quoted
from infra.local import ports
from infra.local.errors import LedgerClosedError
from infra.local.parts import silent
from infra.local.postgres import Postgres
from infra.local.services import LEDGER, prepare_ledger, role_passwords
from infra.migrations import Plan
from infra.migrations.ledgers import database_name, find_ledger

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]

PLAN = Plan(services={"contracts": ("contracts",), "capacity": ("capacity", "usage")}, shards=4)


async def test_the_ledger_of_this_machine_is_made_once_found_again_and_told_when_closed(
    tmp_path: Path,
) -> None:
    server = Postgres(tmp_path / "postgres", ports.choose(), silent)
    await server.start()
    try:
        passwords = role_passwords(tmp_path / "secrets", PLAN)
        for _ in range(2):
            await prepare_ledger(server.dsn, PLAN, passwords)
        ledger = await find_ledger(server.dsn, LEDGER)
        assert (ledger.mode, ledger.shards) == ("live", 4)
        await execute(server.dsn, f"alter database {quoted(database_name(LEDGER))} connection limit 0")
        with pytest.raises(LedgerClosedError, match="capledger recover"):
            await prepare_ledger(server.dsn, PLAN, passwords)
    finally:
        await server.stop()


async def execute(dsn: str, sql: str) -> None:
    connection = await connect(dsn)
    await connection.execute(sql)
    await connection.close()
