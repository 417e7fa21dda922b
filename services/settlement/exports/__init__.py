"""Exports of what settlement knows, as pure functions: FOCUS, Beancount, UBL, HTML."""
