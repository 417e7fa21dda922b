"""Contracts: what was promised."""
