"""The Merkle tree of RFC 6962 (RFC 9162 §2.1) over a list that only grows: its root, its proofs, and how to check them.

Kept are the leaves' hashes (level 0) and, at each level L above, the hash of every full subtree of 256^L leaves: the hashes that C2SP's
tlog-tiles serve. None of them ever changes, and a `HashRun` of neighbours on one level is enough for any full subtree. Ranges are
half-open; hashes have 32 bytes; an index counts from 0.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence

import msgspec

WIDTH_BITS = 8
WIDTH = 1 << WIDTH_BITS
"""Hashes in a full tile."""
EMPTY_ROOT = hashlib.sha256(b"").digest()


class HashRun(msgspec.Struct, frozen=True):
    """`count` neighbours on a level of kept hashes, the first being number `first` there."""

    level: int
    first: int
    count: int


class Node(msgspec.Struct, frozen=True):
    """A kept hash above the leaves."""

    level: int
    index: int
    hash: bytes


Read = Callable[[HashRun], Sequence[bytes]]


def leaf_hash(entry: bytes) -> bytes:
    """Returns SHA-256(0x00 ‖ entry)."""
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Returns SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\1" + left + right).digest()


def subtrees(start: int, stop: int) -> tuple[HashRun, ...]:
    """The full subtrees that make up a range of leaves as RFC 6962 cuts it, each as the run of kept hashes below it."""
    found: list[HashRun] = []
    while start < stop:
        height = (stop - start).bit_length() - 1
        level, above = divmod(height, WIDTH_BITS)
        found.append(HashRun(level, start >> (level * WIDTH_BITS), 1 << above))
        start += 1 << height
    return tuple(found)


def hash_of(start: int, stop: int, read: Read) -> bytes:
    """Returns the Merkle tree hash of a range; `read` returns the hashes of its `subtrees`."""
    return _fold([_full(read(run)) for run in subtrees(start, stop)])


def _full(hashes: Sequence[bytes]) -> bytes:
    """The root over a power of two of neighbours."""
    row = list(hashes)
    while len(row) > 1:
        row = [node_hash(row[i], row[i + 1]) for i in range(0, len(row), 2)]
    return row[0]


def _fold(parts: Sequence[bytes]) -> bytes:
    """From subtrees, largest first, to the root over them."""
    if not parts:
        return EMPTY_ROOT
    root = parts[-1]
    for part in reversed(parts[:-1]):
        root = node_hash(part, root)
    return root


class Edge:
    """The right edge of a tree: the kept hashes of each level's last tile that is not full. All that growing needs."""

    def __init__(self, size: int = 0, levels: Iterable[Sequence[bytes]] = ()) -> None:
        self.size = size
        self._levels = [list(level) for level in levels]

    @staticmethod
    def runs(size: int) -> tuple[HashRun, ...]:
        """What to read, one run for each level, to make the edge of a tree that is kept already."""
        found: list[HashRun] = []
        while size:
            count = size % WIDTH
            found.append(HashRun(len(found), size - count, count))
            size >>= WIDTH_BITS
        return tuple(found)

    def copy(self) -> "Edge":
        """Returns an edge that grows independently of this one."""
        return Edge(self.size, self._levels)

    def rows(self) -> tuple[tuple[bytes, ...], ...]:
        """The kept hashes of each level's last tile, in the order of `runs`."""
        return tuple(tuple(row) for row in self._levels)

    def extend(self, leaves: Iterable[bytes]) -> tuple[Node, ...]:
        """Appends leaf hashes and returns the new hashes to store above the leaves."""
        made: list[Node] = []
        for leaf in leaves:
            self.size += 1
            self._put(0, leaf, made)
        return tuple(made)

    def _put(self, level: int, value: bytes, made: list[Node]) -> None:
        if level == len(self._levels):
            self._levels.append([])
        row = self._levels[level]
        row.append(value)
        if len(row) == WIDTH:
            node = Node(level + 1, (self.size >> ((level + 1) * WIDTH_BITS)) - 1, _full(row))
            row.clear()
            made.append(node)
            self._put(level + 1, node.hash, made)

    def root(self) -> bytes:
        """Returns the Merkle tree hash of all leaves."""
        return hash_of(0, self.size, self._read)

    def _read(self, run: HashRun) -> Sequence[bytes]:
        row = self._levels[run.level]
        at = run.first % WIDTH
        return row[at : at + run.count]


Range = tuple[int, int]


def inclusion(index: int, size: int) -> tuple[Range, ...]:
    """Returns the ranges whose hashes prove that leaf `index` is in the tree of `size`, the nearest first (PATH)."""
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} has no leaf {index}")
    path: list[Range] = []
    start, stop = 0, size
    while stop - start > 1:
        middle = start + _split(stop - start)
        if index < middle:
            path.append((middle, stop))
            stop = middle
        else:
            path.append((start, middle))
            start = middle
    return tuple(reversed(path))


def consistency(old: int, new: int) -> tuple[Range, ...]:
    """Returns the ranges whose hashes prove that the tree of `new` continues the tree of `old` (PROOF)."""
    if not 0 < old <= new:
        raise ValueError(f"a tree of {old} is not the beginning of one of {new}")
    path: list[Range] = []
    start, stop, whole = 0, new, True
    while old != stop:
        middle = start + _split(stop - start)
        if old <= middle:
            path.append((middle, stop))
            stop = middle
        else:
            path.append((start, middle))
            start, whole = middle, False
    if not whole:
        path.append((start, stop))
    return tuple(reversed(path))


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def includes(root: bytes, size: int, index: int, leaf: bytes, path: Sequence[bytes]) -> bool:
    """Returns whether the path leads from the leaf's hash to the root (RFC 9162 §2.1.3.2)."""
    if not 0 <= index < size:
        return False
    here, last, value = index, size - 1, leaf
    for step in path:
        if last == 0:
            return False
        if here & 1 or here == last:
            value = node_hash(step, value)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            value = node_hash(value, step)
        here, last = here >> 1, last >> 1
    return last == 0 and value == root


def continues(old_root: bytes, old: int, new_root: bytes, new: int, path: Sequence[bytes]) -> bool:
    """Returns whether the path proves that the new tree begins with the old one (RFC 9162 §2.1.4.2)."""
    if old == new:
        return not path and old_root == new_root
    steps = [old_root, *path] if old & (old - 1) == 0 else list(path)
    if not 0 < old < new or not steps:
        return False
    here, last = old - 1, new - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    was = now = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if here & 1 or here == last:
            was, now = node_hash(step, was), node_hash(step, now)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            now = node_hash(now, step)
        here, last = here >> 1, last >> 1
    return last == 0 and was == old_root and now == new_root
