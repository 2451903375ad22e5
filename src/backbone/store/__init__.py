"""Where telemetry is kept: the engine, its tables and what keeps them in shape."""
