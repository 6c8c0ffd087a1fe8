"""Whether one variant of an experiment differs from another, over patients and seeds, and the claims of a chapter.

A chapter that says that one variant is better than another marks the sentence, in a comment that no reader sees:

    Without batch normalisation the loss is higher. <!-- claim: network-parts: no-batch-norm > baseline, loss -->

`>` and `<` claim a difference of the end point, `=` that none was shown; a variant of another group is written
group/variant. `check_claims` compares the marks with the
records, so that a sentence is found out when the numbers move. All marks of a chapter are one family of comparisons,
whose p values are corrected by Holm's method.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from pneumo import evaluation
from pneumo.analysis.cross_validation import pool_folds
from pneumo.analysis.summaries import aligned_frames, records_by_model
from pneumo.evaluation import Difference

if TYPE_CHECKING:
    from pneumo.experiments.records import Record

END_POINTS = {
    "loss": ("validation", evaluation.log_loss),
    "validation AUC": ("validation", evaluation.auc),
    "perturbed loss": ("stressed", evaluation.log_loss),
    "perturbed AUC": ("stressed", evaluation.auc),
    "test AUC": ("test", evaluation.auc),
}
"""What variants are compared by: the part of `Record.scores`, and the statistic. "loss" is that of the validation
images, with the weights that were kept."""

PRIMARY_END_POINT = "loss"
"""Of a comparison, unless its mark names another: the validation loss sees every image, where an AUC near 1 depends on
a few."""

LEVEL = 0.05
"""Largest corrected p value of a difference that is called one."""

MARK = re.compile(r"<!--\s*claim:(.*?)-->")
CLAIM = re.compile(r"\s*([\w-]+)\s*:\s*([\w./-]+)\s*([<>=])\s*([\w./-]+)\s*(?:,\s*([\w ]+?))?\s*")


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A sentence's claim about two variants of one group of experiments.

    variant, other: of the group, or "group/variant" of another.
    sign: "<" or ">", variant's end point is lower or higher than that of `other`; "=", no difference was shown.
    """

    group: str
    variant: str
    sign: Literal["<", ">", "="]
    other: str
    end_point: str = PRIMARY_END_POINT

    def __str__(self) -> str:
        return f"{self.group}: {self.variant} {self.sign} {self.other}, {self.end_point}"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A claim beside what the records say. p_value: corrected for all claims of the family."""

    claim: Claim
    difference: Difference
    p_value: float

    @property
    def holds(self) -> bool:
        """Whether the records say the same as the claim."""
        shown = self.p_value <= LEVEL
        if self.claim.sign == "=":
            return not shown
        return shown and (self.difference.interval.estimate > 0) == (self.claim.sign == ">")


def difference(
    records: Sequence[Record], others: Sequence[Record], end_point: str = PRIMARY_END_POINT, *, seed: int = 0
) -> Difference:
    """The end point of one variant minus that of another, with a 95 % interval and p value over patients and seeds.

    records, others: the seeds of each, or the one record of a learner that draws no seed. Of two single networks, the
    difference is that of these networks, over patients alone. end_point: of END_POINTS. seed: of the draws.
    See `evaluation.hierarchical_difference`. Raises ValueError for an unknown end point, for one network against
    several seeds, and where the records predict different images.

    >>> variants = pneumo.analysis.comparisons.variants(map(pneumo.run, pneumo.experiments.network_parts()))
    >>> difference(variants["depth-2"], variants["baseline"]).interval.low > 0  # a higher loss
    True
    """
    if end_point not in END_POINTS:
        raise ValueError(f"end_point={end_point!r} is unknown; choose from {', '.join(END_POINTS)}")
    for one, several in ((records, others), (others, records)):
        if len(one) == 1 and one[0].history and len(several) > 1:
            raise ValueError(f"{one[0].experiment.name} is one seed; how far seeds differ cannot be seen from it")
    part, statistic = END_POINTS[end_point]
    frames = aligned_frames([*records, *others], part)
    scores = np.stack([frame["probability"] for frame in frames])
    pair = scores[: len(records)], scores[len(records) :]
    patients = records[0].patients(part)
    rng = np.random.default_rng(seed)
    return evaluation.hierarchical_difference(frames[0]["label"], pair, patients, statistic, rng=rng)


def read_claims(text: str) -> list[Claim]:
    """The claims that are marked in a chapter's source, each once. Raises ValueError for a mark that cannot be read.

    >>> print(*read_claims("The loss is lower. <!-- claim: schedules: cosine < constant -->"))
    schedules: cosine < constant, loss
    """
    claims = []
    for mark in MARK.findall(text):
        for each in mark.split(";"):
            match = CLAIM.fullmatch(each)
            if match is None or (match[5] or PRIMARY_END_POINT) not in END_POINTS:
                raise ValueError(
                    f"cannot read the mark {each.strip()!r}; write <!-- claim: group: variant > other, end point -->, "
                    f"with <, > or =, and one of {', '.join(END_POINTS)}"
                )
            group, variant, sign, other, end_point = match.groups()
            claims.append(
                Claim(group=group, variant=variant, sign=sign, other=other, end_point=end_point or PRIMARY_END_POINT)  # pyright: ignore[reportArgumentType]
            )
    return list(dict.fromkeys(claims))


def variants(records: Iterable[Record]) -> dict[str, list[Record]]:
    """The records (seeds) of each variant by name; the folds of a cross-validation are pooled, see `pool_folds`."""
    found = list(records)
    return records_by_model(pool_folds(found) if found and found[0].experiment.data.folds else found)


def check_claims(claims: Sequence[Claim], records_of: Callable[[str], Mapping[str, Sequence[Record]]]) -> list[Verdict]:
    """Each claim beside what the records say, as one family of comparisons.

    records_of: the records of a group's variants by name, given the group; see `variants`.
    Raises ValueError for a claim about a variant that its group does not have.
    """

    def find(claim: Claim, name: str) -> Sequence[Record]:
        group, _, variant = name.rpartition("/")
        found = records_of(group or claim.group)
        if variant not in found:
            raise ValueError(f"{claim}: there is no variant {name!r}, only {', '.join(found)}")
        return found[variant]

    differences = [
        difference(find(claim, claim.variant), find(claim, claim.other), claim.end_point) for claim in claims
    ]
    corrected = evaluation.holm([each.p_value for each in differences])
    return [
        Verdict(claim=claim, difference=each, p_value=float(p_value))
        for claim, each, p_value in zip(claims, differences, corrected, strict=True)
    ]
