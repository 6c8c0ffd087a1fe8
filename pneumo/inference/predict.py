"""Predictions of many files, one after the other: a table, a CSV file, a picture for each."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin
from tqdm import tqdm

from pneumo.errors import DataError
from pneumo.inference.files import File, describe_passed_over, find_files, read_contents
from pneumo.inference.model import BATCH_SIZE, NOTE, Model, Prediction
from pneumo.inference.radiograph import Radiograph
from pneumo.interpret.gradcam import overlay
from pneumo.io.files import atomic_write, check_replaceable
from pneumo.io.text import encodable

CSV_COLUMNS = ("file", "probability", "decision", "answer", "warning", "note")
"""Of the CSV file. `note` is NOTE in every row: a line above the header would be read as the header."""

OVERLAY_SIZE = 448
"""Side in pixels of a picture with a map; a line of text stands below it."""

CAPTION_HEIGHT = 20
"""Height of that line in pixels."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Files that were read, of them positive, of them with a warning; and files, folders and archives that were not."""

    read: int = 0
    positive: int = 0
    warned: int = 0
    unreadable: int = 0


class Writer(Protocol):
    """What `csv.writer` makes."""

    def writerow(self, row: Iterable[object]) -> object: ...


def predict_files(
    model: Model,
    paths: Sequence[str | Path],
    *,
    csv_path: Path | None = None,
    cam_folder: Path | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> Summary:
    """Print a table of predictions on stdout, and what is passed over or cannot be read on stderr, which stops nothing.

    A letter that stdout's encoding lacks is written out, "\\u5c0f".
    paths: see `files.find_files`. csv_path: also a CSV file with CSV_COLUMNS, which appears whole at the end.
    cam_folder: also a PNG of each image with its Grad-CAM, numbered as the rows of the table are from 1.
    overwrite: whether an existing CSV file, or pictures in an existing folder, may be replaced.
    Raises DataError, before anything is read, where they exist and may not be.

    Memory does not grow with the number of files, but for their names.
    """
    for path in filter(None, (csv_path, cam_folder)):
        check_replaceable(path, overwrite)
    listing = find_files(paths)
    files, problems = listing.files, listing.problems
    for line in (*map(str, problems), describe_passed_over(listing)):
        if line:
            print(f"pneumo: {line}", file=sys.stderr)
    width = min(max((len(file.name) for file in files), default=4), 60)
    counts = {"read": 0, "positive": 0, "warned": 0, "unreadable": len(problems)}
    bar = tqdm(total=len(files), desc="predicting", unit=" images", delay=1, disable=not progress)
    print(_working_point(model))
    print(f"{'file':<{width}}  probability  decision  answer       warning")
    with _table(csv_path) as table, ThreadPoolExecutor() as pool, bar:
        for batch in _batches(read_contents(files)):
            read = []
            for file, result in zip(batch, pool.map(lambda item: _decoded(model, *item), batch), strict=True):
                bar.update()
                if isinstance(result, DataError):
                    counts["unreadable"] += 1
                    bar.write(f"pneumo: {result}", file=sys.stderr)
                else:
                    read.append((file[0].name, result))
            rows = model.predict_radiographs(read) if read else []
            if cam_folder is not None and rows:
                _write_pictures(model, rows, [radiograph for _, radiograph in read], cam_folder, counts["read"] + 1)
            for row in rows:
                counts["read"] += 1
                counts["positive"] += row.decision == "positive"
                counts["warned"] += bool(row.warning)
                line = (
                    f"{row.image:<{width}}  {row.probability:11.4f}  {row.decision:<8}  {row.answer:<11}  {row.warning}"
                )
                bar.write(encodable(line.rstrip(), sys.stdout), file=sys.stdout)
                if table is not None:
                    cells = (row.image, f"{row.probability:.6f}", row.decision, row.answer, row.warning, NOTE)
                    table.writerow(cells)
    return Summary(**counts)


def _working_point(model: Model) -> str:
    """What the columns decision and answer mean, above the table."""
    text = f"{NOTE} Positive from {model.threshold:.4f} on; record {model.record}."
    if model.answer is None:
        return text
    return (
        f"{text}\nAnswer: at a probability of at most {model.answer.normal_up_to:.4f} normal is possible, from "
        f"{model.answer.pneumonia_from:.4f} on pneumonia; where both are, or neither, the model cannot tell. Each is "
        f"ruled out for at most {100 * model.answer.error:g} % of its images, if they were taken as the study's."
    )


def _batches(
    items: Iterator[tuple[File, bytes | DataError]],
) -> Iterator[list[tuple[File, bytes | DataError]]]:
    while batch := list(islice(items, BATCH_SIZE)):
        yield batch


def _decoded(model: Model, file: File, data: bytes | DataError) -> Radiograph | DataError:
    if isinstance(data, DataError):
        return data
    try:
        return model.radiograph(data, file.name)
    except DataError as error:
        return error


# Files ---------------------------------------------------------------------------------------------------------------


@contextmanager
def _table(path: Path | None) -> Iterator[Writer | None]:
    """A CSV file that is there, whole, when the block ends without an error, and otherwise not at all."""
    if path is None:
        yield None
        return
    with atomic_write(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(CSV_COLUMNS)
        yield writer


def _write_pictures(
    model: Model, rows: Sequence[Prediction], radiographs: Sequence[Radiograph], folder: Path, first: int
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pictures = overlay(np.stack([radiograph.pixels for radiograph in radiographs]), model.grad_cam(radiographs))
    notice = PngImagePlugin.PngInfo()
    notice.add_text("Comment", NOTE)
    for number, (row, picture) in enumerate(zip(rows, pictures, strict=True), start=first):
        stem = re.sub(r"[^\w-]+", "_", Path(row.image).stem)[:80]
        _captioned(picture, row).save(folder / f"{number:05d}-{stem}.png", pnginfo=notice)


def _captioned(picture: np.ndarray, row: Prediction) -> Image.Image:
    """The picture at OVERLAY_SIZE pixels, with the probability and NOTE in a line below."""
    page = Image.new("RGB", (OVERLAY_SIZE, OVERLAY_SIZE + CAPTION_HEIGHT))
    page.paste(Image.fromarray(picture).resize((OVERLAY_SIZE, OVERLAY_SIZE), Image.Resampling.BILINEAR))
    text = f"{row.probability:.3f} {row.decision}. {NOTE}"
    ImageDraw.Draw(page).text((6, OVERLAY_SIZE + 4), text, fill="white", font=ImageFont.load_default(12))
    return page
