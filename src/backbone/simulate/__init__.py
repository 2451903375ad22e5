"""
The synthetic fleet: what clients, OmniRelay nodes, MeshKit shards and Hugo queues would send, over real OTLP.

`fleet` is a small causal model stepped once a second; `gauging`, `spans` and `logs` are what it tells of itself;
`faults` change the model, so they show in all signals as they would; `sender` delivers.
"""
