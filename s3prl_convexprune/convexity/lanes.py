"""Shortest paths from sixteen sources at once, one in each lane of the machine's vector registers.

A path is one 64-bit integer: its length in the high bits, its number of edges below, the number of vertices outside
the source's class lowest. The key of a path is the sum of the keys of its edges, so the smallest key is the shortest
path, of equal ones that with the fewest edges, and of those that with the fewest outsiders; relaxing an edge is one
addition and one minimum. Vertices are relaxed in sweeps until none changes (label correcting: Bellman 1958, Ford
1956), which visits a vertex four or five times where Dijkstra's heap visits it once, but serves sixteen sources
each time and takes no branch.
"""

from __future__ import annotations

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 16
UNREACHED = 1 << 62


@intrinsic  # type: ignore[untyped-decorator]
def _relax(typing, keys, row, added, best):  # type: ignore[no-untyped-def]
    """``best[:] = minimum(best, keys[row] + added)`` for one row of LANES int64, as vector instructions.

    LLVM keeps `best` in registers over a loop of these; the same loop over a numpy array stays scalar.
    """
    signature = numba.types.void(keys, row, added, best)

    def generate(context, builder, _signature, arguments):  # type: ignore[no-untyped-def]
        vector = ir.VectorType(ir.IntType(64), LANES)
        table = context.make_array(keys)(context, builder, arguments[0])
        target = context.make_array(best)(context, builder, arguments[3])
        index = context.cast(builder, arguments[1], row, numba.types.intp)
        source = builder.gep(table.data, [builder.mul(index, index.type(LANES))])
        source = builder.bitcast(source, vector.as_pointer())
        target = builder.bitcast(target.data, vector.as_pointer())
        scalar = builder.insert_element(ir.Constant(vector, ir.Undefined), arguments[2], cgutils.int32_t(0))
        zeros = ir.Constant(ir.VectorType(cgutils.int32_t, LANES), [0] * LANES)
        candidate = builder.add(builder.load(source, align=8), builder.shuffle_vector(scalar, scalar, zeros))
        current = builder.load(target, align=8)
        smaller = builder.icmp_signed("<", candidate, current)
        builder.store(builder.select(smaller, candidate, current), target, align=8)

    return signature, generate


@numba.njit(nogil=True, cache=True)
def shortest_keys(indptr, indices, weights, codes, sources, keys, dirty):  # type: ignore[no-untyped-def]
    """The smallest path key from each of LANES sources to every vertex.

    Args:
        indptr, indices, weights: undirected edges in compressed rows with their int64 keys.
        codes: the class of each vertex.
        sources: LANES vertices.
        keys: ``[N, LANES]`` int64, overwritten with the result; UNREACHED where there is no path. The key of
            a vertex counts the vertex itself if it is an outsider; the source and its class mates never are.
        dirty: ``[N]`` uint8, scratch.
    """
    n = codes.shape[0]
    best = np.empty(LANES, np.int64)
    home = np.empty(LANES, codes.dtype)
    keys[:] = UNREACHED
    dirty[:] = 0
    for lane in range(LANES):
        source = sources[lane]
        keys[source, lane] = 0
        home[lane] = codes[source]
        for e in range(indptr[source], indptr[source + 1]):
            dirty[indices[e]] = 1
    again = True
    while again:
        again = False
        for v in range(n):
            if dirty[v] == 0:
                continue
            dirty[v] = 0
            for lane in range(LANES):
                best[lane] = UNREACHED
            for e in range(indptr[v], indptr[v + 1]):
                _relax(keys, indices[e], weights[e], best)
            improved = False
            for lane in range(LANES):
                key = best[lane] + (codes[v] != home[lane])
                if key < keys[v, lane]:
                    keys[v, lane] = key
                    improved = True
            if improved:
                again = True
                for e in range(indptr[v], indptr[v + 1]):
                    dirty[indices[e]] = 1


@numba.njit(nogil=True, cache=True)
def share_inside(key, bits):  # type: ignore[no-untyped-def]
    """The share of a path's interior vertices inside the class: 1 without interior, 0 without a path."""
    if key >= UNREACHED:
        return 0.0
    field = (1 << bits) - 1
    interior = ((key >> bits) & field) - 1
    return 1.0 if interior <= 0 else (interior - (key & field)) / interior


@numba.njit(nogil=True, cache=True)
def sum_shares(keys, bits, codes, sources, used, members, first, chosen, rows, columns):  # type: ignore[no-untyped-def]
    """Add up the shares of the pairs (source, class mate) of one batch.

    Args:
        keys, bits: what `shortest_keys` left, and the width of a key's two counts.
        codes, members, first: the class of each vertex; the vertices of class c are
            ``members[first[c]:first[c + 1]]``.
        sources, used: the batch; lanes from `used` on are padding.
        chosen: whether each vertex is a source of this run.
        rows: ``[N, 3]``; a source's row receives the sum of its shares, that sum over chosen mates only, and the
            number of mates it cannot reach.
        columns: ``[N]``; each mate's entry receives the shares of the pairs that end in it.
    """
    for lane in range(used):
        source = sources[lane]
        for m in range(first[codes[source]], first[codes[source] + 1]):
            mate = members[m]
            if mate == source:
                continue
            key = keys[mate, lane]
            share = share_inside(key, bits)
            rows[source, 0] += share
            rows[source, 1] += share * chosen[mate]
            rows[source, 2] += key >= UNREACHED
            columns[mate] += share


@numba.njit(nogil=True, cache=True)
def longest_count(keys, bits):  # type: ignore[no-untyped-def]
    """Whether some path has as many edges as a count can hold; every longer path has such a path as its start."""
    field = (1 << bits) - 1
    for v in range(keys.shape[0]):
        for lane in range(LANES):
            if keys[v, lane] < UNREACHED and (keys[v, lane] >> bits) & field == field:
                return True
    return False
