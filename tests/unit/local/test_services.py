from pathlib import Path

from infra.config import load
from infra.local.ports import HOST
from infra.local.services import configuration, role_passwords, stored_secret, write_configuration
from infra.local.stack import LocalStack
from infra.migrations import Plan

PLAN = Plan(services={"contracts": ("contracts",), "capacity": ("capacity", "usage")}, shards=4)


def prepared(folder: Path) -> LocalStack:
    stack = LocalStack(folder)
    stored_secret(folder / "postgres" / "password", lambda: "made-up")
    return stack


def test_a_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "secrets" / "pepper"
    assert stored_secret(file, lambda: "first") == "first"
    assert stored_secret(file, lambda: "second") == "first"
    assert file.stat().st_mode & 0o777 == 0o600


def test_roles_keep_their_passwords_and_new_ones_get_theirs(tmp_path: Path) -> None:
    fewer = Plan(services={"contracts": ("contracts",)}, shards=4)
    first = role_passwords(tmp_path, fewer)
    later = role_passwords(tmp_path, PLAN)
    assert first.items() <= later.items()
    assert set(later) == set(PLAN.roles)
    assert len(set(later.values())) == len(later)


def test_a_written_configuration_is_what_the_service_loads(tmp_path: Path) -> None:
    stack = prepared(tmp_path)
    config = configuration(stack, "capacity", 20001, role_passwords(tmp_path / "secrets", PLAN))
    file = write_configuration(tmp_path, "capacity", config)
    assert load(file, {}) == config
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_service_connects_as_its_own_role_and_listens_on_this_machine_only(tmp_path: Path) -> None:
    stack = prepared(tmp_path)
    config = configuration(stack, "capacity", 20001, role_passwords(tmp_path / "secrets", PLAN))
    assert config.postgres.dsn.startswith("postgresql://capledger_capacity:")
    assert (config.http.host, config.http.port) == (HOST, 20001)
    assert config.kafka.bootstrap == stack.kafka_bootstrap
