"""What the server does per CPU-second through its real doors, beside its peers: ``python -m bench``."""
