"""What arrays hold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Times = NDArray[np.int64]
"""Milliseconds since 1970; also offsets into other arrays."""
Index = NDArray[np.int64]
"""Numbers of series, steps or samples."""
Rows = NDArray[np.int32]
"""Rows of a block of histograms, or of samples; -1 is none."""
Codes = NDArray[np.int32]
"""Numbers of texts in a list of them."""
