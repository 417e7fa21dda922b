"""The stack on this machine: PostgreSQL and Kafka from wheels and jars, without Docker."""
