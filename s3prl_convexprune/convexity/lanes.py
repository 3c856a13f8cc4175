"""Shortest paths from sixteen sources at once, one in each lane of the machine's vector registers.

A path is one 64-bit integer: its length in the high bits, its number of edges below, the number of vertices outside
the source's class lowest. The key of a path is the sum of the keys of its edges, so the smallest key is the shortest
path, of equal ones that with the fewest edges, and of those that with the fewest outsiders; relaxing an edge is one
addition and one minimum. A queue holds the vertices that improved in some lane since they were last relaxed (label
correcting: Bellman 1958, Ford 1956, Moore 1959). That relaxes a vertex about twice where Dijkstra's heap does it
once, but sixteen sources share each time, and there is no heap.
"""

from __future__ import annotations

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

from s3prl_convexprune.convexity.kernels import kernel

LANES = 16
UNREACHED = 1 << 62
CACHE_LINE = 64  # bytes


@intrinsic
def _relax(typing, keys, row, added, base):  # type: ignore[no-untyped-def]
    """``keys[row] = minimum(keys[row], base + added)`` on LANES int64 as vector instructions; whether any improved.

    LLVM turns this into the widest instructions the machine has; the same loop over a numpy array stays scalar.
    """
    signature = numba.types.boolean(keys, row, added, base)

    def generate(context, builder, _signature, arguments):  # type: ignore[no-untyped-def]
        vector = ir.VectorType(ir.IntType(64), LANES)
        target = builder.bitcast(_address(context, builder, keys, arguments[0], row, arguments[1]), vector.as_pointer())
        source = builder.bitcast(context.make_array(base)(context, builder, arguments[3]).data, vector.as_pointer())
        scalar = builder.insert_element(ir.Constant(vector, ir.Undefined), arguments[2], cgutils.int32_t(0))
        zeros = ir.Constant(ir.VectorType(cgutils.int32_t, LANES), [0] * LANES)
        candidate = builder.add(builder.load(source, align=8), builder.shuffle_vector(scalar, scalar, zeros))
        current = builder.load(target, align=8)
        smaller = builder.icmp_signed("<", candidate, current)
        builder.store(builder.select(smaller, candidate, current), target, align=8)
        mask = ir.IntType(LANES)
        return builder.icmp_unsigned("!=", builder.bitcast(smaller, mask), mask(0))

    return signature, generate


@intrinsic
def _fetch(typing, keys, row):  # type: ignore[no-untyped-def]
    """Ask for ``keys[row]`` to be brought near, which takes no time of the one who asks."""
    signature = numba.types.void(keys, row)

    def generate(context, builder, _signature, arguments):  # type: ignore[no-untyped-def]
        byte, number = ir.IntType(8), ir.IntType(32)
        address = builder.bitcast(_address(context, builder, keys, arguments[0], row, arguments[1]), byte.as_pointer())
        kind = ir.FunctionType(ir.VoidType(), [byte.as_pointer(), number, number, number])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        for line in range(0, 8 * LANES, CACHE_LINE):
            write, keep, data = number(1), number(3), number(1)
            builder.call(prefetch, [builder.gep(address, [cgutils.intp_t(line)]), write, keep, data])
        return context.get_dummy_value()

    return signature, generate


def _address(context, builder, keys, array, row, index):  # type: ignore[no-untyped-def]
    """Where a row of LANES int64 begins."""
    table = context.make_array(keys)(context, builder, array)
    index = context.cast(builder, index, row, numba.types.intp)
    return builder.gep(table.data, [builder.mul(index, index.type(LANES))])


@kernel()
def shortest_keys(indptr, indices, weights, codes, sources, keys, queue, queued):  # type: ignore[no-untyped-def]
    """The smallest path key from each of LANES sources to every vertex.

    Args:
        indptr, indices, weights: undirected edges in compressed rows with their int64 keys.
        codes: the class of each vertex.
        sources: LANES vertices.
        keys: ``[N, LANES]`` int64, overwritten with the result; UNREACHED where there is no path. Outsiders are
            counted where a path goes on from them, so a path's own end never counts.
        queue: scratch, int64, a ring whose length is a power of two above N.
        queued: scratch, ``[N]`` uint8.
    """
    base = np.empty(LANES, np.int64)
    home = np.empty(LANES, codes.dtype)
    keys[:] = UNREACHED
    queued[:] = 0
    ring = queue.shape[0] - 1
    head, tail = 0, 0
    for lane in range(LANES):
        source = sources[lane]
        keys[source, lane] = 0
        home[lane] = codes[source]
        queue[tail] = source
        tail += 1 - queued[source]
        queued[source] = 1
    while head < tail:
        v = queue[head & ring]
        head += 1
        queued[v] = 0
        if head < tail:  # while this one is relaxed, the rows of the next one's neighbours come from memory
            following = queue[head & ring]
            for e in range(indptr[following], indptr[following + 1]):
                _fetch(keys, indices[e])  # type: ignore[call-arg]
        for lane in range(LANES):
            base[lane] = keys[v, lane] + (codes[v] != home[lane])
        for e in range(indptr[v], indptr[v + 1]):
            u = indices[e]
            improved = np.uint8(_relax(keys, u, weights[e], base))  # type: ignore[call-arg]
            # Kept only if the tail moves on; whether it does is too irregular to branch on.
            queue[tail & ring] = u
            tail += improved & (1 - queued[u])
            queued[u] |= improved


@kernel()
def share_inside(key, bits):  # type: ignore[no-untyped-def]
    """The share of a path's interior vertices inside the class: 1 without interior, 0 without a path."""
    if key >= UNREACHED:
        return 0.0
    field = (1 << bits) - 1
    interior = ((key >> bits) & field) - 1
    return 1.0 if interior <= 0 else (interior - (key & field)) / interior


@kernel()
def drawn_shares(keys, bits, sources, used, first, mates, shares):  # type: ignore[no-untyped-def]
    """The share of each drawn pair that starts in one batch.

    Args:
        keys, bits: what `shortest_keys` left, and the width of a key's two counts.
        sources, used: the batch; lanes from `used` on are padding.
        first, mates: the pairs drawn from vertex v are ``(v, mates[first[v]:first[v + 1]])``.
        shares: one a pair, filled in.
    """
    for lane in range(used):
        source = sources[lane]
        for pair in range(first[source], first[source + 1]):
            shares[pair] = share_inside(keys[mates[pair], lane], bits)


@kernel()
def sum_shares(keys, bits, codes, sources, used, members, first, chosen, starting, arriving):  # type: ignore
    """Add up the shares of the pairs (source, class mate) of one batch.

    Args:
        keys, bits: what `shortest_keys` left, and the width of a key's two counts.
        codes, members, first: the class of each vertex; the vertices of class c are
            ``members[first[c]:first[c + 1]]``.
        sources, used: the batch; lanes from `used` on are padding.
        chosen: whether each vertex is a source of this run.
        starting: ``[N, 3]``; a source's row receives the sum of its shares, that sum over chosen mates only, and
            the number of mates it cannot reach.
        arriving: ``[N]``; each mate's entry receives the shares of the pairs that end in it.
    """
    for lane in range(used):
        source = sources[lane]
        for m in range(first[codes[source]], first[codes[source] + 1]):
            mate = members[m]
            if mate == source:
                continue
            key = keys[mate, lane]
            share = share_inside(key, bits)
            starting[source, 0] += share
            starting[source, 1] += share * chosen[mate]
            starting[source, 2] += key >= UNREACHED
            arriving[mate] += share


@kernel()
def sum_interior(  # type: ignore[no-untyped-def]
    indptr, indices, weights, codes, sources, used, keys, bits, members, first, chosen, base_class, interior
):
    """Add up, for each vertex, what the pairs whose path runs through it owe to its being of its class.

    A path with h interior vertices owes ``1 / h`` to each that is inside. Had that vertex not been drawn, the path
    would have run past it through points like its neighbours, which are inside as often as the neighbours are. So
    a vertex is credited ``(inside - share of its neighbours inside) / h`` for every ordered pair. The paths of one
    source form a tree, so their credits are passed down it, from the ends to the source (Brandes, Journal of
    Mathematical Sociology 25, 2001). A pair of two sources is counted twice from one of them. Where paths tie with the
    same count of outsiders, one of them is credited.

    Args:
        indptr, indices, weights, codes, sources, keys: as `shortest_keys` used and left them.
        used, bits, members, first, chosen: as for `sum_shares`.
        base_class, interior: ``[classes, N]``; row c - base_class receives the credits of the pairs of class c.
    """
    field = (1 << bits) - 1
    n = codes.shape[0]
    owed = np.empty(n, np.float64)
    nearby = np.empty(n, np.float64)
    previous = np.full(n, -1, np.int32)
    trail = np.empty(n, np.int32)
    for lane in range(used):
        source = sources[lane]
        home = codes[source]
        previous[source] = source
        length = 0
        for m in range(first[home], first[home + 1]):
            v = members[m]
            if keys[v, lane] >= UNREACHED or (chosen[v] and v <= source):
                continue
            start = length
            while previous[v] < 0:  # down to the source, or to where an earlier path passed
                inside = 0
                for e in range(indptr[v], indptr[v + 1]):
                    u = indices[e]
                    inside += codes[u] == home
                    if keys[u, lane] + (codes[u] != home) + weights[e] == keys[v, lane]:
                        previous[v] = u
                nearby[v] = inside / (indptr[v + 1] - indptr[v])
                owed[v] = 0.0
                trail[length] = v
                length += 1
                v = previous[v]
            trail[start:length] = trail[start:length][::-1].copy()
        for position in range(length - 1, -1, -1):  # every vertex after all that lie behind it
            v = trail[position]
            interior[home - base_class, v] += owed[v] * ((codes[v] == home) - nearby[v])
            if codes[v] == home and not (chosen[v] and v <= source):
                hops = (keys[v, lane] >> bits) & field
                if hops > 1:
                    owed[v] += (1.0 + chosen[v]) / (hops - 1)
            if previous[v] != source:
                owed[previous[v]] += owed[v]
            previous[v] = -1
        previous[source] = -1


@kernel()
def count_is_full(keys, bits):  # type: ignore[no-untyped-def]
    """Whether some path has as many edges as a count can hold; every longer path has such a path as its start."""
    field = (1 << bits) - 1
    for v in range(keys.shape[0]):
        for lane in range(LANES):
            if keys[v, lane] < UNREACHED and (keys[v, lane] >> bits) & field == field:
                return True
    return False
