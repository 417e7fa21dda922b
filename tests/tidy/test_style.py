import ast
import re
from pathlib import Path

import pytest

from tests.tidy.sources import CODE, ROOT, imported_modules, python_files, tree

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 40
VAGUE_NAMES = {"utils", "util", "common", "helpers", "helper", "base", "manager", "misc"}
UNFINISHED = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "HA" + "CK")) + r")\b")
READS_THE_ENVIRONMENT = "infra/config.py"

# Where an error of any kind may be caught: places that carry on for others after a fault in one thing.
BROAD_EXCEPTS_MAX = {
    "infra/commands.py": 2,  # a fault in one command of a group is its outcome; the others have theirs
    "infra/appender.py": 2,  # a fault in one rule or batch is told to its callers; the next is served
    "infra/http/serving.py": 1,  # whatever it is, its sender gets a problem document
    "infra/subscriptions.py": 2,  # a fault in one stream must not stop the others
    "infra/supervision.py": 1,  # the supervisor of a process's loops
}
# The one module, or package, through which each driver is reached.
DOORS = {
    "asyncpg": ("infra/database.py",),
    "aiokafka": ("infra/kafka.py", "infra/kafka/"),
    "opentelemetry": ("infra/telemetry.py", "infra/telemetry/"),
}


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.mark.parametrize("path", python_files(*CODE, "tests", "requirements"), ids=str)
def test_files_are_short(path: Path) -> None:
    assert (ROOT / path).read_text().count("\n") <= FILE_LINES_MAX


@pytest.mark.parametrize("path", python_files(*CODE, "requirements"), ids=str)
def test_functions_are_short(path: Path) -> None:
    long = {
        node.name: node.end_lineno - node.lineno + 1
        for node in functions(path)
        if node.end_lineno is not None and node.end_lineno - node.lineno + 1 > FUNCTION_LINES_MAX
    }
    assert not long


def test_no_module_or_folder_has_a_vague_name() -> None:
    vague = [str(path) for path in python_files(*CODE, "tests") if VAGUE_NAMES & {path.stem, *path.parts}]
    assert not vague


def test_nothing_is_left_unfinished() -> None:
    found = [
        f"{path}:{number}"
        for path in python_files(*CODE, "tests", "requirements")
        for number, line in enumerate((ROOT / path).read_text().splitlines(), 1)
        if UNFINISHED.search(line)
    ]
    assert not found


def in_domain(path: Path) -> bool:
    return path.is_relative_to("schemas") or (path.parts[0] == "services" and "domain" in path.parts)


@pytest.mark.parametrize(
    "path", [one for one in python_files("schemas", "services") if in_domain(one)], ids=str
)
def test_the_domain_knows_no_floats(path: Path) -> None:
    found = [
        node.lineno
        for node in ast.walk(tree(path))
        if (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (isinstance(node, ast.Name) and node.id == "float")
    ]
    assert not found, f"lines {found}"


def test_only_the_configuration_reads_the_environment() -> None:
    readers = [
        str(path)
        for path in python_files(*CODE)
        if str(path) != READS_THE_ENVIRONMENT
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and (node.value.id, node.attr) in {("os", "environ"), ("os", "getenv"), ("os", "environb")}
    ]
    assert not readers


def is_broad(node: ast.AST) -> bool:
    if not isinstance(node, ast.ExceptHandler):
        return False
    if isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None:
        return False  # it cleans up and lets the error go on
    kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
    return any(
        kind is None or (isinstance(kind, ast.Name) and kind.id in {"Exception", "BaseException"})
        for kind in kinds
    )


def test_errors_of_any_kind_are_caught_only_where_it_is_said_why() -> None:
    found = {str(path): sum(map(is_broad, ast.walk(tree(path)))) for path in python_files(*CODE)}
    assert {path: count for path, count in found.items() if count > BROAD_EXCEPTS_MAX.get(path, 0)} == {}


@pytest.mark.parametrize("driver", DOORS)
def test_each_driver_has_one_door(driver: str) -> None:
    users = [
        str(path)
        for path in python_files(*CODE)
        if any(name.split(".")[0] == driver for name in imported_modules(path))
        and not str(path).startswith(DOORS[driver])
    ]
    assert not users


def test_annotations_are_never_postponed() -> None:
    # msgspec resolves them at run time and fails to
    postponed = [
        str(path)
        for path in python_files(*CODE)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
    ]
    assert not postponed


def lets_others_run(node: ast.Attribute, path: Path) -> bool:
    """`asyncio.sleep(0)` waits for nothing: it gives the loop one turn."""
    calls = (call for call in ast.walk(tree(path)) if isinstance(call, ast.Call) and call.func is node)
    return any(isinstance(one, ast.Constant) and one.value == 0 for call in calls for one in call.args[:1])


# Where time itself is the matter, or another process that tells nobody is looked at until a deadline.
SLEEPERS = {
    "tests/simulation": "its time is virtual: a sleep takes none",
    "tests/bench": "it keeps a pace",
    "tests/e2e/load.py": "looks at processes that were killed",
    "tests/integration/kafka": "looks at a broker that is frozen for longer than a deadline",
    "tests/unit/live/test_live.py": "looks at loops that tell nobody",
}


def test_tests_never_sleep() -> None:
    sleepers = [
        f"{path}:{node.lineno}"
        for path in python_files("tests")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute)
        and node.attr == "sleep"
        and isinstance(node.value, ast.Name)
        and node.value.id in {"time", "asyncio"}
        and not any(path.is_relative_to(allowed) for allowed in SLEEPERS)
        and not lets_others_run(node, path)
    ]
    assert not sleepers


def test_tests_use_no_mocks() -> None:
    assert not [str(path) for path in python_files("tests") if "unittest.mock" in imported_modules(path)]
