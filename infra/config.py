"""The configuration of a service process: one file, and a few variables of the environment above it.

The only module that reads the environment. `CAPLEDGER_<PATH>` sets one value, with `__` between the names
of a path: `CAPLEDGER_KAFKA__PASSWORD`, `CAPLEDGER_POSTGRES__DSN`. Secrets belong there or in a file that
only we can read.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast, dataclass_transform

import msgspec

PREFIX = "CAPLEDGER_"
DAY_MS = 24 * 60 * 60 * 1000


class ConfigError(Exception):
    """A configuration that cannot be used; the message names the file and the path of the value."""


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the configuration; unknown names are refused."""


class PostgresSettings(Section):
    """Where the ledgers are.

    Attributes:
        dsn: of the service's own role, in any database of the cluster; each ledger's takes its place.
        admin_dsn: of a role that may make and drop sandboxes; None where this process may not.
        reader_dsn: of the role under row security that serves events to tenants; None: filtered here.
        appends_max: connections for appends, per ledger.
        reads_max: connections for reads, per ledger.
    """

    dsn: str
    admin_dsn: str | None = None
    reader_dsn: str | None = None
    appends_max: int = 4
    reads_max: int = 6


class KafkaSettings(Section):
    """Where the topics are, and what they must be like.

    Attributes:
        bootstrap: `host:port`, several separated by commas.
        topic_prefix: what the topics of the one live ledger begin with; those of others add their name.
        create_topics: make missing topics; otherwise they must be there.
        replication: copies of a topic that we make.
        min_insync: how many copies must have a record before it is acked.
        retention_ms: how long a record is kept; the log is the truth, the topic a copy of its tail.
        protocol: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.
        mechanism: of SASL.
        ca_file: certificates to trust, PEM; None for the system's.
    """

    bootstrap: str
    topic_prefix: str = "capledger"
    create_topics: bool = True
    replication: int = 1
    min_insync: int = 1
    retention_ms: int = 7 * DAY_MS
    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    username: str | None = None
    password: str | None = None
    ca_file: str | None = None


class HttpSettings(Section):
    """Where the service listens.

    Attributes:
        host: an address of this machine.
        port: 0 takes any free one.
        peers: the addresses of all services by name, told to clients that know one of them.
    """

    host: str = "127.0.0.1"
    port: int = 0
    peers: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])


class TelemetrySettings(Section):
    """Where spans go: an OTLP/HTTP endpoint, None for nowhere. Metrics are always at /metrics."""

    otlp_endpoint: str | None = None
    sampled_percent: int = 100


class Config(Section):
    """Everything that a service process is told.

    Attributes:
        ledgers: names of the ledgers to serve; sandboxes of the same cluster are found by themselves if
            `sandboxes` is set.
        sandboxes: serve every sandbox ledger of the cluster, those made later too.
        shards: how many shards each log of a sandbox made here has.
        pepper_file: the secret behind stored credentials (32 bytes, hexadecimal).
        sealing_file: the keys that seal tokens.
        failpoints: for tests; refused where a live ledger is served.
        log_level: debug, info, warning or error.
        wait_seconds: how long a process that starts waits for a database that does not answer yet.
        replica: a name for this process among the replicas of its service.
    """

    postgres: PostgresSettings
    kafka: KafkaSettings
    http: HttpSettings = HttpSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    ledgers: tuple[str, ...] = ()
    sandboxes: bool = False
    shards: int = 4
    pepper_file: str | None = None
    sealing_file: str | None = None
    failpoints: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    wait_seconds: float = 60.0
    replica: str | None = None


def load(path: Path, environment: Mapping[str, str] | None = None) -> Config:
    """Return the configuration in a YAML or JSON file, with what the environment sets above it.

    Raises:
        ConfigError: it cannot be read, a name is unknown, a value has the wrong type.
    """
    try:
        values = msgspec.yaml.decode(path.read_bytes(), type=dict[str, Any])
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: expected names and values: {error}") from error
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    for name, text in (os.environ if environment is None else environment).items():
        if name.startswith(PREFIX) and "__" in name.removeprefix(PREFIX):
            _put(values, name.removeprefix(PREFIX).lower().split("__"), text)
    try:
        return msgspec.convert(values, Config, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {error}") from error


def secret(path: str) -> bytes:
    """Return the secret in a file (hexadecimal text).

    Raises:
        ConfigError: it is not there, can be read by others, or is no hexadecimal text.
    """
    file = Path(path)
    try:
        if file.stat().st_mode & 0o077:
            raise ConfigError(f"{path}: others may read it; chmod 600 it")
        return bytes.fromhex(file.read_text().strip())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from error


def _put(values: dict[str, Any], path: list[str], text: str) -> None:
    for name in path[:-1]:
        below: Any = values.setdefault(name, {})
        if not isinstance(below, dict):
            raise ConfigError(f"{PREFIX}{'__'.join(path).upper()}: {name} holds no names")
        values = cast("dict[str, Any]", below)
    values[path[-1]] = text
