"""The application: the command groups, and what becomes of an error.

A group is a module of this package with `register(app: App) -> None`; to add one, import it and list it
in `GROUPS`. What is slow to import it registers by path: `app.command("cli.prepare:prepare")`.

Exit codes: 0 done, 1 an operating error or an answer of "no", 2 a wrong call, 70 a fault of our own,
130 interrupted.
"""

import os
import sys
import tempfile
import tomllib
import traceback
from pathlib import Path
from types import TracebackType

from cyclopts import App, CycloptsError, UnusedCliTokensError
from rich.console import Console
from rich.text import Text

from cli import stack

ROOT = Path(__file__).resolve().parent.parent
GROUPS = (stack,)

# Commands whose modules are slow to import: each is imported when it is run. Where it is, and its summary.
COMMANDS = {
    "as-of": ("cli.history:as_of", "Asks a question as of other times; shows what differs."),
    "audit": ("cli.keys:audit", "What was done with keys, and access refused."),
    "backup": ("cli.backup:backup", "Writes a backup of a ledger, while it is in use."),
    "basis": ("cli.events:basis", "Opens a basis: what an answer rests on."),
    "capacity": ("cli.capacity:GROUP", "Asks the capacity service."),
    "check": ("cli.scenarios:check", "Plays scenario files and compares with what they expect."),
    "clock": ("cli.keys:CLOCK", "The ledger's clock; a sandbox's can be moved."),
    "contracts": ("cli.contracts:GROUP", "Asks the contracts service."),
    "demo": ("cli.demo:demo", "Brings up the stack, plays the Colossus deals, and shows what they mean."),
    "events": ("cli.events:GROUP", "Reports facts, and looks at what was recorded."),
    "export": ("cli.export:GROUP", "Files for other systems: FOCUS, Beancount, invoices, Parquet."),
    "history": ("cli.history:history", "Every event in which a tenant is a party."),
    "keys": ("cli.keys:KEYS", "Keys: made, listed, rotated, revoked."),
    "quarantine": ("cli.quarantine:GROUP", "Events that a consumer could not apply."),
    "recover": ("cli.backup:recover", "Brings back a restored ledger's tail from its topics, and opens it."),
    "relay": ("cli.topics:RELAY", "How far the topics are behind the logs."),
    "replay": ("cli.replay:GROUP", "Read models made anew and compared; bundles of events."),
    "restore": ("cli.backup:restore", "Makes a ledger from a backup, proved, and closed until recovered."),
    "run": ("cli.scenarios:run", "Plays a scenario file and prints its answers."),
    "schemas": ("cli.schemas:GROUP", "Schemas and references made from the declarations."),
    "settlement": ("cli.settlement:GROUP", "Asks the settlement service."),
    "tenants": ("cli.keys:TENANTS", "Tenants: made, listed."),
    "topics": ("cli.topics:TOPICS", "Whether the topics are as they must be."),
    "verify": ("cli.verify:verify", "Proves a whole ledger, and names the first thing that is wrong."),
}

SUMMARY = "The book of record for AI compute capacity: what was promised, delivered, and what is owed."

EXIT_PROBLEM = 1
EXIT_USAGE = 2
EXIT_FAULT = 70
EXIT_INTERRUPTED = 130


def operating_errors() -> tuple[type[Exception], ...]:
    """What a command may raise and a person can do something about: the text is the whole message.

    Asked for when something was raised: to import them all takes longer than most commands.
    """
    from infra.client import ClientError  # noqa: PLC0415 - see above
    from infra.config import ConfigError  # noqa: PLC0415 - see above
    from infra.event_store import StoreError  # noqa: PLC0415
    from infra.local.errors import LocalStackError  # noqa: PLC0415
    from infra.scenario.source import ScenarioError  # noqa: PLC0415

    return (ClientError, LocalStackError, ScenarioError, StoreError, ConfigError, OSError)


def told(problem: Exception) -> str:
    """What is wrong, in words for people: every fault of a refused request, and of a file its name."""
    from infra.client import RefusedError  # noqa: PLC0415 - see above

    match problem:
        case RefusedError():
            return "\n".join(problem.lines())
        case OSError(filename=str(name), strerror=str(reason)):
            return f"{name}: {reason}"
        case _:
            return str(problem)


def usage(problem: CycloptsError) -> str:
    """What is wrong with how a command was called, and where its own help is."""
    words = " ".join(("capledger", *(problem.command_chain or ())))
    text = str(problem)
    if isinstance(problem, UnusedCliTokensError):
        text = f"{words} takes no further words: {' '.join(problem.unused_tokens or ())}"
    return f"{text}\nSee: {words} --help"


def error_line(text: str) -> None:
    """Writes one message for people to the error stream."""
    Console(stderr=True).print(Text.assemble(("capledger: ", "bold red"), text), soft_wrap=True)


def report_fault(
    kind: type[BaseException], fault: BaseException, trace: TracebackType | None
) -> None:  # pragma: no cover - ends the process
    """What a bug looks like to a person: one line and the name of a file with the rest."""
    with tempfile.NamedTemporaryFile("w", prefix="capledger-fault-", suffix=".txt", delete=False) as report:
        traceback.print_exception(kind, fault, trace, file=report)
    error_line(
        f"a fault of capledger itself: {kind.__name__}: {fault}\nThe details are in {Path(report.name)}."
    )
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(EXIT_FAULT)


def version() -> str:
    """The project's version, from the one place that states it."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return str(settings["project"]["version"])


def build() -> App:
    """The application with every command group registered."""
    app = App(
        name="capledger",
        help=SUMMARY,
        version=version,
        result_action="return_value",
        exit_on_error=False,
        print_error=False,
        suppress_keyboard_interrupt=False,
    )
    for group in GROUPS:
        group.register(app)
    for name, (path, summary) in COMMANDS.items():
        app.command(path, name=name, help=summary)
    return app


def main(arguments: list[str]) -> int:
    """Runs one command and returns the exit code; a command may return its own as an integer."""
    sys.excepthook = report_fault
    try:
        result = build()(arguments)
    except CycloptsError as problem:
        error_line(usage(problem))
        return EXIT_USAGE
    except BrokenPipeError:
        # the reader of a pipe has gone (`capledger ... | head`): no message, and no second error at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_PROBLEM
    except operating_errors() as problem:
        error_line(told(problem))
        return EXIT_PROBLEM
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return result if isinstance(result, int) else 0
