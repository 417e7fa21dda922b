"""The capacity service: what exists, is reserved, delivered and used."""
