"""Patient and kind of pneumonia from a file name of the Kermany archive, in its two versions, or of ChestX-ray14.

person1_bacteria_2.jpeg                 second image of bacterial patient 1
person1_virus_6.jpeg                    another child: bacterial and viral patients are numbered apart
IM-0115-0001.jpeg                       normal
NORMAL2-IM-0666-0001-0002.jpeg          normal, another series: IM-0666 is another child
BACTERIA-1351146-0002.jpeg              version 3: second image of patient 1351146
VIRUS-9815549-0001.jpeg                 version 3: bacterial and viral patients are numbered together
00001305_001.png                        ChestX-ray14: second image of patient 1305; the name tells no finding
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_PNEUMONIA = re.compile(r"(?P<person>person\d+)_(?P<subtype>bacteria|virus)(_\d+)+")
_VERSION_3 = re.compile(r"(?P<subtype>BACTERIA|VIRUS|NORMAL)-(?P<patient>\d+)-\d+")
_CHEST_XRAY_14 = re.compile(r"(?P<patient>\d{8})_\d{3}")
_NORMAL = re.compile(r"(?P<patient>(NORMAL2-)?IM-\d{4})(-\d{4})+")


@dataclass(frozen=True, kw_only=True)
class ParsedName:
    """What a file name says of its image.

    patient: key that images of one child share, e.g. "bacteria-person1", "IM-0115" or "pneumonia-1351146"; "" where the
        name tells none.
    subtype: "normal", "bacteria", "virus" or "".
    """

    patient: str = ""
    subtype: str = ""


def parse_file_name(name: str) -> ParsedName:
    """Patient and subtype of an image by its file name, with or without folders and extension.

    The usual rule, `person(\\d+)`, is wrong: it merges bacterial and viral patients of the same number, who are
    different children. A name outside the grammar is not guessed at: both fields are "".
    """
    stem = name.rsplit("/", 1)[-1].split(".", 1)[0]  # "a.jpeg.download" has two endings
    if match := _PNEUMONIA.fullmatch(stem):
        return ParsedName(patient=f"{match['subtype']}-{match['person']}", subtype=match["subtype"])
    if match := _NORMAL.fullmatch(stem):
        return ParsedName(patient=match["patient"], subtype="normal")
    if match := _VERSION_3.fullmatch(stem):
        kind = "normal" if match["subtype"] == "NORMAL" else "pneumonia"
        return ParsedName(patient=f"{kind}-{match['patient']}", subtype=match["subtype"].lower())
    if match := _CHEST_XRAY_14.fullmatch(stem):
        return ParsedName(patient=f"nih-{match['patient']}")
    return ParsedName()
