"""The vocabulary every stage shares; imports nothing of ours."""
