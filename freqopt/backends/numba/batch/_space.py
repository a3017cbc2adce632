"""The arrays that a batch is worked on in, by name."""

from __future__ import annotations

from typing import Any, NamedTuple


class Space(NamedTuple):
    """Memory for one batch, of P places in all, cut into parts.

    Kernels are called with it as a plain tuple, at which Numba looks three times as fast, and name
    it themselves. A function for that would give references away that it never counted.
    """

    owners: Any
    """int64 (parts, BINS + parts): the part of every bin, see `_partition`."""
    starts: Any
    """int64 (parts + 1,): where a part's places begin."""
    ends: Any
    """int64 (parts,): where its entries end; REFUSED for a batch that is refused."""
    bins: Any
    """int64 (parts, BINS)."""
    own: Any
    """int32 (P,): occurrences."""
    numbers: Any
    """int32 (P,): the entry of each occurrence."""
    row: Any
    """int64 (P,): of each entry, as the next three."""
    place: Any
    """int32 (P,): where its gradient is: p >= 0 in the batch, or ~p in `sums`."""
    count: Any
    """int32 (P,): occurrences in it."""
    rank: Any
    """int32 (P,): entries of the same row before it."""
    sums: Any
    """(P, d): combined gradients."""
    squares: Any
    """(P, d): sums of squares; (P, 0) if none are kept."""
    norms: Any
    """(2, P): squared norms of the entries, or what they are multiplied by; memory for a fold."""
    scratch: Any
    """(parts, 3, d): the last of the three is zero."""
