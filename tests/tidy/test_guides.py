"""What the documents name is there: commands, routes, types, codes, scopes, files."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from cli.app import build
from cli.composition import SERVICES
from infra.auth import SCOPES
from infra.http.application import routes_of
from infra.problems import Code, FaultCode, rejection_codes
from schemas.catalog import CONTEXTS
from schemas.message import tag
from tests.support.guides import GUIDES, shown
from tests.tidy.sources import ROOT, project_files

DOCUMENTS = [
    path
    for path in project_files()
    if path.suffix == ".md" and (path.parts[0] == "docs" or len(path.parts) == 1)
]
WRITTEN = [path for path in DOCUMENTS if "reference" not in path.parts]
COMMAND = re.compile(r"(?:^\$ |[`(|;&] ?)(?:\./)?capledger((?: [a-z][a-z-]*)+)", re.MULTILINE)
ROUTE = re.compile(r"(?:(GET|POST|DELETE) |\$(?:CONTRACTS|CAPACITY|SETTLEMENT))(/[a-z][a-z0-9/{}._$-]*)")
MESSAGE = re.compile(r"\b(?:contracts|capacity|settlement)\.[A-Z][A-Za-z]+(?:\.v\d+)?\b")
ASK = re.compile(r"\b(contracts|capacity|settlement)\.([a-z]+)\b(?![./])")
CODED = re.compile(r'"code":"([a-z_]+)"')
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
SCOPE = re.compile(r"\b(?:contracts|capacity|settlement|history|keys|ledger):[a-z]+\b")
# A type that a release does not know: what the page on quarantine is about.
OF_ANOTHER_RELEASE = {"capacity.PoolMoved.v1"}


def found(pattern: re.Pattern[str], *paths: Path) -> Iterator[tuple[Path, re.Match[str]]]:
    return ((path, match) for path in paths for match in pattern.finditer((ROOT / path).read_text()))


@cache
def command_names() -> frozenset[tuple[str, ...]]:
    app = build()
    names: set[tuple[str, ...]] = set()
    for name in app:
        if name.startswith("-"):
            continue
        names.add((name,))
        names |= {(name, below) for below in app[name] if not below.startswith("-")}
    return frozenset(names)


@pytest.mark.parametrize("path", WRITTEN, ids=str)
def test_every_command_that_a_document_names_is_there(path: Path) -> None:
    groups = {names[0] for names in command_names() if len(names) > 1}
    unknown: list[str] = []
    for _, match in found(COMMAND, path):
        words = tuple(match[1].split())
        known = words[:2] if words[0] in groups and len(words) > 1 else words[:1]
        if known not in command_names():
            unknown.append(" ".join(known))
    assert not unknown


@cache
def routes() -> frozenset[tuple[str, str]]:
    return frozenset((route.method, route.path) for service in SERVICES for route in routes_of(service))


def is_route(method: str | None, path: str) -> bool:
    """Whether there is such a route; one that is cut off at a variable may go on in any way."""
    whole = path.partition("$")[0].rstrip(".,")
    cut_off = whole != path.rstrip(".,") or whole.endswith("/")
    segments = whole.strip("/").count("/") + 1
    for known, route in routes():
        kept = route.strip("/").split("/")[: segments if cut_off else None]
        pattern = re.sub(r"\{[^}]*\}", "[^?]+", "/" + "/".join(kept))
        if method in (None, known) and re.fullmatch(pattern, whole.rstrip("/") if cut_off else whole):
            return True
    return False


@pytest.mark.parametrize("path", WRITTEN, ids=str)
def test_every_route_that_a_document_names_is_there(path: Path) -> None:
    assert not [match[0] for _, match in found(ROUTE, path) if not is_route(match[1], match[2])]


@pytest.mark.parametrize("path", WRITTEN, ids=str)
def test_every_type_and_question_that_a_document_names_is_there(path: Path) -> None:
    types = {tag(one) for context in CONTEXTS for one in context.commands} | OF_ANOTHER_RELEASE
    types |= {tag(one) for context in CONTEXTS for one in context.events}
    asks = {ask.name for service in SERVICES for ask in service.asks}
    models = {projection.name for service in SERVICES for projection in service.projections}
    consumers = {one.name for service in SERVICES for one in service.reactions}
    consumers |= {one.name for service in SERVICES for one in service.timers}
    unknown = [
        match[0]
        for _, match in found(MESSAGE, path)
        if match[0] not in types and f"{match[0].removesuffix('.v1')}.v1" not in types
    ]
    unknown += [
        match[0]
        for _, match in found(ASK, path)
        if match[0] not in asks | models | consumers and match[2] not in {"log", "json", "md", "events"}
    ]
    assert not unknown


@pytest.mark.parametrize("path", WRITTEN, ids=str)
def test_every_code_and_scope_that_a_document_names_is_there(path: Path) -> None:
    codes = {*map(str, Code), *map(str, FaultCode), *rejection_codes()}
    unknown = [match[1] for _, match in found(CODED, path) if match[1] not in codes]
    unknown += [match[0] for _, match in found(SCOPE, path) if match[0] not in SCOPES]
    assert not unknown


@pytest.mark.parametrize("path", DOCUMENTS, ids=str)
def test_every_link_of_a_document_leads_somewhere(path: Path) -> None:
    broken = [
        match[1]
        for _, match in found(LINK, path)
        if "://" not in match[1] and not (ROOT / path.parent / match[1]).resolve().exists()
    ]
    assert not broken


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_every_block_of_a_guide_is_commands_with_what_comes_of_them(path: Path) -> None:
    commands = list(shown(path))
    assert len(commands) > 2
    assert not [str(one) for one in commands if not one.command.strip()]
