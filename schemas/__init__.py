"""The wire: every command, event, question and rejection of Capledger, declared once.

A message is a frozen ``msgspec.Struct`` in the module of the service that owns it. The codec, the JSON
Schemas, OpenAPI, AsyncAPI and the event reference are all derived from it.
"""
