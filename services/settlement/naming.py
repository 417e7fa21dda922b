"""Names: the contract of a statement, and the place of a command."""

import re
from typing import Any

from schemas.decision import Place
from schemas.kernel.names import local, owner, qualify
from services.settlement.domain.standing import stream_of


def contract_of(statement: str) -> str | None:
    """The qualified contract of a qualified statement; None where the name is none of a statement."""
    for label in (r"[0-9]{4}-[0-9]{2}", r"[0-9]{4}-q[1-4]", r"[0-9]{4}"):
        found = re.match(rf"^(.+)-{label}$", statement)
        if found is not None:
            return found.group(1)
    return None


def account_place(command: Any, actor: str) -> Place:  # noqa: ANN401 any command with a `contract`
    """The book and streams of a command on an account: the supplier's, with its books' currency."""
    contract = qualify(command.contract, actor)
    book = owner(contract)
    return Place(book, (stream_of(contract), f"book-{book}"))


def book_place(command: object, actor: str) -> Place:
    """The actor's own books."""
    del command
    return Place(actor, (f"book-{actor}",))


def proposal_place(command: Any, actor: str) -> Place:  # noqa: ANN401 a proposal
    """The proposer's book."""
    return Place(actor, (f"netting-{command.netting}",))


def netting_place(command: Any, actor: str) -> Place:  # noqa: ANN401 any command with a `netting`
    """The book of the netting's proposer."""
    name = qualify(command.netting, actor)
    return Place(owner(name), (f"netting-{local(name)}",))


def cost_place(command: Any, actor: str) -> Place:  # noqa: ANN401 a cost
    """The book of the pool's operator. A cost of another's pool is refused in the actor's own."""
    return Place(actor, (f"cost-{local(qualify(command.pool, actor))}", f"book-{actor}"))
