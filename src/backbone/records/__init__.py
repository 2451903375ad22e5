"""Records: small state that people change, in SQLite beside the telemetry."""
