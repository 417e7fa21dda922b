"""The event store in PostgreSQL: one schema a log, one plpgsql function an append."""

from infra.event_store.postgres.startup import UnsafeDatabaseError, refuse_unsafe
from infra.event_store.postgres.store import PostgresEventStore

__all__ = ["PostgresEventStore", "UnsafeDatabaseError", "refuse_unsafe"]
