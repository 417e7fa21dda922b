"""What needs no credential: health, metrics, and the descriptions of everything else."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property

from aiohttp import web

from infra.event_store import StoreError
from infra.http.replies import reply
from infra.http.serving import IN_FLIGHT, SERVED
from infra.http.site import PUBLIC, OpenHandler, Route, Site
from infra.openapi import asyncapi, event_types, page
from infra.openapi import document as openapi
from infra.service import Service

READY_SECONDS_MAX = 1.0


class Description:
    """The OpenAPI description of an application, made when it is first asked for."""

    def __init__(self, service: Service, all_routes: Sequence[Route]) -> None:
        """Take what is to be described."""
        self._service, self._routes = service, all_routes

    @cached_property
    def document(self) -> bytes:
        """The description as JSON."""
        return openapi(self._service, self._routes)


DESCRIPTION = web.AppKey("description", Description)


def routes() -> list[Route]:
    """Return the open routes."""
    return [
        _route("/health/live", live, "Whether the process runs.", "object"),
        _route("/health/ready", ready, "Whether its stores answer.", "object"),
        _route("/metrics", metrics, "Metrics as Prometheus text.", "text/plain"),
        _route("/openapi.json", described, "This description.", "OpenAPI 3.1"),
        _route("/asyncapi.json", topics, "The topics and their messages.", "AsyncAPI 3.0"),
        _route("/docs", docs, "This description for people.", "text/html"),
        _route("/v1/event-types", types, "Every event type with its JSON Schema.", "EventTypes"),
        _route("/v1/services", services, "Where the services are.", "Services"),
    ]


async def live(site: Site, _: web.Request) -> web.StreamResponse:
    """Say that the process runs."""
    return reply({"status": "live", "service": site.service.name})


async def ready(site: Site, _: web.Request) -> web.StreamResponse:
    """Say whether every live ledger's store answers; no ledger is named."""
    desks = [desk for desk in site.desks.values() if desk.node.ledger.mode == "live"]
    try:
        async with asyncio.timeout(READY_SECONDS_MAX):
            for desk in desks:
                await desk.node.store.now()
    except (StoreError, TimeoutError, OSError):
        return reply({"status": "not_ready"}, status=503, headers={"Retry-After": "1"})
    return reply({"status": "ready", "service": site.service.name})


async def metrics(site: Site, request: web.Request) -> web.StreamResponse:
    """Tell the counters of this side, and what else the process measures."""
    lines = [*_served(request.app[SERVED]), *_held(request)]
    text = "\n".join(lines) + "\n" + site.metrics()
    return web.Response(
        body=text.encode(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
    )


async def described(_: Site, request: web.Request) -> web.StreamResponse:
    """Tell the OpenAPI description."""
    return web.Response(body=request.app[DESCRIPTION].document, content_type="application/json")


async def topics(_: Site, _request: web.Request) -> web.StreamResponse:
    """Tell the AsyncAPI description."""
    return web.Response(body=asyncapi(), content_type="application/json")


async def docs(_: Site, request: web.Request) -> web.StreamResponse:
    """Tell the description for people; everything it needs is in the page."""
    policy = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return web.Response(
        body=page(request.app[DESCRIPTION].document), content_type="text/html", headers=policy
    )


async def types(site: Site, _: web.Request) -> web.StreamResponse:
    """Tell every event type, and which of them a partner may report here."""
    return reply({"types": event_types(site.intake)})


async def services(site: Site, _: web.Request) -> web.StreamResponse:
    """Tell the addresses of all services."""
    return reply({"service": site.service.name, "services": dict(site.peers)})


def _served(served: Counter[tuple[str, str, int]]) -> Iterator[str]:
    yield "# TYPE capledger_http_requests_total counter"
    for (method, route, status), count in sorted(served.items()):
        labels = f'method="{method}",route="{route}",status="{status}"'
        yield f"capledger_http_requests_total{{{labels}}} {count}"


def _held(request: web.Request) -> Iterator[str]:
    held = request.app[IN_FLIGHT]
    yield "# TYPE capledger_http_in_flight gauge"
    yield f"capledger_http_in_flight {held.requests}"
    yield "# TYPE capledger_http_in_flight_bytes gauge"
    yield f"capledger_http_in_flight_bytes {held.bytes}"


def _route(path: str, serve: OpenHandler, summary: str, told: str) -> Route:
    operation = {"summary": summary, "replies": {"200": told}}
    return Route(method="GET", path=path, scope=PUBLIC, serve=serve, operation=operation)
