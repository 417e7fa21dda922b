"""Apache Kafka 4 in KRaft mode on this machine: one broker that is its own controller."""

import asyncio
import base64
import secrets
import shutil
from pathlib import Path

from infra.local.disk import require_space
from infra.local.errors import NotReadyError
from infra.local.jars import class_path, ensure_jars
from infra.local.kafka_metadata import ask_brokers
from infra.local.parts import Part, PartState, Reporter
from infra.local.polling import Deadline
from infra.local.ports import HOST, require_free
from infra.local.processes import Command, finish, start
from infra.local.startup_cache import StartupCache
from infra.local.wheels import ENVIRONMENT, java

READY_SECONDS_MAX = 60.0
FORMAT_SECONDS_MAX = 60.0
SPACE_MIB_NEEDED = 200
NODE_ID = 1

JVM = ("-Xms64m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.awt.headless=true")

LOGGING = """status=error
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d{ISO8601} %p %c{1} %m%n
rootLogger=INFO,out
"""


def properties(broker_port: int, controller_port: int, data: Path) -> str:
    """The broker's configuration file."""
    settings = {
        "process.roles": "broker,controller",
        "node.id": NODE_ID,
        "controller.quorum.voters": f"{NODE_ID}@{HOST}:{controller_port}",
        "listeners": f"PLAINTEXT://{HOST}:{broker_port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{broker_port}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": data,
        # topics are made by capledger with the settings that the log needs, never by a typing error
        "auto.create.topics.enable": "false",
        "default.replication.factor": 1,
        "min.insync.replicas": 1,
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        # a killed broker is let back in when its old session ends: seconds instead of eleven
        "broker.session.timeout.ms": 2000,
        "broker.heartbeat.interval.ms": 500,
        "log.cleaner.dedupe.buffer.size": 16777216,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def new_cluster_id() -> str:
    """Sixteen random bytes as Kafka writes them; never with a dash first, an option to its tool."""
    while (text := base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")).startswith("-"):
        continue
    return text


class Kafka(Part):
    """One broker; its data, log and configuration lie in one folder."""

    name = "kafka"
    stop_seconds_max = 60.0  # with the saving of a cache on a busy machine

    def __init__(self, folder: Path, broker_port: int, controller_port: int, report: Reporter) -> None:
        """Nothing is started."""
        super().__init__(report)
        self._folder = folder
        self._data = folder / "data"
        self._log = folder / "log"
        self._configuration = folder / "server.properties"
        self._class_path = ""
        self._cache: StartupCache | None = None
        self.port = broker_port
        self.controller_port = controller_port
        self.address = f"{HOST}:{broker_port}"

    async def start(self) -> None:
        """Brings the broker up; at first fetches its jars and formats its storage.

        Raises:
            LocalStackError: see the kinds in `infra.local.errors`.
        """
        if self._cache is None:
            jars = await asyncio.to_thread(self._jars)
            self._class_path = class_path(jars)
            self._cache = StartupCache(jars, java(), JVM, self._class_path)
        self._folder.mkdir(parents=True, exist_ok=True)
        require_space(self._folder, SPACE_MIB_NEEDED)
        self._configuration.write_text(properties(self.port, self.controller_port, self._data))
        (self._folder / "log4j2.properties").write_text(LOGGING)
        if not (self._folder / "formatted").exists():
            self.say(PartState.PREPARING, "formatting its storage")
            await self._format()
        self.say(PartState.STARTING)
        for port in (self.port, self.controller_port):
            await require_free(self.name, port)
        await self._until_ready()
        self.say(PartState.READY, self.address)

    async def stop(self) -> bool:
        """Ends it cleanly; the first on a machine takes some seconds longer to save its start-up cache."""
        if self._cache is not None and self._cache.writing and self.running:
            self.say(PartState.STOPPING, "saving a start-up cache, once")
        clean = await super().stop()
        if self._cache is not None:
            self._cache.settle(clean=clean)
        return clean

    async def kill(self) -> None:
        """Ends it as a crash would."""
        await super().kill()
        if self._cache is not None:
            self._cache.settle(clean=False)

    def _jars(self) -> Path:
        return ensure_jars(
            lambda have, all_: self.say(PartState.PREPARING, f"fetching jars, {have} of {all_}")
        )

    def _command(self, name: str, *arguments: str, log: Path, flags: tuple[str, ...] = ()) -> Command:
        logging = f"-Dlog4j2.configurationFile={self._folder / 'log4j2.properties'}"
        return Command(
            name=name,
            argv=(str(java()), *JVM, *flags, logging, "-cp", self._class_path, *arguments),
            log=log,
            folder=self._folder,
            environment=ENVIRONMENT,
        )

    async def _format(self) -> None:
        """Formats with Kafka's own tool, which settles features that a hand-written file would leave open."""
        shutil.rmtree(self._data, ignore_errors=True)  # what an interrupted attempt left
        log = self._folder / "format.log"
        arguments = (
            "kafka.tools.StorageTool",
            "format",
            "-t",
            new_cluster_id(),
            "-c",
            str(self._configuration),
        )
        await finish(self._command("kafka format", *arguments, log=log), FORMAT_SECONDS_MAX)
        (self._folder / "formatted").touch()

    async def _until_ready(self) -> None:
        flags = () if self._cache is None else self._cache.flags()
        command = self._command(
            self.name, "kafka.Kafka", str(self._configuration), log=self._log, flags=flags
        )
        child = self.child = await start(command)
        deadline = Deadline(READY_SECONDS_MAX)
        while not await ask_brokers(HOST, self.port):
            if child.exit_code is not None:
                raise child.trouble(self.port, self._folder, SPACE_MIB_NEEDED)
            if deadline.passed:
                raise NotReadyError(f"kafka was not ready in {READY_SECONDS_MAX:g} s\n{child.said()}")
            await deadline.pause()
