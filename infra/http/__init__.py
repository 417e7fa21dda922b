"""HTTP: every route derived from a service's declarations; one application for all ledgers it serves.

`application.app` makes it from `site.Desk`s, `deadlines.Listener` puts it on a port.
"""
