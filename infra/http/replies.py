"""Replies: JSON and problem documents. What is given here are JSON values and datetimes."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from infra.codec import encode
from infra.problems import MEDIA_TYPE, ProblemError

JSON = "application/json"
NDJSON = "application/x-ndjson"


def reply(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return a value as JSON."""
    return web.Response(
        body=encode(value), status=status, content_type=JSON, charset="utf-8", headers=headers
    )


def line(value: Any) -> bytes:
    """Return a value as one line of JSON."""
    return encode(value) + b"\n"


def problem_reply(problem: ProblemError, request_id: str | None) -> web.Response:
    """Return a problem document."""
    return web.Response(
        body=encode(problem.body(request_id)),
        status=problem.status,
        content_type=MEDIA_TYPE,
        headers=problem.headers,
    )
