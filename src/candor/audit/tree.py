"""The Merkle tree of RFC 9162 (the same as RFC 6962's): hashes, its growing edge, proofs and their checking. Pure.

A leaf is hashed as ``SHA-256(0 | leaf)``, an inner node as ``SHA-256(1 | left | right)`` (section 2.1.1), so that
neither can be passed off as the other. Indices count from 0; hashes are 32 bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

EMPTY = hashlib.sha256(b"").digest()
"""The root of a tree without leaves."""
WIDTH = 8
TILE = 1 << WIDTH
"""A tile is a full subtree of 8 levels: the roots of 256, 65,536 … leaves are what a store keeps."""

Subtree = Callable[[int, int], bytes]
"""Gives the root of the leaves from ``start`` up to ``stop``."""


def leaf_hash(leaf: bytes) -> bytes:
    """Of what a leaf says."""
    return hashlib.sha256(b"\0" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Of the two below."""
    return hashlib.sha256(b"\1" + left + right).digest()


class Edge:
    """The growing edge: the roots of the full subtrees of which the tree consists, the largest first.

    Adding a leaf costs one hash on average and log₂ n at most; the whole state is at most 64 hashes.
    """

    def __init__(self) -> None:
        self.size = 0
        self._roots: list[bytes] = []

    def add(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Add a leaf's hash; returns the tiles that it completes: (level from 1, place from 0, root)."""
        known, height, found = self.size, 0, leaf
        done = []
        while known & 1:
            found = node_hash(self._roots.pop(), found)
            known, height = known >> 1, height + 1
            if height % WIDTH == 0:
                done.append((height // WIDTH, self.size >> height, found))
        self._roots.append(found)
        self.size += 1
        return done

    def root(self) -> bytes:
        """Of the whole tree."""
        if not self._roots:
            return EMPTY
        found = self._roots[-1]
        for left in reversed(self._roots[:-1]):
            found = node_hash(left, found)
        return found


def root_of(leaves: Sequence[bytes]) -> bytes:
    """The root over leaves' hashes, or over the roots of equal full subtrees."""
    edge = Edge()
    for leaf in leaves:
        edge.add(leaf)
    return edge.root()


def split(size: int) -> int:
    """The largest power of two below ``size`` (from 2 on)."""
    return int(1 << (size - 1).bit_length() - 1)


def inclusion(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """The audit path of a leaf, from its neighbour up to the root's child (section 2.1.3.1)."""
    if not 0 <= index < size:
        raise ValueError("the leaf is not in the tree")
    return [subtree(start, stop) for start, stop in _path(index, 0, size)]


def _path(index: int, start: int, stop: int) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    while stop - start > 1:
        middle = start + split(stop - start)
        if index < middle:
            found.append((middle, stop))
            stop = middle
        else:
            found.append((start, middle))
            start = middle
    return found[::-1]


def consistency(old: int, new: int, subtree: Subtree) -> list[bytes]:
    """The proof that the tree of ``new`` leaves begins with the one of ``old`` (section 2.1.4.1)."""
    if not 0 < old <= new:
        raise ValueError("a tree grows, and begins with a leaf")
    found: list[bytes] = []
    start, stop, whole = 0, new, True
    while old != stop - start:
        middle = split(stop - start)
        if old <= middle:
            found.append(subtree(start + middle, stop))
            stop = start + middle
        else:
            found.append(subtree(start, start + middle))
            start, old, whole = start + middle, old - middle, False
    if not whole:
        found.append(subtree(start, stop))
    return found[::-1]


def root_from_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root that follows from a leaf's hash and its path (section 2.1.3.2); raises ValueError for a misfit."""
    if not 0 <= index < size:
        raise ValueError("the leaf is not in the tree")
    place, last, found = index, size - 1, leaf
    for other in proof:
        if last == 0:
            raise ValueError("the path is too long")
        if place & 1 or place == last:
            found = node_hash(other, found)
            place, last = _up(place, last)
        else:
            found = node_hash(found, other)
        place, last = place >> 1, last >> 1
    if last:
        raise ValueError("the path is too short")
    return found


def roots_from_consistency(old: int, new: int, old_root: bytes, proof: Sequence[bytes]) -> tuple[bytes, bytes]:
    """The roots of both trees that follow from a proof (section 2.1.4.2); raises ValueError for a misfit.

    ``old_root`` stands for the first hash where the old tree is a full one, as the RFC has it.
    """
    if not 0 < old <= new:
        raise ValueError("a tree grows, and begins with a leaf")
    if old == new:
        if proof:
            raise ValueError("the proof is too long")
        return old_root, old_root
    rest = list(proof if old & (old - 1) else [old_root, *proof])
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    if not rest:
        raise ValueError("the proof is too short")
    was = now = rest.pop(0)
    for other in rest:
        if last == 0:
            raise ValueError("the proof is too long")
        if place & 1 or place == last:
            was, now = node_hash(other, was), node_hash(other, now)
            place, last = _up(place, last)
        else:
            now = node_hash(now, other)
        place, last = place >> 1, last >> 1
    if last:
        raise ValueError("the proof is too short")
    return was, now


def _up(place: int, last: int) -> tuple[int, int]:
    """Past the levels at which a right edge has no neighbour."""
    while not place & 1 and place:
        place, last = place >> 1, last >> 1
    return place, last
