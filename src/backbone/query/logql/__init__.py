"""LogQL, Loki's language of logs: parsed by a grammar, printed once as SQL. Source: Grafana Loki 3, "LogQL"."""
