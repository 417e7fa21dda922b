"""`capledger schemas export | check`: schemas, descriptions and references, made from the declarations."""

from pathlib import Path

from cyclopts import App

from cli.composition import SERVICES
from infra.http.application import routes_of
from infra.openapi import document, errors_reference, operations_reference
from schemas import compatibility, export

GROUP = App(name="schemas", help="The wire as documents: JSON Schema, OpenAPI, AsyncAPI, references.")


def register(app: App) -> None:
    """Add the commands of this group."""
    app.command(GROUP)


@GROUP.command(name="export")
def write() -> int:
    """Write every generated file anew, and remove what is no longer made."""
    made = documents()
    for path in sorted(export.GENERATED.rglob("*.json")):
        if path not in made:
            path.unlink()
    for path, text in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
    print(f"{len(made)} files are current")
    return 0


@GROUP.command
def check() -> int:
    """Compare the generated files with the declarations, and these with the released schemas.

    Exits with 1 if a file is stale, or a message is no longer what was released.
    """
    stale = [path for path, text in documents().items() if not path.exists() or path.read_bytes() != text]
    broken = compatibility.breaks()
    for path in stale:
        print(f"stale: {path.relative_to(export.ROOT)}")
    for line in broken:
        print(f"incompatible: {line}")
    return int(bool(stale or broken))


def documents() -> dict[Path, bytes]:
    """Return every generated document by its path."""
    found = export.documents()
    found[export.REFERENCE / "errors.md"] = errors_reference().encode()
    for service in SERVICES:
        routes = routes_of(service)
        found[export.GENERATED / "openapi" / f"{service.name}.json"] = document(service, routes)
        found[export.REFERENCE / f"http-{service.name}.md"] = operations_reference(service, routes).encode()
    return found
