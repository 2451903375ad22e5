"""
Prometheus' test scripts: ``load``, ``clear``, ``eval``. Source: Prometheus 3.x, promql/promqltest/README.md.

`parse` reads them, `compare` tells what an answer has of what a script expects.
"""
