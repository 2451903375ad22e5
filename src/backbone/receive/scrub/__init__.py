"""Requests are scrubbed before they are written: what is personal or secret in their texts never reaches the store."""
