"""Numbers as Go prints them, which is how Prometheus' users know them."""

from __future__ import annotations

import math


def print_float(value: float) -> str:
    """Return the shortest text that reads back as *value*, never with an exponent. Source: strconv, 'f', -1."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    text = repr(value)
    if "e" not in text:
        return text.removesuffix(".0")
    mantissa, exponent = text.split("e")
    sign, mantissa = ("-", mantissa[1:]) if mantissa.startswith("-") else ("", mantissa)
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    digits, point = whole + fraction, len(whole) + int(exponent)
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    return f"{sign}{digits[:point].ljust(point, '0')}" + (f".{digits[point:]}" if digits[point:] else "")


def print_short(value: float) -> str:
    """Return the shortest text that reads back as *value*, with an exponent where it is far from 1. Source: ``%g``."""
    if math.isnan(value) or math.isinf(value):
        return print_float(value)
    size = abs(value)
    if value == 0 or 1e-4 <= size < 1e21:
        return print_float(value)
    mantissa, exponent = f"{value!r}".split("e") if "e" in repr(value) else f"{value:.16e}".split("e")
    mantissa = mantissa.removesuffix(".0").rstrip("0").rstrip(".") if "." in mantissa else mantissa
    power = int(exponent)
    return f"{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}"
