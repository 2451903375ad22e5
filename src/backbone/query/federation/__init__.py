"""Queries that other servers answer too: their series beside ours, as one big server would have them."""
