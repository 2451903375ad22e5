"""Backbone: the observability backbone of hyperscale fleets."""

from importlib.metadata import version

__version__ = version("backbone")
