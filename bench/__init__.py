"""What the server does through its real doors, beside its peers: ``python -m bench``."""
