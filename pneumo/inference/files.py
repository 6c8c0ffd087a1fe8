"""The files that a user names, by the rule that data sets follow too, and what is said of those passed over."""

from __future__ import annotations

from collections import Counter

from pneumo.data.readers.files import File, Listing, find_files, read_contents

__all__ = ["File", "Listing", "describe_passed_over", "find_files", "read_contents"]

MAX_NAMES_SHOWN = 3
"""Files that are passed over and named; the others are counted."""


def describe_passed_over(listing: Listing) -> str:
    """What is no radiograph, in one line: how many files of each kind, and some names. "" where there is none.

    "passed over 3 files that are no radiograph: 2 text (notes.txt, README); 1 DICOM directory (DICOMDIR)"
    """
    if not listing.passed_over:
        return ""
    kinds = Counter(kind for _, kind in listing.passed_over)
    parts = []
    for kind, count in kinds.most_common():
        names = [file.name for file, other in listing.passed_over if other == kind][:MAX_NAMES_SHOWN]
        more = ", …" if count > len(names) else ""
        parts.append(f"{count} {kind} ({', '.join(names)}{more})")
    number = len(listing.passed_over)
    return (
        f"passed over {number} file{'s' * (number > 1)} that {'are' if number > 1 else 'is'} no radiograph: "
        + "; ".join(parts)
    )
