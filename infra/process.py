"""The life of a service process, in one place: configuration, ledgers, HTTP, and an orderly end.

SIGTERM or SIGINT: requests end first, then commands, then relays; after ten seconds whatever hangs is
left behind.
"""

import argparse
import asyncio
import gc
import os
import signal
import socket
from collections.abc import Callable, Iterable
from pathlib import Path

import uvloop

from infra import failpoints, logging
from infra.alarms import Alarms
from infra.bus import TopicMismatchError
from infra.config import Config, ConfigError, load, secret
from infra.event_store import StoreError, StoreUnavailableError
from infra.event_store.postgres import UnsafeDatabaseError
from infra.http.application import app
from infra.http.deadlines import Listener
from infra.http.site import Limits
from infra.live import LiveNode
from infra.logging import logger
from infra.node import require_fit
from infra.runtime import Identity, Runtimes
from infra.sandboxes import LiveSandboxes, finding
from infra.service import Service
from infra.supervision import Backoff, ended, keep
from infra.telemetry import Labels, Telemetry
from infra.tokens import sealer_of

DRAIN_SECONDS_MAX = 10.0
REQUESTS_SECONDS_MAX = 3.0
COLLECT_AFTER = 20_000, 20, 50
"""Objects and rounds between two searches for garbage in cycles, young to old. What a batch holds is let go
when it is answered, without a search; at Python's own 700 each batch of commands would bring about several.
"""
REFUSED_EXIT_CODE = 78
"""EX_CONFIG of sysexits: starting again will not help."""
LATER_EXIT_CODE = 75
"""EX_TEMPFAIL of sysexits: starting again may help."""

_log = logger("capledger.process")


def run(service: Service) -> None:
    """Run a service with the arguments of the command line until it is told to end."""
    parser = argparse.ArgumentParser(prog=f"python -m services.{service.name}")
    parser.add_argument("--config", type=Path, required=True, help="its configuration, YAML or JSON")
    arguments = parser.parse_args()
    try:
        config = load(arguments.config)
        logging.configure(config.log_level, service=service.name)
        failpoints.configure(config.failpoints)
        require_fit(service)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(ServiceProcess(service, config).run())
    except (ConfigError, TopicMismatchError, UnsafeDatabaseError, ValueError) as error:
        _log.error("refused_to_start", reason=str(error))
        raise SystemExit(REFUSED_EXIT_CODE) from error
    except StoreUnavailableError as error:
        _log.error("gave_up_waiting_for_the_store", reason=str(error))
        raise SystemExit(LATER_EXIT_CODE) from error


def spare_the_collector() -> None:
    """Leave out of every later search for garbage what is there now, which stays; and search less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


class ServiceProcess:
    """One service with all the ledgers that it serves."""

    def __init__(self, service: Service, config: Config) -> None:
        """Nothing is connected yet."""
        self._service, self._config = service, config
        self.telemetry = Telemetry(service.name, config.telemetry)
        replica = config.replica or f"{service.name}-{socket.gethostname()}-{os.getpid()}"
        pepper = b"" if config.pepper_file is None else secret(config.pepper_file)
        self._identity = Identity(service, config, replica, pepper, self.telemetry)
        self.runtimes = Runtimes(self._identity)
        self._alarms = Alarms()
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Serve until told to end."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        self._measure()
        listener = self._listener()
        await self._serve_configured()
        port = await listener.open(self._config.http.host, self._config.http.port)
        self._identity.address = f"http://{self._config.http.host}:{port}"
        spare_the_collector()
        _log.info("ready", address=self._identity.address, ledgers=sorted(self.runtimes.served))
        looking = asyncio.create_task(self._finding(), name="finding-sandboxes")
        await self._stop.wait()
        loop.call_later(DRAIN_SECONDS_MAX, _leave_behind)
        _log.info("draining")
        await ended(looking)
        await listener.close(REQUESTS_SECONDS_MAX)
        await self.runtimes.close()
        self.telemetry.close()
        _log.info("ended")

    def stop(self) -> None:
        """Make `run` end in order."""
        self._stop.set()

    def _listener(self) -> Listener:
        config, limits = self._config, Limits()
        if config.sealing_file is None or config.pepper_file is None:
            raise ConfigError("sealing_file and pepper_file are needed to serve anybody")
        admin_dsn = config.postgres.admin_dsn
        sandboxes = None if admin_dsn is None else LiveSandboxes(config, admin_dsn, self.runtimes)
        application = app(
            self._service,
            self.runtimes.desks,
            sealer_of(Path(config.sealing_file).read_text()),
            limits=limits,
            peers=config.http.peers,
            sandboxes=sandboxes,
            metrics=self.telemetry.prometheus,
        )
        return Listener(application, limits)

    async def _serve_configured(self) -> None:
        """Serve the ledgers named; a database that is not up yet is waited for."""
        backoff, loop = Backoff(), asyncio.get_running_loop()
        deadline = loop.time() + self._config.wait_seconds
        for name in self._config.ledgers:
            while not self._stop.is_set():
                try:
                    await self.runtimes.serve(name)
                    break
                except StoreUnavailableError as error:
                    if loop.time() > deadline:
                        raise StoreUnavailableError(f"ledger {name}: {error}") from error
                    _log.warning("waiting_for_the_store", ledger=name, reason=str(error))
                except StoreError as error:
                    raise ConfigError(f"ledger {name}: {error}") from error
                await backoff.pause()

    async def _finding(self) -> None:
        if self._config.sandboxes:
            await keep(
                "sandboxes", lambda backoff: finding(self._config, self.runtimes, backoff), self._alarms
            )

    def _measure(self) -> None:
        """Let the gauges of all ledgers be read."""
        gauges: dict[str, Callable[[LiveNode], Iterable[tuple[float, Labels]]]] = {
            "consumer_lag_events": LiveNode.lags,
            "consumer_lag_age_seconds": LiveNode.lag_seconds,
            "relay_backlog_events": LiveNode.backlogs,
            "relay_backlog_age_seconds": LiveNode.backlog_seconds,
            "quarantined_streams": LiveNode.quarantined,
            "alarms": LiveNode.alarming,
        }
        for name, read in gauges.items():
            self.telemetry.gauge(name, lambda read=read: self._over_all(read))  # type: ignore[misc]

    def _over_all(
        self, read: Callable[[LiveNode], Iterable[tuple[float, Labels]]]
    ) -> Iterable[tuple[float, Labels]]:
        for node in self.runtimes.nodes.values():
            yield from read(node)


def _leave_behind() -> None:
    _log.error("drained_too_slowly", seconds=DRAIN_SECONDS_MAX)
    os._exit(1)
