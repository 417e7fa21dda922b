"""The business: contracts, capacity, settlement; they know each other only by events."""
