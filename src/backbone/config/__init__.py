"""What a user may set, in one ``backbone.yaml``: sections as frozen models, read by `load_config`."""
