"""The shared kernel: exact values of time, capacity and money, and the arithmetic on them.

Pure: standard library and msgspec alone. No clock, no randomness, no floats.
"""
