"""Failpoints: named places at the narrow windows where a crash could hurt. No-ops unless a test sets them.

Random kills seldom hit these windows; a failpoint hits one each time. They are refused in a live ledger.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from typing import TypeAlias

CRASH_EXIT_CODE = 137


class Failpoint(StrEnum):
    """Every failpoint there is."""

    BEFORE_APPEND = "before_append"
    AFTER_APPEND = "after_append"
    RELAY_AFTER_SEND = "relay.after_send"
    RELAY_AFTER_ACK = "relay.after_ack"
    CONSUMER_AFTER_APPLY = "consumer.after_apply"
    CONSUMER_BEFORE_CHECKPOINT = "consumer.before_checkpoint"
    TIMER_AFTER_SEND = "timer.after_send"
    REBUILD_MID = "rebuild.mid"


class FailpointError(Exception):
    """A failpoint was set to raise."""


Action: TypeAlias = Callable[[], Awaitable[None]]

_set: dict[Failpoint, Action] = {}


async def reach(point: Failpoint) -> None:
    """Do what the failpoint is set to; nothing if it is not set."""
    action = _set.get(point)
    if action is not None:
        await action()


def clear() -> None:
    """Set every failpoint back to doing nothing."""
    _set.clear()


def configure(settings: Mapping[str, str]) -> None:
    """Set failpoints by name: `crash`, `raise` or `hang`, each with `@n` for the n-th time it is reached.

    Raises:
        ValueError: no such failpoint or action.
    """
    for name, setting in settings.items():
        kind, _, number = setting.partition("@")
        _set[Failpoint(name)] = _Counted(_ACTIONS[_known(kind)], int(number or 1))


class _Counted:
    """Waits for the n-th time, and acts on that one only."""

    def __init__(self, action: Action, left: int) -> None:
        self._action, self._left = action, left

    async def __call__(self) -> None:
        self._left -= 1
        if self._left == 0:
            await self._action()


async def _crash() -> None:
    os._exit(CRASH_EXIT_CODE)


async def _raise() -> None:
    raise FailpointError


async def _hang() -> None:
    await asyncio.get_running_loop().create_future()


_ACTIONS: Mapping[str, Action] = {"crash": _crash, "raise": _raise, "hang": _hang}


def _known(kind: str) -> str:
    if kind not in _ACTIONS:
        raise ValueError(f"a failpoint can {', '.join(_ACTIONS)}, not {kind!r}")
    return kind
