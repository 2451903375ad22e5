"""
Loops over samples, compiled to machine code by Numba, with the interpreter lock released.

What a window holds differs from series to series and from step to step, so whole-array operations would need a pass for
each position in a window; a compiled loop reads every sample once and sums up in the order in which Prometheus does.
"""
