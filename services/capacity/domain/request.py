"""What a contract asked for and was answered: the stream `request-<supplier>/<contract>` of an operator."""

import msgspec

from schemas.capacity import TermsTaken
from schemas.kernel.names import qualify
from schemas.message import Event


class Request(msgspec.Struct):
    """The last version of a contract's terms that was answered; 0 = none yet."""

    version: int = 0


def initial() -> Request:
    """Return the state before anything was asked."""
    return Request()


def evolve(request: Request, event: Event) -> Request:
    """Return the state after one more answer."""
    if isinstance(event, TermsTaken):
        request.version = event.terms_version
    return request


def request_stream(contract: str) -> str:
    """Return the stream of a contract's requests, by its qualified name."""
    return f"request-{contract}"


def line_name(contract: str, line: str) -> str:
    """Return the name under which a contract's line is reserved or held: `supplier/contract/line`."""
    return qualify(f"{contract}/{line}", "")
