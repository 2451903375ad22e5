"""
Where telemetry comes in: one module per door, and the group commit behind them all.

A door bounds and unpacks a request, hands its protobuf bytes to `commit` and answers when they are durable. It does not
look inside them: the engine finds what is malformed.
"""
