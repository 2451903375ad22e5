"""Backbone's telemetry of itself: metrics at ``/metrics``, structured logs on standard error."""
