"""Running balances: what an account stood at before a batch of postings, and after each of them."""

from collections.abc import Sequence
from typing import Any, TypeAlias

from infra.database import Connection, quoted
from infra.read_store.tables import FILE, OWN
from infra.service import Postings, Table
from infra.statements import statement

Account: TypeAlias = tuple[Any, ...]

ACCOUNTS_KEPT_MAX = 100_000


class Balances:
    """The balances of the accounts that one follower of one shard posts to, as long as nobody else does.

    What is kept holds while the checkpoint is as this process left it.
    """

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._kept: dict[str, dict[Account, int]] = {}
        self._read: dict[str, set[Any]] = {}

    def forget(self) -> None:
        """Read again what comes next."""
        self._kept, self._read = {}, {}

    async def fill_in(
        self, connection: Connection, schema: str, table: Table, columns: Sequence[list[Any]]
    ) -> None:
        """Fill in the running balances of postings, given as the columns of their rows."""
        postings = table.postings
        assert postings is not None, "asked only of tables with postings"
        named = dict(zip((*OWN, *(column.name for column in table.columns)), columns, strict=True))
        if sum(map(len, self._kept.values())) > ACCOUNTS_KEPT_MAX:
            self.forget()
        kept = self._kept.setdefault(table.name, {})
        missing = set(named[postings.account[0]]) - self._read.setdefault(table.name, set())
        if missing:
            kept |= await _read(connection, schema, table, postings, sorted(missing))
            self._read[table.name] |= missing
        accounts = zip(*(named[column] for column in postings.account), strict=True)
        after = named[postings.balance]
        for index, (account, amount) in enumerate(zip(accounts, named[postings.amount], strict=True)):
            kept[account] = after[index] = kept.get(account, 0) + amount


async def run_anew(connection: Connection, schema: str, table: Table, columns: Sequence[list[Any]]) -> None:
    """Let the balances of accounts run anew where postings came late, between others that are there."""
    postings = table.postings
    assert postings is not None, "asked only of tables with postings"
    named = dict(zip((*OWN, *(column.name for column in table.columns)), columns, strict=True))
    text = statement(
        FILE,
        "run_anew",
        schema=quoted(schema),
        table=quoted(table.name),
        amount=quoted(postings.amount),
        balance=quoted(postings.balance),
        columns=", ".join(quoted(column) for column in postings.account),
        first=quoted(postings.account[0]),
    )
    await connection.execute(text, sorted(set(named[postings.account[0]])))


async def _read(
    connection: Connection, schema: str, table: Table, postings: Postings, firsts: Sequence[Any]
) -> dict[Account, int]:
    columns = [quoted(column) for column in postings.account]
    text = statement(
        FILE,
        "balances",
        schema=quoted(schema),
        table=quoted(table.name),
        amount=quoted(postings.amount),
        columns=", ".join(f"t.{column}" for column in columns),
        first=columns[0],
    )
    rows = await connection.fetch(text, firsts)
    return {tuple(row[column] for column in postings.account): row["balance"] for row in rows}
