"""Keys, tenants and their audit over HTTP. A secret is told once, in the reply that makes it."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from aiohttp import web

from infra.access.keys import shown
from infra.auth import KEYS_ADMIN, LEDGER_ADMIN, SCOPES, TENANT_SCOPES, Credential, Key
from infra.http.commands import json_body, sandbox
from infra.http.history import tenant_in, whole
from infra.http.replies import reply
from infra.http.site import Caller, Route, Site
from infra.problems import Code, Fault, FaultCode, ProblemError
from infra.validation import FaultyMessageError, take
from schemas.kernel.wire import Id, Text


class NewKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key to be made. Without a tenant it is the sender's own; without scopes it has the sender's."""

    tenant: Id | None = None
    scopes: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=len(SCOPES))] | None = None
    label: Text = ""


class NewTenant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tenant to be made: its first key, with every scope that a tenant can have unless said otherwise."""

    tenant: Id
    scopes: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=len(SCOPES))] = TENANT_SCOPES
    label: Text = ""


def routes() -> list[Route]:
    """Return the routes of keys, tenants and audit."""
    return [
        Route.plain(
            "POST",
            "/v1/keys",
            KEYS_ADMIN,
            create,
            "Make a key; its secret is told once.",
            NewKey,
            status="201",
        ),
        Route.plain("GET", "/v1/keys", KEYS_ADMIN, listed, "The keys, without their secrets."),
        Route.plain(
            "POST",
            "/v1/keys/{id}/rotate",
            KEYS_ADMIN,
            rotate,
            "Make a second key like this one.",
            status="201",
        ),
        Route.plain("POST", "/v1/keys/{id}/revoke", KEYS_ADMIN, revoke, "Revoke a key; holds within 30 s."),
        Route.plain("GET", "/v1/audit", KEYS_ADMIN, audit, "What was done with keys, and access refused."),
        Route.plain(
            "POST",
            "/v1/tenants",
            LEDGER_ADMIN,
            new_tenant,
            "Make a tenant: its first key.",
            NewTenant,
            status="201",
        ),
        Route.plain("GET", "/v1/tenants", LEDGER_ADMIN, tenants, "The tenants with a key that holds."),
    ]


async def create(_: Site, caller: Caller, request: web.Request) -> web.StreamResponse:
    """Make a key of one's own tenant; operations, of any."""
    wanted = take(NewKey, await json_body(request))
    tenant = wanted.tenant or caller.actor
    if tenant != caller.actor and not caller.credential.allows(LEDGER_ADMIN):
        raise ProblemError(Code.SCOPE_MISSING, extra={"expected": LEDGER_ADMIN})
    scopes = wanted.scopes or caller.credential.scopes
    _check_scopes(caller, scopes)
    made = await caller.desk.access.create(tenant, scopes, wanted.label, caller.credential)
    return reply(_told(*made, caller), status=201)


async def listed(_: Site, caller: Caller, request: web.Request) -> web.StreamResponse:
    """List one's own keys; operations, everybody's or a tenant's."""
    found = await caller.desk.access.store.of(_of_whom(caller, request))
    return reply({"keys": [shown(credential) for credential in found], **sandbox(caller)})


async def rotate(_: Site, caller: Caller, request: web.Request) -> web.StreamResponse:
    """Make a second key like one that holds."""
    old = await _known(caller, request)
    if old.revoked_at is not None:
        raise ProblemError(Code.NOT_FOUND)
    _check_scopes(caller, old.scopes)
    return reply(_told(*(await caller.desk.access.rotate(old, caller.credential)), caller), status=201)


async def revoke(_: Site, caller: Caller, request: web.Request) -> web.StreamResponse:
    """Revoke a key; again is harmless."""
    await _known(caller, request)
    revoked = await caller.desk.access.revoke(request.match_info["id"], caller.credential)
    if revoked is None:
        raise ProblemError(Code.NOT_FOUND)
    return reply({"key": shown(revoked), **sandbox(caller)})


async def audit(site: Site, caller: Caller, request: web.Request) -> web.StreamResponse:
    """Tell the audit of one's own keys; operations, everybody's."""
    await caller.desk.access.flush()
    after = whole(request, "after", 0, 0, 2**62)
    limit = whole(request, "limit", 100, 1, site.limits.page_max)
    own = None if caller.credential.allows(LEDGER_ADMIN) else caller.actor
    entries = await caller.desk.access.audit.read(own, after, limit)
    numbered = caller.credential.allows(LEDGER_ADMIN)
    # entries count over all tenants: only operations see the numbers
    told = [
        {name: value for name, value in msgspec.structs.asdict(entry).items() if numbered or name != "number"}
        for entry in entries
    ]
    return reply({"entries": told, **sandbox(caller)})


async def new_tenant(_: Site, caller: Caller, request: web.Request) -> web.StreamResponse:
    """Make a tenant's first key."""
    wanted = take(NewTenant, await json_body(request))
    if await caller.desk.access.store.of(wanted.tenant):
        raise ProblemError(Code.TENANT_EXISTS)
    _check_scopes(caller, wanted.scopes)
    made = await caller.desk.access.create(wanted.tenant, wanted.scopes, wanted.label, caller.credential)
    return reply(_told(*made, caller), status=201)


async def tenants(_: Site, caller: Caller, _request: web.Request) -> web.StreamResponse:
    """List the tenants."""
    found = sorted(await caller.desk.access.tenants())
    return reply({"tenants": [{"tenant": tenant} for tenant in found], **sandbox(caller)})


def _check_scopes(caller: Caller, scopes: Sequence[str]) -> None:
    """Refuse scopes that do not exist, and those that the sender cannot give because it has not got them.

    Raises:
        FaultyMessageError: one does not exist.
        ProblemError: one is not the sender's to give.
    """
    unknown = [
        Fault(f"/scopes/{index}", FaultCode.CHOICE, f"there is no scope {scope[:60]!r}", list(SCOPES))
        for index, scope in enumerate(scopes)
        if scope not in SCOPES
    ]
    if unknown:
        raise FaultyMessageError(unknown)
    operations = caller.credential.allows(LEDGER_ADMIN)
    missing = [scope for scope in scopes if not operations and not caller.credential.allows(scope)]
    if missing:
        detail = "a key can give no scope that it has not got"
        raise ProblemError(Code.SCOPE_MISSING, detail, extra={"expected": missing})


async def _known(caller: Caller, request: web.Request) -> Credential:
    """Return a key that the caller may manage; another tenant's does not exist.

    Raises:
        ProblemError: there is none.
    """
    found = await caller.desk.access.store.get(request.match_info["id"])
    mine = found is not None and found.tenant == caller.actor
    if found is None or not (mine or caller.credential.allows(LEDGER_ADMIN)):
        raise ProblemError(Code.NOT_FOUND)
    return found


def _of_whom(caller: Caller, request: web.Request) -> str | None:
    tenant = tenant_in(request)
    if caller.credential.allows(LEDGER_ADMIN):
        return tenant
    return caller.actor if tenant in {None, caller.actor} else ""


def _told(credential: Credential, key: Key, caller: Caller) -> dict[str, Any]:
    return {"key": {**shown(credential), "secret": str(key)}, **sandbox(caller)}
