"""How fast logs and traces are searched."""
