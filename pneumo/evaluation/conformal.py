"""Class-conditional conformal prediction: a third answer, "cannot tell", with a coverage that is known beforehand.

For each class the probability is compared with those of calibration images of that class. A class stays possible where
the image is no stranger to it than all but a share `error` of them. One possible class is an answer; two or none are
not. Where images to come are drawn as the calibration images were, each class stays possible for at least 1 - error of
its images (Vovk 2012, arXiv:1209.2673, label-conditional), whatever the model. Images taken elsewhere are not drawn so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from pneumo.evaluation.checks import check_fraction, check_probabilities

ANSWERS = ("normal", "pneumonia", "cannot tell")
"""What `ConformalAnswer.answers` says."""

NORMAL, PNEUMONIA, CANNOT_TELL = ANSWERS


@dataclass(frozen=True, kw_only=True)
class ConformalAnswer:
    """Bounds on the probability of pneumonia.

    error: share of the images of a class for which that class may be ruled out, in (0, 1).
    normal_up_to: the probability up to which normal stays possible. pneumonia_from: from which pneumonia does.
    """

    error: float
    normal_up_to: float
    pneumonia_from: float

    def answers(self, probabilities: ArrayLike) -> np.ndarray:
        """One of ANSWERS for each probability, (N,) str.

        >>> sure = ConformalAnswer(error=0.1, normal_up_to=0.6, pneumonia_from=0.3)
        >>> sure.answers([0.2, 0.5, 0.7]).tolist()
        ['normal', 'cannot tell', 'pneumonia']
        """
        normal, pneumonia = self.possible(probabilities)
        return np.where(normal == pneumonia, CANNOT_TELL, np.where(normal, NORMAL, PNEUMONIA))

    def possible(self, probabilities: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Whether normal, and whether pneumonia stays possible, (N,) bool each."""
        probabilities = np.asarray(probabilities, float)
        return probabilities <= self.normal_up_to, probabilities >= self.pneumonia_from


def conformal_answer(labels: ArrayLike, probabilities: ArrayLike, *, error: float) -> ConformalAnswer:
    """Bounds from calibration images, which neither trained nor are to be judged.

    labels: (N,) 0 or 1, of both classes. probabilities: (N,) of pneumonia. error: see `ConformalAnswer`.
    The bound of a class with n images is its k-th probability, from the most typical one, with
    k = ⌈(n + 1)(1 - error)⌉; with k above n, fewer than 1 / error - 1 images, the class is never ruled out.

    >>> conformal_answer([0, 0, 0, 0, 1, 1, 1, 1], [0.1, 0.2, 0.3, 0.7, 0.4, 0.8, 0.9, 0.95], error=0.4)
    ConformalAnswer(error=0.4, normal_up_to=0.3, pneumonia_from=0.8)
    """
    check_fraction(error, "error")
    if not 0 < error < 1:
        raise ValueError(f"error={error} is not between 0 and 1; 0.05 gives a coverage of 95 %")
    labels, probabilities = check_probabilities(labels, probabilities)
    normal_up_to = _bound(probabilities[labels == 0], error)
    pneumonia_from = 1 - _bound(1 - probabilities[labels == 1], error)
    return ConformalAnswer(error=error, normal_up_to=normal_up_to, pneumonia_from=pneumonia_from)


def min_images(error: float) -> int:
    """Calibration images of a class from which on it can be ruled out at all, see `conformal_answer`.

    >>> [min_images(error) for error in (0.5, 0.1, 0.05)]
    [1, 9, 19]
    """
    return max(1, math.ceil(1 / error - 1 - 1e-9))


def _bound(strangeness: np.ndarray, error: float) -> float:
    """The k-th smallest of n values in [0, 1], see `conformal_answer`; 1 where k is above n."""
    # 0.9 * 10 is 9.000...01 in binary, and would be rounded up to 10.
    rank = math.ceil((len(strangeness) + 1) * (1 - error) - 1e-9)
    return 1.0 if rank > len(strangeness) else float(np.sort(strangeness)[rank - 1])
