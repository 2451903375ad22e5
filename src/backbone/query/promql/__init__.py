"""PromQL: text → AST (`parser`) → value over a grid of steps (`engine`) → answer."""
