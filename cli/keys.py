"""`capledger tenants`, `capledger keys`, `capledger audit`, `capledger clock`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from cli.connection import Connection, keep_key, with_client
from cli.showing import show

TENANTS = App(name="tenants", help="Who has a key.")
KEYS = App(name="keys", help="Keys: made, rotated, revoked.")
CLOCK = App(name="clock", help="The ledger's clock; a sandbox's can be moved.")
ANY = "contracts"
_HERE = Connection()

Json = Annotated[bool, Parameter(negative="", help="Print JSON for programs.")]
Keep = Annotated[bool, Parameter(help="Keep the key in the state folder, for `--as`.")]


@TENANTS.command(name="create")
def create_tenant(
    tenant: str, *, keep: Keep = True, json: Json = False, connection: Connection = _HERE
) -> int:
    """Make a tenant: its first key, with every scope that a tenant can have. The secret is shown once."""
    made = with_client(connection, lambda client: client.post(ANY, "/v1/tenants", {"tenant": tenant}))
    _told(made, tenant, connection.directory if keep else None, json=json)
    return 0


@TENANTS.command(name="list")
def list_tenants(*, json: Json = False, connection: Connection = _HERE) -> int:
    """List the tenants with a key that holds."""
    found = with_client(connection, lambda client: client.get(ANY, "/v1/tenants"))
    show(found["tenants"], as_json=json)
    return 0


@KEYS.command(name="create")
def create_key(
    *,
    tenant: str | None = None,
    scope: tuple[str, ...] = (),
    label: str = "",
    json: Json = False,
    connection: Connection = _HERE,
) -> int:
    """Make a key. The secret is shown once.

    Args:
        tenant: Whose; one's own otherwise.
        scope: What it may do, several times; as the key used otherwise.
        label: What it is for.
        json: Print JSON for programs.
        connection: How to reach the services.
    """
    body: dict[str, Any] = {"label": label}
    if tenant is not None:
        body["tenant"] = tenant
    if scope:
        body["scopes"] = list(scope)
    made = with_client(connection, lambda client: client.post(ANY, "/v1/keys", body))
    _told(made, tenant or connection.as_, None, json=json)
    return 0


@KEYS.command(name="list")
def list_keys(*, tenant: str | None = None, json: Json = False, connection: Connection = _HERE) -> int:
    """List keys, without their secrets."""
    query = {} if tenant is None else {"tenant": tenant}
    found = with_client(connection, lambda client: client.get(ANY, "/v1/keys", query))
    show(found["keys"], as_json=json)
    return 0


@KEYS.command
def rotate(
    id_: Annotated[str, Parameter(name="ID")], *, json: Json = False, connection: Connection = _HERE
) -> int:
    """Make a second key like this one; both hold until the older one is revoked."""
    made = with_client(connection, lambda client: client.post(ANY, f"/v1/keys/{id_}/rotate", {}))
    _told(made, made["key"]["tenant"], None, json=json)
    return 0


@KEYS.command
def revoke(
    id_: Annotated[str, Parameter(name="ID")], *, json: Json = False, connection: Connection = _HERE
) -> int:
    """Revoke a key; it holds nowhere after 30 seconds."""
    found = with_client(connection, lambda client: client.post(ANY, f"/v1/keys/{id_}/revoke", {}))
    show(found["key"], as_json=json)
    return 0


def audit(*, after: int = 0, limit: int = 100, json: Json = False, connection: Connection = _HERE) -> int:
    """Show what was done with keys, and what access was refused.

    Args:
        after: Only entries with a higher number.
        limit: At most so many.
        json: Print JSON for programs.
        connection: How to reach the services.
    """
    query = {"after": str(after), "limit": str(limit)}
    found = with_client(connection, lambda client: client.get(ANY, "/v1/audit", query))
    show(found["entries"], as_json=json)
    return 0


@CLOCK.command(name="show")
def show_clock(*, json: Json = False, connection: Connection = _HERE) -> int:
    """Show the ledger's clock."""
    found = with_client(connection, lambda client: client.get(ANY, "/v1/clock"))
    show(found, as_json=json)
    return 0


@CLOCK.command
def advance(to: str, *, json: Json = False, connection: Connection = _HERE) -> int:
    """Move a sandbox's clock; what falls due on the way happens first.

    Args:
        to: RFC 3339 with offset.
        json: Print JSON for programs.
        connection: How to reach the services.
    """
    found = with_client(connection, lambda client: client.post(ANY, "/v1/clock/advance", {"to": to}))
    show(found, as_json=json)
    return 0


def _told(made: Mapping[str, Any], tenant: str, directory: Path | None, *, json: bool) -> None:
    if directory is not None:
        keep_key(directory, tenant, made["key"]["secret"])
    show(made["key"], as_json=json)
