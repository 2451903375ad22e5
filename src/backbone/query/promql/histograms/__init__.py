"""
Native histograms, many at a time.

A block holds histograms as columns; operations work on whole blocks, row by row of two blocks of the same length.
Source of the semantics: Prometheus 3.x, model/histogram/float_histogram.go and promql/quantile.go.
"""

from backbone.query.promql.histograms.algebra import Combined, add, divide, equal, scale, subtract
from backbone.query.promql.histograms.block import Buckets, HistogramRow, Histograms, from_columns
from backbone.query.promql.histograms.groups import avg_groups, sum_groups
from backbone.query.promql.histograms.resets import detect_reset, inferred_hints
from backbone.query.promql.histograms.statistics import average, fraction, quantile, stddev, stdvar
from backbone.query.promql.histograms.text import test_expression, text, to_bucket_list
from backbone.query.promql.histograms.trim import trim

__all__ = [
    "Buckets",
    "Combined",
    "HistogramRow",
    "Histograms",
    "add",
    "average",
    "avg_groups",
    "detect_reset",
    "divide",
    "equal",
    "fraction",
    "from_columns",
    "inferred_hints",
    "quantile",
    "scale",
    "stddev",
    "stdvar",
    "subtract",
    "sum_groups",
    "test_expression",
    "text",
    "to_bucket_list",
    "trim",
]
