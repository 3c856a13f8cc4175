"""The two ways to measure: exactly, or as the paper's authors did; and the difference that it makes.

What is known of the paper's protocol comes from its poster and from the first author's teaching code (a starter for
students, not the paper's own script); docs/paper.md says which is which.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..artifact import Analysis
from ..errors import ConfigError, nearest

PAPER = "paper"


@dataclass(frozen=True)
class Protocol:
    """What a measurement fixes besides the sample; all of it stands in the artifact's settings.

    Args:
        name: what `--protocol` takes.
        samples: the length every waveform is padded or cut to, at 16 kHz; None leaves it as it is.
        pairs_a_class: ordered pairs drawn of each class; None scores every pair.
        pooling: how a point is made from a hidden state.
        aggregate: what a layer's score is the mean of.
        neighbor_search: how neighbours are found.
    """

    name: str
    samples: int | None
    pairs_a_class: int | None
    pooling: str
    aggregate: str
    neighbor_search: str


PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "exact",
            samples=None,
            pairs_a_class=None,
            pooling="mean over the utterance's or segment's own frames; padding changes nothing",
            aggregate="mean over classes of the mean over every ordered pair",
            neighbor_search="exact",
        ),
        Protocol(
            PAPER,
            samples=16_000,
            pairs_a_class=5000,
            pooling="mean over all frames of the waveform padded with zeros or cut to 16000 samples",
            aggregate="mean over the pairs drawn, at most 5000 ordered pairs a class, seeded",
            neighbor_search="exact; the authors' is approximate (pynndescent)",
        ),
    )
}


def get_protocol(name: str) -> Protocol:
    """A protocol by name.

    Raises:
        ConfigError: there is no such protocol.
    """
    if name not in PROTOCOLS:
        raise ConfigError(f"no protocol {name!r}{nearest(name, PROTOCOLS)}")
    return PROTOCOLS[name]


@dataclass(frozen=True)
class ProtocolDifference:
    """The same sample measured by two protocols.

    Args:
        layers: layer of each row.
        paper: the paper's score of each, in percent.
        exact: the exact score of each, in percent.
    """

    layers: tuple[int, ...]
    paper: tuple[float, ...]
    exact: tuple[float, ...]

    @property
    def largest(self) -> tuple[float, int]:
        """The difference paper - exact that is farthest from 0, in points, and its layer."""
        return max(
            ((p - e, layer) for layer, p, e in zip(self.layers, self.paper, self.exact, strict=True)),
            key=lambda row: abs(row[0]),
        )

    def table(self) -> str:
        """The two side by side, one line per layer, and the most convex layer of each."""
        lines = [f"{'layer':>5}  {'paper %':>8}  {'exact %':>8}  {'difference':>10}"]
        for layer, p, e in zip(self.layers, self.paper, self.exact, strict=True):
            lines.append(f"{layer:>5}  {p:>8.2f}  {e:>8.2f}  {p - e:>+10.2f}")
        peaks = [self.layers[scores.index(max(scores))] for scores in (self.paper, self.exact)]
        lines.append(f"most convex: L{peaks[0]} by the paper's protocol, L{peaks[1]} exactly")
        return "\n".join(lines)


def protocol_difference(paper: Analysis, exact: Analysis | None = None) -> ProtocolDifference:
    """What the paper's protocol changes.

    Args:
        paper: an analysis by the paper's protocol.
        exact: one of the same sample and weights by the exact protocol, for the whole difference. When None, the
            exact score on the paper's own points: what drawing pairs and averaging over them changes, without the
            padding.

    Raises:
        ConfigError: the first is not by the paper's protocol, the second not by the exact one, or they measure
            different things.
    """
    if paper.settings.protocol != PAPER:
        raise ConfigError(f"an analysis by the paper's protocol is needed, not by {paper.settings.protocol!r}")
    if exact is None:
        other = [row.convexity for row in paper.layers]
    else:
        _check_comparable(paper, exact)
        other = [score for _, score, _ in exact.curve()]
    layers, scores, _ = zip(*paper.curve(), strict=True)
    return ProtocolDifference(layers, scores, tuple(other))


def check_exact(exact: Analysis, upstream: str, label: str) -> None:
    """Refuse, before the work, an analysis that what is about to be measured cannot be compared with.

    Args:
        exact: the analysis.
        upstream, label: of what will be measured by the paper's protocol.

    Raises:
        ConfigError: it is not by the exact protocol, or of another upstream or label.
    """
    if exact.settings.protocol == PAPER:
        raise ConfigError("the analysis to compare with is by the paper's protocol too; analyze without --protocol")
    if (exact.upstream, exact.label) != (upstream, label):
        raise ConfigError(
            f"the analysis to compare with is of {exact.upstream}: {exact.label}, not of {upstream}: {label}"
        )


def _check_comparable(paper: Analysis, exact: Analysis) -> None:
    check_exact(exact, paper.upstream, paper.label)
    differ = [
        what
        for what, one, two in (
            ("weights", paper.checkpoint.weights_sha256, exact.checkpoint.weights_sha256),
            ("sample", paper.corpus.fingerprint, exact.corpus.fingerprint),
            ("layers", [row.layer for row in paper.layers], [row.layer for row in exact.layers]),
        )
        if one != two
    ]
    if differ:
        raise ConfigError(f"the two analyses differ in more than the protocol: {', '.join(differ)}")
