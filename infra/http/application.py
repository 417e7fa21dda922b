"""The application of one service: all its routes, what stands before them, and what runs beside them."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping

from aiohttp import web

from infra.event_store import StoreError
from infra.http import asks, commands, facts, history, keys, ledgers, stream, system
from infra.http.body import InFlight
from infra.http.pace import Pace
from infra.http.serving import IN_FLIGHT, SERVED, dress, guarded, open_to_all, problems
from infra.http.site import PUBLIC, Desk, Limits, Route, Sandboxes, Site
from infra.intake import Intake
from infra.logging import logger
from infra.service import Service
from infra.tokens import Sealer

FLUSH_SECONDS = 15.0
SITE = web.AppKey("site", Site)

_log = logger("capledger.http")


def app(
    service: Service,
    desks: Mapping[str, Desk],
    sealer: Sealer,
    *,
    limits: Limits | None = None,
    peers: Mapping[str, str] | None = None,
    sandboxes: Sandboxes | None = None,
    metrics: Callable[[], str] | None = None,
) -> web.Application:
    """Return the application of one service.

    Args:
        service: whose routes these are.
        desks: the ledgers it serves, by name; the mapping may change while it runs.
        sealer: of tokens.
        limits: bounds of bodies, rates and time.
        peers: the addresses of all services by name, for clients that know one.
        sandboxes: makes and moves sandboxes; None where that is not possible.
        metrics: returns the process's own metrics as Prometheus text.
    """
    bounds = limits or Limits()
    site = Site(
        service=service,
        desks=desks,
        sealer=sealer,
        limits=bounds,
        intake=Intake(service),
        pace=Pace(bounds.requests_per_second, time.monotonic),
        peers={} if peers is None else peers,
        sandboxes=sandboxes,
        metrics=metrics or (lambda: ""),
    )
    return _on(site)


def _on(site: Site) -> web.Application:
    found = web.Application(middlewares=[problems])
    found[SITE] = site
    found[IN_FLIGHT] = InFlight(site.limits)
    found[SERVED] = Counter()
    found[stream.OPEN] = Counter()
    found[stream.CLOSING] = asyncio.Event()
    found.on_response_prepare.append(dress)
    found.on_shutdown.append(_close_streams)
    found.cleanup_ctx.append(_flushing)
    all_routes = routes_of(site.service)
    found[system.DESCRIPTION] = system.Description(site.service, all_routes)
    for route in all_routes:
        _add(found, site, route)
    return found


def routes_of(service: Service) -> list[Route]:
    """Return every route of a service; fixed paths stand before those with parameters."""
    return [
        *system.routes(),
        *stream.routes(),
        *history.routes(),
        *facts.routes(),
        *keys.routes(),
        *ledgers.routes(),
        *commands.routes(service),
        *asks.routes(service),
    ]


def _add(application: web.Application, site: Site, route: Route) -> None:
    if route.scope == PUBLIC:
        assert route.serve is not None, route.path
        handler = open_to_all(site, route.serve)
    else:
        assert route.handle is not None, route.path
        handler = guarded(site, route, route.handle)
    application.router.add_route(route.method, _pattern(route.path), handler)


def _pattern(path: str) -> str:
    """Return a path as the router takes it: a parameter may hold a qualified name where one is meant."""
    parts: list[str] = []
    for part in path.split("/"):
        qualified = part.startswith("{") and part[1:-1] not in {"owner", "id", "log", "shard", "ledger"}
        parts.append("{" + part[1:-1] + ":.+?}" if qualified else part)
    return "/".join(parts)


async def _close_streams(application: web.Application) -> None:
    application[stream.CLOSING].set()


async def _flushing(application: web.Application) -> AsyncIterator[None]:
    """Write the sums of refused access now and then, and at the end."""
    task = asyncio.create_task(_flush(application), name="access-sums")
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await _flush_once(application, everything=True)


async def _flush(application: web.Application) -> None:
    while True:
        await asyncio.sleep(FLUSH_SECONDS)
        await _flush_once(application, everything=False)


async def _flush_once(application: web.Application, *, everything: bool) -> None:
    for desk in list(application[SITE].desks.values()):
        try:
            await desk.access.flush(everything=everything)
        except (StoreError, OSError) as error:
            # what cannot be written now is written later
            _log.warning("audit_not_written", exc_info=error)
