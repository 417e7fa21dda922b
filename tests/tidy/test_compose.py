from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.app import build
from cli.prepare import prepare
from infra.local.kafka import properties
from infra.local.postgres import SETTINGS
from tests.tidy.sources import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
PARTS: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("contracts", "capacity", "settlement")
ONLY_IN_CONTAINERS = {"listen_addresses", "unix_socket_directories", "log_line_prefix"}


def test_the_stack_has_two_servers_three_services_and_what_watches_them() -> None:
    watching = {"otel-collector", "prometheus", "grafana"}
    assert set(PARTS) == {"postgres", "kafka", "prepare", *OURS, *watching}


@pytest.mark.parametrize("name", OURS)
def test_each_service_is_one_image_with_its_own_module_and_configuration(name: str) -> None:
    part = PARTS[name]
    assert part["image"] == PARTS["contracts"]["image"]
    assert part["command"] == [f"services.{name}", "--config", f"/var/lib/capledger/config/{name}.yaml"]
    assert {one: how["condition"] for one, how in part["depends_on"].items()} == {
        "prepare": "service_completed_successfully",
        "kafka": "service_healthy",
    }


@pytest.mark.parametrize("name", PARTS)
def test_nothing_listens_beyond_this_machine(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in PARTS[name].get("ports", []))


def test_no_two_parts_want_the_same_port() -> None:
    wanted = [port.split(":")[1] for part in PARTS.values() for port in part.get("ports", [])]
    assert len(set(wanted)) == len(wanted)


@pytest.mark.parametrize("name", PARTS)
def test_every_image_is_of_a_stated_version_or_built_here(name: str) -> None:
    tag = PARTS[name]["image"].split(":")[1]
    assert tag != "latest" or "build" in PARTS[name]


def test_the_password_comes_from_outside_and_reaches_only_those_that_need_it() -> None:
    assert COMPOSE["secrets"] == {"postgres_password": {"environment": "CAPLEDGER_POSTGRES_PASSWORD"}}
    assert {name for name, part in PARTS.items() if "secrets" in part} == {"postgres", "prepare"}
    given = [key for part in PARTS.values() for key in part.get("environment", {}) if "PASSWORD" in key]
    assert given == ["POSTGRES_PASSWORD_FILE"]


def test_the_preparation_is_a_command_that_exists_with_these_options(
    capsys: pytest.CaptureFixture[str],
) -> None:
    module, *command = PARTS["prepare"]["command"]
    assert module == "cli"
    command, _, _ = build().parse_args(command)
    assert command is prepare
    assert capsys.readouterr().out == ""


def test_every_file_that_is_built_from_or_mounted_is_there() -> None:
    assert (ROOT / PARTS["contracts"]["build"]["dockerfile"]).is_file()
    mounts = [mount.split(":")[0] for part in PARTS.values() for mount in part.get("volumes", [])]
    from_here = [mount for mount in mounts if mount.startswith("./")]
    assert len(from_here) >= len(("otel-collector", "prometheus", "grafana", "its dashboards"))
    assert all((ROOT / mount).exists() for mount in from_here)


def test_postgres_has_the_settings_of_the_local_stack() -> None:
    given = {one for one in PARTS["postgres"]["command"] if "=" in one}
    assert {f"{name}={value}" for name, value in SETTINGS.items() if name not in ONLY_IN_CONTAINERS} == given


def test_kafka_has_the_settings_of_the_local_stack() -> None:
    local = dict(line.split("=", 1) for line in properties(1, 2, Path("/data")).splitlines())
    addresses = {"LISTENERS", "ADVERTISED_LISTENERS", "CONTROLLER_QUORUM_VOTERS", "LOG_DIRS"}
    given = {name.removeprefix("KAFKA_"): str(value) for name, value in PARTS["kafka"]["environment"].items()}
    for name, value in given.items():
        if name in addresses or name == "LISTENER_SECURITY_PROTOCOL_MAP":
            continue
        assert local[name.lower().replace("_", ".")] == value, name


def test_the_image_holds_every_package_and_nothing_of_tests() -> None:
    lines = (ROOT / "infra" / "deploy" / "Dockerfile").read_text().splitlines()
    copied = {line.split()[1] for line in lines if line.startswith("COPY") and len(line.split()) == 3}
    assert {"schemas", "infra", "services", "cli"} <= copied
    assert "tests" not in copied


def test_the_collector_only_names_parts_that_it_defines() -> None:
    collector = yaml.safe_load((ROOT / "infra" / "deploy" / "otel-collector.yaml").read_text())
    for pipeline in collector["service"]["pipelines"].values():
        for kind in ("receivers", "processors", "exporters"):
            assert set(pipeline[kind]) <= set(collector[kind])
