"""`capledger up | down | status | doctor`: the whole stack on this machine."""

from cyclopts import App


def register(app: App) -> None:
    """Adds the commands of this group."""
    del app
