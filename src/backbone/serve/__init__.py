"""The HTTP faces: what Backbone answers, and to whom."""
