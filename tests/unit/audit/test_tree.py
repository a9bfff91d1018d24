"""The tree against RFC 9162's own definitions, and against the published test vectors of RFC 6962 implementations."""

from __future__ import annotations

import pytest

from candor.audit import tree

# The eight leaves and roots that certificate-transparency-go and its peers test with.
LEAVES = [bytes.fromhex(each) for each in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


def mth(leaves: list[bytes]) -> bytes:
    """MTH of section 2.1.1, word for word."""
    if not leaves:
        return tree.EMPTY
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return tree.node_hash(mth(leaves[:k]), mth(leaves[k:]))


def test_published_roots() -> None:
    hashes = [tree.leaf_hash(leaf) for leaf in LEAVES]
    for size, root in enumerate(ROOTS, start=1):
        assert tree.root_of(hashes[:size]).hex() == root


HASHES = [tree.leaf_hash(bytes([place])) for place in range(70)]


@pytest.mark.parametrize("size", range(1, 70))
def test_every_proof_of_every_size(size: int) -> None:
    def part(start: int, stop: int) -> bytes:
        return mth(HASHES[start:stop])

    root = mth(HASHES[:size])
    assert tree.root_of(HASHES[:size]) == root
    for index in range(size):
        path = tree.inclusion(index, size, part)
        assert tree.root_from_inclusion(HASHES[index], index, size, path) == root
    for old in range(1, size + 1):
        proof = tree.consistency(old, size, part)
        assert tree.roots_from_consistency(old, size, mth(HASHES[:old]), proof) == (mth(HASHES[:old]), root)


@pytest.mark.parametrize(("index", "size"), [(0, 1), (3, 8), (6, 7), (12, 13), (31, 33)])
def test_a_proof_of_another_leaf_place_or_length_gives_another_root(index: int, size: int) -> None:
    def part(start: int, stop: int) -> bytes:
        return mth(HASHES[start:stop])

    root, path = mth(HASHES[:size]), tree.inclusion(index, size, part)
    assert tree.root_from_inclusion(HASHES[69], index, size, path) != root
    for other in range(size):
        if other != index:
            try:
                assert tree.root_from_inclusion(HASHES[index], other, size, path) != root
            except ValueError:
                continue
    with pytest.raises(ValueError, match="too long"):
        tree.root_from_inclusion(HASHES[index], index, size, [*path, HASHES[0]])
    if path:
        with pytest.raises(ValueError, match="too short"):
            tree.root_from_inclusion(HASHES[index], index, size, path[:-1])
    with pytest.raises(ValueError, match="not in the tree"):
        tree.root_from_inclusion(HASHES[index], size, size, path)


def test_an_inner_node_is_no_leaf() -> None:
    """Second preimage: the two hashes of a node, given as a leaf, do not give the node's hash."""
    left, right = HASHES[:2]
    assert tree.leaf_hash(left + right) != tree.node_hash(left, right)


def test_a_consistency_proof_of_another_past_does_not_fit() -> None:
    def part(start: int, stop: int) -> bytes:
        return mth(HASHES[start:stop])

    forged = [HASHES[60], *HASHES[1:6]]
    for old in range(1, 7):
        proof = tree.consistency(old, 20, part)
        was, now = tree.roots_from_consistency(old, 20, mth(forged[:old]), proof)
        assert (was, now) != (mth(forged[:old]), mth(HASHES[:20]))
        with pytest.raises(ValueError, match="too long"):
            tree.roots_from_consistency(old, 20, mth(HASHES[:old]), [*proof, HASHES[0]])
        with pytest.raises(ValueError, match="too short"):
            tree.roots_from_consistency(old, 20, mth(HASHES[:old]), proof[:-1])
    with pytest.raises(ValueError, match="grows"):
        tree.consistency(5, 4, part)
    with pytest.raises(ValueError, match="too long"):
        tree.roots_from_consistency(4, 4, HASHES[0], [HASHES[1]])


def test_the_edge_tells_tiles_when_their_last_leaf_comes() -> None:
    edge, told = tree.Edge(), []
    leaves = [tree.leaf_hash(str(place).encode()) for place in range(3 * 256 + 5)]
    for leaf in leaves:
        told += edge.add(leaf)
    assert told == [(1, place, mth(leaves[place * 256 : place * 256 + 256])) for place in range(3)]
    assert edge.root() == mth(leaves)
