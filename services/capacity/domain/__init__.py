"""The rules of capacity: pure, from states and orders to events."""
