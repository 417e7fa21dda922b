"""The event store in PostgreSQL: one schema a log, one plpgsql function an append."""

from infra.event_store.postgres.party import PartyReader
from infra.event_store.postgres.startup import UnsafeDatabaseError, refuse_unsafe
from infra.event_store.postgres.store import PostgresEventStore
from infra.event_store.postgres.verification import Verified, verify

__all__ = ["PartyReader", "PostgresEventStore", "UnsafeDatabaseError", "Verified", "refuse_unsafe", "verify"]
