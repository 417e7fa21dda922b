"""Prepares `.venv` from a hashed lock and runs the command line in it; standard library only.

`install.py run ARGS...` needs the runtime lock and then runs `cli` in place of itself.
`install.py dev` needs the development lock, which holds the runtime lock too.

What is installed is written to `.venv/installed` as `<lock> <sha256>`: a changed lock makes the folder anew.
"""

import fcntl
import hashlib
import os
import runpy
import shutil
import subprocess
import sys
from collections import deque
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("runtime", "dev")
OUTPUT_LINES_KEPT = 12
PROGRESS_STEP = 20
NETWORK_SIGNS = ("NewConnectionError", "ConnectionError", "Max retries", "timed out", "Temporary failure")


class EnvironmentProblemError(Exception):
    """The environment cannot be made; the text says what to do."""


def digest(root: Path, lock: str) -> str:
    """The stamp of a lock file: `<lock> <sha256 of its bytes>`."""
    return f"{lock} {hashlib.sha256((root / 'requirements' / f'{lock}.txt').read_bytes()).hexdigest()}"


def installed(root: Path) -> str:
    """The stamp of what `.venv` holds, or an empty text."""
    try:
        return (root / ".venv" / "installed").read_text().strip()
    except OSError:
        return ""


def is_current(root: Path, lock: str) -> bool:
    """Whether `.venv` already satisfies a lock; the development lock contains the runtime one."""
    stamps = {digest(root, "dev")} if lock == "dev" else {digest(root, name) for name in LOCKS}
    return installed(root) in stamps


def target(root: Path, lock: str) -> str:
    """The lock to install: who has once made a development environment keeps one."""
    return "dev" if installed(root).startswith("dev ") else lock


def say(text: str, end: str = "\n") -> None:
    """One line of progress, on the terminal's error stream so that `--json` output stays clean."""
    sys.stderr.write(text + end)
    sys.stderr.flush()


def report_progress(lines: Iterable[str], total: int) -> list[str]:
    """Shows how far pip has come and returns the last lines it wrote, for an error message."""
    last: deque[str] = deque(maxlen=OUTPUT_LINES_KEPT)
    seen = 0
    for line in lines:
        last.append(line.rstrip())
        if not line.startswith("Collecting "):
            continue
        seen += 1
        if sys.stderr.isatty():
            say(f"\rpreparing .venv: package {seen} of {total} ", end="")
        elif seen % PROGRESS_STEP == 0:
            say(f"preparing .venv: package {seen} of {total}")
    if sys.stderr.isatty():
        say("")
    return list(last)


def count_packages(lock: Path) -> int:
    """How many packages a lock names: its lines that start a requirement."""
    return sum("==" in line and not line.startswith((" ", "#")) for line in lock.read_text().splitlines())


def explain(output: list[str]) -> str:
    """Says in a few words why pip failed, then what it said itself."""
    text = "\n".join(output)
    if "No space left" in text:
        reason = "the disk is full; free about 1.5 GB and run this again"
    elif "DO NOT MATCH THE HASHES" in text:
        reason = "a downloaded package is not the one that was locked; nothing of it was installed"
    elif any(sign in text for sign in NETWORK_SIGNS):
        reason = "a download failed; check the network (or pip's proxy settings) and run this again"
    elif "No matching distribution" in text:
        reason = "a package could not be had: no network, or no build of it for this system and Python"
    else:
        reason = "pip failed"
    return f"{reason}\n--- the last lines of pip:\n{text}"


def make(root: Path, lock: str) -> None:
    """Makes `.venv` from nothing.

    Raises:
        EnvironmentProblemError: Python cannot make environments here, or a package could not be had.
    """
    folder, requirements = root / ".venv", root / "requirements" / f"{lock}.txt"
    shutil.rmtree(folder, ignore_errors=True)
    total = count_packages(requirements)
    say(f"preparing .venv: {total} packages, once (takes a minute)")
    python = getattr(sys, "_base_executable", sys.executable)
    made = subprocess.run([python, "-m", "venv", folder], capture_output=True, text=True, check=False)
    if made.returncode:
        said = (made.stdout + made.stderr).strip()
        message = (
            f"{python} cannot make a virtual environment (on Debian: apt-get install python3-venv)\n{said}"
        )
        raise EnvironmentProblemError(message)
    command: list[str | Path] = [folder / "bin" / "python", "-m", "pip", "install", "--no-input", "--no-deps"]
    command += [
        "--disable-pip-version-check",
        "--progress-bar",
        "off",
        "--require-hashes",
        "-r",
        requirements,
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:
        assert pip.stdout is not None
        output = report_progress(pip.stdout, total)
    if pip.returncode:
        raise EnvironmentProblemError(explain(output))
    (folder / "installed").write_text(digest(root, lock) + "\n")


def ensure(root: Path, lock: str) -> None:
    """Makes `.venv` satisfy a lock; of two that do so at once, one works and the other waits.

    Raises:
        EnvironmentProblemError: see `make`.
    """
    if is_current(root, lock):
        return
    with (root / ".venv.lock").open("w") as guard:
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another capledger is preparing .venv; waiting for it")
            fcntl.flock(guard, fcntl.LOCK_EX)
        if not is_current(root, lock):
            make(root, target(root, lock))


def run(root: Path, arguments: list[str]) -> None:
    """Runs the command line in this process, which must be the environment's own Python."""
    sys.path[0] = str(root)
    sys.argv = [str(root / "capledger"), *arguments]
    runpy.run_module("cli", run_name="__main__", alter_sys=False)


def main(arguments: list[str]) -> int:
    """Carries out `run ARGS...` or `dev`; returns the exit code."""
    match arguments:
        case ["run", *rest]:
            lock = "runtime"
        case ["dev"]:
            lock, rest = "dev", []
        case _:
            say(__doc__ or "")
            return 2
    fresh = not is_current(ROOT, lock)
    try:
        ensure(ROOT, lock)
    except (EnvironmentProblemError, OSError) as problem:
        say(f"capledger: {problem}")
        return 1
    except KeyboardInterrupt:
        say("capledger: interrupted while preparing .venv; the next run starts it again")
        return 130
    if lock == "dev":
        return 0
    if fresh or Path(sys.prefix).resolve() != (ROOT / ".venv").resolve():
        python = str(ROOT / ".venv" / "bin" / "python")
        os.execv(python, [python, __file__, "run", *rest])
    run(ROOT, rest)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
