"""How fast PromQL is answered, beside Prometheus and VictoriaMetrics: the bench's part ``promql``."""
