from pathlib import Path

import pytest

from infra.local import ports
from infra.local.parts import silent
from infra.local.postgres import Postgres
from infra.local.services import LEDGER, prepare_ledger, role_passwords
from infra.migrations import Plan
from infra.migrations.ledgers import find_ledger

pytestmark = [pytest.mark.stack, pytest.mark.timeout(120)]

PLAN = Plan(services={"contracts": ("contracts",), "capacity": ("capacity", "usage")}, shards=4)


async def test_the_ledger_of_this_machine_is_made_once_and_found_again(tmp_path: Path) -> None:
    server = Postgres(tmp_path / "postgres", ports.choose(), silent)
    await server.start()
    try:
        passwords = role_passwords(tmp_path / "secrets", PLAN)
        for _ in range(2):
            await prepare_ledger(server.dsn, PLAN, passwords)
        ledger = await find_ledger(server.dsn, LEDGER)
        assert (ledger.mode, ledger.shards) == ("live", 4)
    finally:
        await server.stop()
