"""Tests: unit, conformance, integration, simulation, e2e, tidy, bench."""
