"""RFC 6962's tree: its published example, the definition itself as a model, and proofs that hold for nothing else."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parlour.kernel import merkle
from parlour.kernel.merkle import Edge, HashRun

# The eight entries, and the roots over the first n of them, of Certificate Transparency's own reference tests.
ENTRIES = [
    bytes.fromhex(text)
    for text in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )
]  # fmt: skip
ROOTS = [
    bytes.fromhex(text)
    for text in (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )
]


def definition(leaves: list[bytes]) -> bytes:
    """MTH as RFC 6962 §2.1 writes it."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return merkle.node_hash(definition(leaves[:k]), definition(leaves[k:]))


def grown(leaves: list[bytes]) -> tuple[Edge, merkle.Read]:
    edge = Edge()
    kept = {(0, n): leaf for n, leaf in enumerate(leaves)}
    kept |= {(node.level, node.index): node.hash for node in edge.extend(leaves)}
    return edge, lambda run: [kept[run.level, run.first + i] for i in range(run.count)]


def leaves_of(count: int) -> list[bytes]:
    return [merkle.leaf_hash(n.to_bytes(4)) for n in range(count)]


def test_the_published_roots() -> None:
    edge = Edge()
    assert edge.root() == merkle.EMPTY_ROOT
    for entry, root in zip(ENTRIES, ROOTS, strict=True):
        edge.extend([merkle.leaf_hash(entry)])
        assert edge.root() == root


def test_the_published_proofs() -> None:
    leaves = [merkle.leaf_hash(entry) for entry in ENTRIES]
    _, read = grown(leaves)
    inclusion = [merkle.hash_of(a, b, read).hex()[:8] for a, b in merkle.inclusion(5, 8)]
    assert inclusion == ["bc1a0643", "ca854ea1", "d37ee418"]
    consistency = [merkle.hash_of(a, b, read).hex()[:8] for a, b in merkle.consistency(6, 8)]
    assert consistency == ["0ebc5d34", "ca854ea1", "d37ee418"]


@pytest.mark.parametrize("size", [1, 255, 256, 257, 511, 512, 1000, 65_535, 65_536, 65_537, 66_000])
def test_any_size_has_the_root_of_the_definition(size: int) -> None:
    leaves = leaves_of(size)
    edge, read = grown(leaves)
    assert edge.root() == definition(leaves)
    again = Edge(size, [read(run) for run in Edge.runs(size)])
    again.extend(leaves_of(300))
    assert again.root() == definition(leaves + leaves_of(300))


@given(st.integers(1, 700), st.data())
def test_a_leaf_is_proven_in_its_place_alone(size: int, data: st.DataObject) -> None:
    leaves = leaves_of(size)
    edge, read = grown(leaves)
    index = data.draw(st.integers(0, size - 1))
    path = [merkle.hash_of(a, b, read) for a, b in merkle.inclusion(index, size)]
    assert merkle.includes(edge.root(), size, index, leaves[index], path)
    other = data.draw(st.integers(0, size - 1))
    if other != index:
        assert not merkle.includes(edge.root(), size, other, leaves[index], path)
        assert not merkle.includes(edge.root(), size, index, leaves[other], path)
    assert not merkle.includes(edge.root(), size, index, leaves[index], [*path, bytes(32)])
    if path:
        assert not merkle.includes(edge.root(), size, index, leaves[index], path[:-1])


@given(st.integers(1, 700), st.data())
def test_a_tree_continues_its_beginnings_alone(new: int, data: st.DataObject) -> None:
    leaves = leaves_of(new)
    edge, read = grown(leaves)
    old = data.draw(st.integers(1, new))
    before = definition(leaves[:old])
    path = [merkle.hash_of(a, b, read) for a, b in merkle.consistency(old, new)]
    assert merkle.continues(before, old, edge.root(), new, path)
    forged = definition([*leaves[: old - 1], merkle.leaf_hash(b"forged")])
    assert not merkle.continues(forged, old, edge.root(), new, path)
    assert not merkle.continues(before, old, edge.root(), new, [*path, bytes(32)])


def test_what_is_not_in_a_tree_has_no_path() -> None:
    with pytest.raises(ValueError, match="no leaf 3"):
        merkle.inclusion(3, 3)
    with pytest.raises(ValueError, match="not the beginning"):
        merkle.consistency(4, 3)
    assert not merkle.includes(ROOTS[2], 3, 3, ENTRIES[0], [])


def test_a_run_stays_within_one_tile() -> None:
    for run in merkle.subtrees(0, 123_456_789):
        assert run.first % merkle.WIDTH + run.count <= merkle.WIDTH
    assert merkle.subtrees(0, 256) == (HashRun(1, 0, 1),)
