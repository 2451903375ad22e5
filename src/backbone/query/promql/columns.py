"""Arrow's columns as NumPy's, and as labels and histograms."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from backbone.query.promql.arrays import Floats, Times
from backbone.query.promql.histograms import Histograms, from_columns
from backbone.query.promql.kernels.arrange import Chunk
from backbone.query.promql.labels import Column, Labels
from backbone.query.selectors import METRIC_LABEL


def labels_of(table: pa.Table) -> Labels:
    """Return label sets from the columns ``name``, ``pairs`` and, if they are there, ``type`` and ``unit``."""
    size = table.num_rows
    columns = {METRIC_LABEL: _encoded(table.column("name"))}
    pairs = table.column("pairs").combine_chunks()
    if isinstance(pairs, pa.ChunkedArray):
        pairs = pa.concat_arrays(pairs.chunks) if pairs.num_chunks else pa.array([], pairs.type)
    offsets = pairs.offsets.to_numpy()
    rows = np.repeat(np.arange(size), np.diff(offsets))
    keys = pairs.keys.slice(offsets[0], offsets[-1] - offsets[0]).dictionary_encode() if size else None
    if keys is not None and len(keys):
        items = pairs.items.slice(offsets[0], offsets[-1] - offsets[0]).dictionary_encode()
        columns |= _columns(size, rows, keys, items)
    for name in ("type", "unit"):
        if name in table.column_names:
            columns[f"__{name}__"] = _encoded(table.column(name))
    return Labels(size, columns)


def _columns(size: int, rows: Times, keys: pa.DictionaryArray, items: pa.DictionaryArray) -> dict[str, Column]:
    key_codes, item_codes = keys.indices.to_numpy(), items.indices.to_numpy()
    texts = np.array(items.dictionary.to_pylist(), object)
    columns = {}
    for code, name in enumerate(keys.dictionary.to_pylist()):
        here = key_codes == code
        used, local = np.unique(item_codes[here], return_inverse=True)
        codes = np.zeros(size, np.int32)
        codes[rows[here]] = local + 1
        columns[name] = Column(codes, ("", *texts[used]))
    return columns


def _encoded(column: pa.ChunkedArray) -> Column:
    values = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], pa.string())
    found = values.cast(pa.string()).dictionary_encode()
    known = {"": 0}
    renamed = np.array([known.setdefault(text, len(known)) for text in found.dictionary.to_pylist()], np.int32)
    codes = renamed[found.indices.to_numpy()] if len(values) else np.zeros(0, np.int32)
    return Column(codes, tuple(known))


def chunks_of(table: pa.Table) -> list[Chunk]:
    """Return the columns ``fp``, ``time`` and ``value`` in the pieces in which they came, without a copy."""
    return [
        (
            _raw(batch.column("fp"), np.uint64),
            _raw(batch.column("time"), np.int64),
            _raw(batch.column("value"), np.float64),
        )
        for batch in table.to_batches()
    ]


def _raw(array: pa.Array, kind: type[np.generic]) -> np.ndarray:
    """Return an array's numbers as they lie in memory; none of ours is null."""
    return np.frombuffer(array.buffers()[1], kind)[array.offset : array.offset + len(array)]


def whole_column(column: pa.ChunkedArray) -> Times:
    """Return a column of 64 bits a value in one piece."""
    return np.concatenate([np.zeros(0, np.int64), *(_raw(chunk, np.int64) for chunk in column.chunks)])


def block_of(table: pa.Table) -> Histograms:
    """Return the histograms of a table that has the columns of the table ``histograms``."""

    def numbers(name: str) -> Floats:
        return table.column(name).to_numpy().astype(np.float64)

    def lists(name: str) -> tuple[Times, np.ndarray]:
        array = pa.concat_arrays(table.column(name).chunks)
        offsets = array.offsets.to_numpy().astype(np.int64)
        return offsets - offsets[0], array.values.to_numpy()[offsets[0] : offsets[-1]]

    return from_columns(
        schema=numbers("schema").astype(np.int8),
        hint=numbers("hint").astype(np.int8),
        count=numbers("count"),
        sum=numbers("sum"),
        zero_threshold=numbers("zero_threshold"),
        zero_count=numbers("zero_count"),
        positive=(lists("positive_offsets"), lists("positive_lengths"), lists("positive_counts")),
        negative=(lists("negative_offsets"), lists("negative_lengths"), lists("negative_counts")),
        custom=lists("custom_bounds"),
    )
