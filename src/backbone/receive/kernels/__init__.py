"""Loops over bytes of requests, compiled: what must not wait for the engine, and must not be Python's."""
