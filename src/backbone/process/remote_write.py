"""Prometheus remote write: from the wire to series, samples, native histograms, exemplars and metadata."""

from __future__ import annotations

from backbone.process.series import SERIES_COLUMNS, fingerprint, label_hash
from backbone.process.view import Passage, Pipeline, View

_UNPACK = f"""
WITH arrayJoin(timeseries) AS s, s.labels.value[indexOf(s.labels.name, '__name__')] AS metric
SELECT
    tenant,
    fromUnixTimestamp64Nano(toInt64(received_ns), 'UTC') AS received,
    metric,
    {label_hash("s.labels.name", "s.labels.value")} AS id,
    {fingerprint("metric", "id")} AS fp,
    s.labels.name AS label_names,
    s.labels.value AS label_values,
    s.samples.timestamp AS times,
    s.samples.value AS values
FROM wire_remote_write
"""
