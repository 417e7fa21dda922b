"""What a service refuses to start on: a server that may lose what it said, a role that may do too much."""

from infra.database import Database
from infra.event_store import StoreError
from infra.event_store.postgres.statements import statement

DURABLE = ("fsync", "synchronous_commit", "full_page_writes")


class UnsafeDatabaseError(StoreError):
    """The database must not hold a ledger as it is; `faults` names everything that is wrong."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        """Keep all faults."""
        super().__init__("; ".join(faults))
        self.faults = faults


async def refuse_unsafe(database: Database, logs: tuple[str, ...]) -> None:
    """Look the server, the role and the logs over.

    Raises:
        UnsafeDatabaseError: names everything that is wrong.
    """
    faults: list[str] = []
    async with database.reading() as connection:
        for setting in DURABLE:
            value = await connection.fetchval(statement("setting"), setting)
            if value == "off":
                faults.append(f"{setting} is off: what was confirmed may be lost")
        role = await connection.fetchrow(statement("role"))
        assert role is not None, "whoever is connected has a role"
        if role["rolsuper"]:
            faults.append(f"{role['rolname']} is a superuser")
        elif role["rolbypassrls"]:
            faults.append(f"{role['rolname']} bypasses row security")
        faults += [
            f"{log}.event has no row security for the role that serves reads"
            for log in logs
            if not await connection.fetchval(statement("row_security"), f"{log}.event")
        ]
    if faults:
        raise UnsafeDatabaseError(tuple(faults))
