from pathlib import Path

from infra.config import load
from infra.local.ports import HOST
from infra.local.services import Site, configuration, role_passwords, stored_secret, write_configuration
from infra.migrations import Plan

PLAN = Plan(services={"contracts": ("contracts",), "capacity": ("capacity", "usage")}, shards=4)


def site(folder: Path) -> Site:
    return Site(
        folder=folder,
        admin_dsn="postgresql://postgres:made-up@127.0.0.1:5432/capledger",
        kafka="127.0.0.1:9092",
        host=HOST,
        ports={"contracts": 20001, "capacity": 20002},
    )


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
    config = configuration(site(tmp_path), "capacity", role_passwords(tmp_path, PLAN))
    file = write_configuration(tmp_path, "capacity", config)
    assert load(file, {}) == config
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_service_connects_as_its_own_role_and_listens_on_its_own_port(tmp_path: Path) -> None:
    config = configuration(site(tmp_path), "capacity", role_passwords(tmp_path, PLAN))
    assert config.postgres.dsn.startswith("postgresql://capledger_capacity:")
    assert (config.http.host, config.http.port) == (HOST, 20002)
