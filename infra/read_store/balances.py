"""Running balances: what an account stood at before a batch of postings, and after each of them."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from infra.database import Connection, quoted
from infra.event_store import Recorded
from infra.read_store.tables import FILE
from infra.service import Postings, Table
from infra.statements import statement

Account: TypeAlias = tuple[Any, ...]
Posted: TypeAlias = tuple[Recorded, int, Mapping[str, Any]]

ACCOUNTS_KEPT_MAX = 100_000


def account_of(postings: Postings, row: Mapping[str, Any]) -> Account:
    """Return what tells the account of a posting."""
    return tuple(row[column] for column in postings.account)


def running(postings: Postings, rows: Sequence[Posted], balances: dict[Account, int]) -> list[Posted]:
    """Return postings with the balance of their account after each; `balances` moves on to the last ones."""
    made: list[Posted] = []
    for recorded, ordinal, row in rows:
        account = account_of(postings, row)
        balances[account] = balances[account] + row[postings.amount]
        made.append((recorded, ordinal, {**row, postings.balance: balances[account]}))
    return made


class Balances:
    """The balances of the accounts that one follower of one shard posts to, as long as nobody else does.

    What is kept holds while the checkpoint is where this process left it.
    """

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._kept: dict[str, dict[Account, int]] = {}

    def forget(self) -> None:
        """Read again what comes next."""
        self._kept = {}

    async def post(
        self, connection: Connection, schema: str, table: Table, rows: Sequence[Posted]
    ) -> list[Posted]:
        """Return postings with their running balances."""
        postings = table.postings
        assert postings is not None, "asked only of tables with postings"
        kept = self._kept.setdefault(table.name, {})
        if len(kept) > ACCOUNTS_KEPT_MAX:
            kept.clear()
        accounts = {account_of(postings, row): None for _, _, row in rows}
        missing = [account for account in accounts if account not in kept]
        if missing:
            kept |= await _read(connection, schema, table, postings, missing)
        return running(postings, rows, kept)


async def _read(
    connection: Connection, schema: str, table: Table, postings: Postings, accounts: Sequence[Account]
) -> dict[Account, int]:
    kinds = {column.name: column.kind for column in table.columns}
    columns = [quoted(column) for column in postings.account]
    text = statement(
        FILE,
        "balances",
        schema=quoted(schema),
        table=quoted(table.name),
        amount=quoted(postings.amount),
        columns=", ".join(columns),
        same_account=" and ".join(f"t.{column} = a.{column}" for column in columns),
        arrays=", ".join(f"${n}::{kinds[name]}[]" for n, name in enumerate(postings.account, start=1)),
    )
    arrays = [list(values) for values in zip(*accounts, strict=True)]
    rows = await connection.fetch(text, *arrays)
    return {account: row["balance"] for account, row in zip(accounts, rows, strict=True)}
