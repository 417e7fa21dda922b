"""`capledger replay check | shadow | promote | abandon`: read models made anew beside the live ones."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

from cyclopts import App, Parameter
from rich.console import Console

from cli.bundles import export_bundle, run_bundle
from cli.composition import SERVICES
from cli.operations import HERE, Json, UnknownNameError, Where, progress_bar, service_of, tell
from infra.config import ConfigError
from infra.operating import as_service
from infra.replay import Checked, Replay
from infra.service import Projection, Service

GROUP = App(name="replay", help="Read models made anew from the log; bundles of events, folded anywhere.")
FOLLOW_SECONDS = 1.0

GROUP.command(export_bundle, name="export")
GROUP.command(run_bundle, name="run")

ReadModel = Annotated[str, Parameter(help="The read model, such as settlement.facts.")]


@GROUP.command
def check(*read_models: ReadModel, as_json: Json = False, where: Where = HERE) -> int:
    """Make read models anew beside the live ones, compare row by row, and throw them away.

    Exits with 1 if something is not the same. Without a name all read models are checked.
    """
    wrong = 0
    for service, projections in _chosen(read_models):
        for checked in asyncio.run(_replayed(service, projections, where, "check")):
            wrong += not checked.same
            _tell_checked(checked, as_json=as_json)
    return int(bool(wrong))


@GROUP.command
def shadow(
    *read_models: ReadModel,
    follow: Annotated[bool, Parameter(negative="", help="Keep up until Ctrl-C.")] = False,
    as_json: Json = False,
    where: Where = HERE,
) -> int:
    """Make read models anew beside the live ones, bring them near the head, compare, and keep them.

    Exits with 1 if something is not the same as in the live ones; a new version may want just that.
    """
    wrong = 0
    for service, projections in _chosen(read_models):
        for checked in asyncio.run(_replayed(service, projections, where, "shadow", follow=follow)):
            wrong += not checked.same
            _tell_checked(checked, as_json=as_json)
    return int(bool(wrong))


@GROUP.command
def promote(*read_models: ReadModel, where: Where = HERE) -> int:
    """Put shadows in the place of the live read models; the old ones are gone."""
    for service, projections in _named(read_models):
        asyncio.run(_replayed(service, projections, where, "promote"))
        print("\n".join(f"{projection.name} is promoted" for projection in projections))
    return 0


@GROUP.command
def abandon(*read_models: ReadModel, where: Where = HERE) -> int:
    """Throw shadows away."""
    for service, projections in _named(read_models):
        asyncio.run(_replayed(service, projections, where, "abandon"))
        print("\n".join(f"{projection.name} has no shadow any more" for projection in projections))
    return 0


async def _replayed(
    service: Service, projections: Sequence[Projection], where: Where, mode: str, *, follow: bool = False
) -> Sequence[Checked]:
    config = where.settings(service.name)
    async with as_service(config, where.name(config), service) as stage:
        with progress_bar(f"{mode} {service.name}") as bar:
            replay = Replay(stage.store, stage.asides(service.name), projections, bar)
            match mode:
                case "check":
                    return await replay.check()
                case "shadow":
                    await replay.shadow()
                    while follow:
                        await asyncio.sleep(FOLLOW_SECONDS)
                        await replay.shadow()
                    return await replay.compare()
                case "promote":
                    await replay.promote()
                case _:
                    await replay.abandon()
    return ()


def _chosen(names: Sequence[str]) -> list[tuple[Service, Sequence[Projection]]]:
    """Return read models by service; all of them if none is named."""
    if not names:
        return [(service, service.projections) for service in SERVICES if service.projections]
    return _named(names)


def _named(names: Sequence[str]) -> list[tuple[Service, Sequence[Projection]]]:
    if not names:
        raise ConfigError("name a read model: " + ", ".join(_all_names()))
    found: dict[str, tuple[Service, list[Projection]]] = {}
    for name in names:
        service = service_of(name)
        chosen = [projection for projection in service.projections if projection.name == name]
        if not chosen:
            raise UnknownNameError(f"no read model {name}; there are {', '.join(_all_names())}")
        found.setdefault(service.name, (service, []))[1].extend(chosen)
    return list(found.values())


def _all_names() -> list[str]:
    return [projection.name for service in SERVICES for projection in service.projections]


def _tell_checked(checked: Checked, *, as_json: bool) -> None:
    if as_json:
        tell(checked)
        return
    out = Console(highlight=False, soft_wrap=True)
    if checked.same:
        out.print(f"[green]same[/]       {checked.projection}: {checked.rows:,} rows")
        return
    out.print(
        f"[bold red]different[/]  {checked.projection}: {checked.differences:,} of {checked.rows:,} rows,"
        f" {len(checked.unapplied)} events cannot be applied, {len(checked.quarantined)} in quarantine"
    )
    for difference in checked.first:
        out.print(f"  {difference}", markup=False)
    for parked in (*checked.unapplied, *checked.quarantined):
        out.print(f"  {parked.log}/{parked.shard}/{parked.position}: {parked.reason}", markup=False)
