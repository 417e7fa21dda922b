"""Scenario files: dated commands and questions with expected answers, played in memory or live."""
