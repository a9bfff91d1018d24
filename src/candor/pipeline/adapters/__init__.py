"""Engines: DBOS for the product, inline for tests and one-off work."""
