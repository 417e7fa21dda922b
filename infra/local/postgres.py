"""PostgreSQL 18 on this machine, from the programs of a wheel."""

import os
import secrets
import shutil
from pathlib import Path
from signal import Signals

from infra.local.disk import require_space
from infra.local.errors import LocalStackError, NotReadyError
from infra.local.identity import hand_over, server_identity
from infra.local.parts import Part, PartState, Reporter
from infra.local.polling import Deadline
from infra.local.ports import HOST, require_free
from infra.local.processes import Child, Command, Identity, finish, start
from infra.local.wheels import ENVIRONMENT, postgres_program

SUPERUSER = "postgres"
DATABASE = "capledger"
READY_SECONDS_MAX = 30.0
PREPARE_SECONDS_MAX = 60.0
SPACE_MIB_NEEDED = 200
# Left by a killed postmaster: the next one refuses until the kernel has cleared the old one away.
LEFTOVERS = ('lock file "postmaster.pid" already exists', "pre-existing shared memory block")

# Durability is what the book promises: the local stack keeps it as production does.
SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "128MB",
    "max_connections": "200",
    "shared_preload_libraries": "pg_stat_statements",
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}


class Postgres(Part):
    """One PostgreSQL server; its data, log and password lie in one folder."""

    name = "postgres"

    def __init__(self, folder: Path, port: int, report: Reporter, identity: Identity | None = None) -> None:
        """Nothing is started; `identity` is found out by itself when not given."""
        super().__init__(report)
        self._folder = folder
        self._data = folder / "data"
        self._log = folder / "log"
        self._identity = identity
        self.port = port
        self.address = f"{HOST}:{port}"

    @property
    def password(self) -> str:
        """The superuser's password, generated at the first start."""
        return (self._folder / "password").read_text().strip()

    @property
    def dsn(self) -> str:
        """Where the superuser connects; holds the password."""
        return f"postgresql://{SUPERUSER}:{self.password}@{HOST}:{self.port}/{DATABASE}"

    async def start(self) -> None:
        """Brings the server up, making its data folder and database at first.

        Raises:
            LocalStackError: see the kinds in `infra.local.errors`.
        """
        identity = self._identity = self._identity or server_identity()
        self._folder.mkdir(parents=True, exist_ok=True)
        require_space(self._folder, SPACE_MIB_NEEDED)
        if not self._data.exists():
            self.say(PartState.PREPARING, "making its data folder")
            await self._initialise(identity)
        self.say(PartState.STARTING)
        await require_free(self.name, self.port)
        await self._until_ready(identity)
        if not (self._folder / "database").exists():
            await self._create_database()
        self.say(PartState.READY, self.address)

    def _command(self, name: str, *arguments: str, identity: Identity) -> Command:
        return Command(
            name=name,
            argv=(str(postgres_program(name)), *arguments),
            log=self._folder / ("log" if name == "postgres" else f"{name}.log"),
            folder=Path("/"),
            environment=ENVIRONMENT,
            identity=identity,
            # SIGINT is a fast and clean shutdown; SIGTERM would wait for clients to leave
            stop_signal=Signals.SIGINT,
            orphan_signal=Signals.SIGINT,
        )

    async def _initialise(self, identity: Identity) -> None:
        """Makes the data folder under another name first: a half-made one is never taken for a whole one."""
        fresh = self._folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        secret = self._folder / "password"
        if not secret.exists():
            with os.fdopen(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(24) + "\n")
        handed = fresh.with_name(
            "password.new"
        )  # initdb may be another user, who cannot read the file itself
        shutil.copy2(secret, handed)
        hand_over(fresh, identity)
        hand_over(handed, identity)
        arguments = (
            "-D",
            str(fresh),
            "-U",
            SUPERUSER,
            "--auth=scram-sha-256",
            f"--pwfile={handed}",
            "-E",
            "UTF8",
        )
        locale = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions")
        try:
            await finish(self._command("initdb", *arguments, *locale, identity=identity), PREPARE_SECONDS_MAX)
        finally:
            handed.unlink()
        fresh.rename(self._data)

    async def _until_ready(self, identity: Identity) -> None:
        settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        arguments = ("-D", str(self._data), "-p", str(self.port), *settings)
        command = self._command("postgres", *arguments, identity=identity)
        deadline = Deadline(READY_SECONDS_MAX)
        child = self.child = await start(command)
        while not self._is_ready(child):
            if child.exit_code is not None:
                if deadline.passed or not any(sign in child.said() for sign in LEFTOVERS):
                    raise child.trouble(self.port, self._folder, SPACE_MIB_NEEDED)
                child = self.child = await start(command)
            elif deadline.passed:
                raise NotReadyError(f"postgres was not ready in {READY_SECONDS_MAX:g} s\n{child.said()}")
            await deadline.pause()

    def _is_ready(self, child: Child) -> bool:
        """The server writes its state into the eighth line of its pid file."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) >= 8 and lines[0] == str(child.pid) and lines[7].strip() == "ready"  # noqa: PLR2004

    async def _create_database(self) -> None:
        arguments = ("-h", HOST, "-p", str(self.port), "-U", SUPERUSER, "--no-password", DATABASE)
        command = Command(
            name="createdb",
            argv=(str(postgres_program("createdb")), *arguments),
            log=self._folder / "createdb.log",
            folder=Path("/"),
            environment={**ENVIRONMENT, "PGPASSWORD": self.password},
        )
        try:
            await finish(command, PREPARE_SECONDS_MAX)
        except LocalStackError as problem:
            if "already exists" not in str(problem):  # made by a start that was killed right after
                raise
        (self._folder / "database").touch()
