"""Predictions of many files, one after the other: a table, a CSV file, a picture for each."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin
from tqdm import tqdm

from pneumo.errors import DataError
from pneumo.evaluation.conformal import ConformalAnswer, min_images
from pneumo.inference.files import File, describe_passed_over, find_files, read_contents
from pneumo.inference.model import NOTE, Model, Prediction, batches
from pneumo.inference.radiograph import Radiograph
from pneumo.inference.unfinished import Journal, is_unfinished, journal, journal_path
from pneumo.inference.working_point import Calibration
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
    paths: see `files.find_files`. csv_path: also a CSV file with CSV_COLUMNS, which appears whole at the end, or with
        the finished rows where the call is interrupted.
    cam_folder: also a PNG of each image with its Grad-CAM, numbered as the rows of the table are from 1.
    overwrite: whether an existing CSV file, or pictures in an existing folder, may be replaced.
    Raises DataError, before anything is read, where they exist and may not be. Where it is interrupted, raises
    KeyboardInterrupt that says how far it was, and the same call goes on from there: see `unfinished`. Nothing is left
    of a call that is interrupted before a file is finished, and no CSV file is written where none could be read.

    Memory does not grow with the number of files, but for their names.
    """
    call = {
        "record": model.record_sha256,
        "working point": _working_point(model),
        "csv": csv_path is not None,
        "cam": cam_folder is not None,
    }
    kept_in = journal_path(csv_path, cam_folder)
    replaceable = overwrite or is_unfinished(kept_in, call)
    if csv_path is not None:
        check_replaceable(csv_path, replaceable, wanted="file")
    if cam_folder is not None:
        check_replaceable(cam_folder, replaceable, wanted="folder")
    files, problems = _list_files(paths)
    width = min(max((len(file.name) for file in files), default=4), 60)
    counts = {"read": 0, "positive": 0, "warned": 0, "unreadable": len(problems)}
    bar = tqdm(total=len(files), desc="predicting", unit=" images", delay=1, disable=None if progress else True)
    if files:
        print(_working_point(model))
        print(f"{'file':<{width}}  probability  decision  answer       warning")
    signatures = [_signature(file) for file in files]
    with (
        journal(kept_in, call, signatures, csv_path=csv_path, cam_folder=cam_folder) as kept,
        _said_how_far(kept, len(files), csv_path, cam_folder),
        _pictures(cam_folder, kept) as pictures,
        _table(csv_path, kept, counts) as table,
        ThreadPoolExecutor() as pool,
        _cleared(bar),
    ):
        _repeat(kept.earlier, counts, bar, table, width)
        for batch in batches(read_contents(files[len(kept.earlier) :]), started=bool(kept.earlier)):
            read, entries = [], []
            for file, result in zip(batch, pool.map(lambda item: _decoded(model, *item), batch), strict=True):
                bar.update()
                entries.append({"signature": _signature(file[0])})
                if isinstance(result, DataError):
                    counts["unreadable"] += 1
                    bar.write(f"pneumo: {result}", file=sys.stderr)
                    entries[-1]["problem"] = str(result)
                else:
                    read.append((file[0].name, result))
            rows = model.predict_radiographs(read) if read else []
            places = [] if cam_folder is None else _picture_paths(cam_folder, rows, counts["read"] + 1)
            pictures += places
            if places:
                _write_pictures(model, rows, [radiograph for _, radiograph in read], places)
            for row in rows:
                _write_row(row, counts, bar, table, width)
            kept.add(_with_results(entries, rows, places))
    return Summary(**counts)


def _with_results(
    entries: list[dict[str, Any]], rows: Sequence[Prediction], places: Sequence[Path]
) -> list[dict[str, Any]]:
    """Entries of the journal with the row, and the name of the picture, of each file that was read."""
    read = [entry for entry in entries if "problem" not in entry]
    for entry, row in zip(read, rows, strict=True):
        entry["row"] = row
    for entry, place in zip(read, places, strict=False):  # none without a folder for them
        entry["picture"] = place.name
    return entries


def _repeat(
    entries: Sequence[dict[str, Any]], counts: dict[str, int], bar: tqdm, table: Writer | None, width: int
) -> None:
    """Write again what an earlier call has finished."""
    for entry in entries:
        bar.update()
        if "problem" in entry:
            counts["unreadable"] += 1
            bar.write(f"pneumo: {entry['problem']}", file=sys.stderr)
        else:
            _write_row(Prediction(*entry["row"]), counts, bar, table, width)


def _write_row(row: Prediction, counts: dict[str, int], bar: tqdm, table: Writer | None, width: int) -> None:
    counts["read"] += 1
    counts["positive"] += row.decision == "positive"
    counts["warned"] += bool(row.warning)
    line = f"{row.image:<{width}}  {row.probability:11.4f}  {row.decision:<8}  {row.answer:<11}  {row.warning}"
    bar.write(encodable(line.rstrip(), sys.stdout), file=sys.stdout)
    if table is not None:
        table.writerow((row.image, f"{row.probability:.6f}", row.decision, row.answer, row.warning, NOTE))


@contextmanager
def _cleared(bar: tqdm) -> Iterator[None]:
    """A progress bar that leaves the cursor at the start of a line, also where it ends before it was shown."""
    with bar:
        try:
            yield
        finally:
            bar.clear()


def _signature(file: File) -> list[str | int]:
    """What a file is known by when a call that was stopped goes on: its name, and what changes with its content."""
    try:
        found = file.path.stat()
    except OSError:  # why it cannot be read is said when it is
        return [file.name]
    return [file.name, found.st_size, found.st_mtime_ns, found.st_mode]


@contextmanager
def _said_how_far(kept: Journal, files: int, csv_path: Path | None, cam_folder: Path | None) -> Iterator[None]:
    """Have an interruption say what is finished, and where it is."""
    try:
        yield
    except KeyboardInterrupt:
        places = {"rows are in": csv_path, "pictures are in": cam_folder}
        named = " and their ".join(f"{what} {place}" for what, place in places.items() if place is not None)
        where = f"; their {named}, and the same command goes on from there" if named else ""
        if named and not kept.finished:
            where = "; nothing was written"
        raise KeyboardInterrupt(f"stopped after {kept.finished} of {files} files{where}") from None


def _list_files(paths: Sequence[str | Path]) -> tuple[list[File], list[DataError]]:
    """The files, and what cannot be read; both that and what is passed over are said on stderr."""
    listing = find_files(paths)
    for line in (*map(str, listing.problems), describe_passed_over(listing)):
        if line:
            print(f"pneumo: {line}", file=sys.stderr)
    return list(listing.files), list(listing.problems)


def _working_point(model: Model) -> str:
    """What the columns decision and answer mean, above the table."""
    text = f"{NOTE} Positive from {model.threshold:.4f} on; model {model.experiment.name}, record {model.record}."
    if model.answer is None:
        return text
    never = _never_answered(model.answer, model.calibration)
    if never:
        return f"{text}\nAnswer: {never}"
    return (
        f"{text}\nAnswer: at a probability of at most {model.answer.normal_up_to:.4f} normal is possible, from "
        f"{model.answer.pneumonia_from:.4f} on pneumonia; where both are, or neither, the model cannot tell. Each is "
        f"ruled out for at most {100 * model.answer.error:g} % of its images, if they were taken as the study's."
    )


def _never_answered(answer: ConformalAnswer, calibration: Calibration | None) -> str:
    """Which answers cannot be given, since a class with too few validation images is never ruled out; "" if all can."""
    if calibration is None:
        return ""
    normal, pneumonia = (int((calibration.labels == label).sum()) for label in (0, 1))
    least = min_images(answer.error)
    asked = f"for --coverage {1 - answer.error:g} (at least {least} of a class)"
    if normal < least and pneumonia < least:
        return f"cannot tell for every image: {normal} + {pneumonia} validation images are too few {asked}"
    if normal < least:
        return f"normal or cannot tell, never pneumonia: {normal} normal validation images are too few {asked}"
    if pneumonia < least:
        return (
            f"pneumonia or cannot tell, never normal: {pneumonia} validation images with pneumonia are too few {asked}"
        )
    return ""


def _decoded(model: Model, file: File, data: bytes | DataError) -> Radiograph | DataError:
    if isinstance(data, DataError):
        return data
    try:
        return model.radiograph(data, file.name)
    except DataError as error:
        return error


# Files ---------------------------------------------------------------------------------------------------------------


@contextmanager
def _table(path: Path | None, kept: Journal, counts: Mapping[str, int]) -> Iterator[Writer | None]:
    """A CSV file that is there, whole, when the block ends without an error, and otherwise not at all.

    Where the block is interrupted, the file has the rows that were finished. Without a row there is no file.
    """
    if path is None:
        yield None
        return
    interruption = None
    with suppress(_NoRow), atomic_write(path) as temporary:
        with temporary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(CSV_COLUMNS)
            try:
                yield writer
            except KeyboardInterrupt as error:
                interruption = error
        if not (kept.finished if interruption else counts["read"]):
            raise _NoRow
    if interruption is not None:
        raise interruption


class _NoRow(Exception):
    """There is nothing to write."""


@contextmanager
def _pictures(folder: Path | None, kept: Journal) -> Iterator[list[Path]]:
    """Yields a list for the paths of the pictures; they are removed where the block fails before a file is finished."""
    pictures: list[Path] = []
    new_folder = folder is not None and not folder.exists()
    try:
        yield pictures
    except BaseException:
        if folder is not None and not kept.finished:
            for path in pictures:
                path.unlink(missing_ok=True)
            if new_folder:
                with suppress(OSError):  # it is not there, or something else is in it
                    folder.rmdir()
        raise


def _picture_paths(folder: Path, rows: Sequence[Prediction], first: int) -> list[Path]:
    """first: number of the first of these rows in the table."""
    stems = [re.sub(r"[^\w-]+", "_", Path(row.image).stem)[:80] for row in rows]
    return [folder / f"{number:05d}-{stem}.png" for number, stem in enumerate(stems, start=first)]


def _write_pictures(
    model: Model, rows: Sequence[Prediction], radiographs: Sequence[Radiograph], places: Sequence[Path]
) -> None:
    places[0].parent.mkdir(parents=True, exist_ok=True)
    pictures = overlay(np.stack([radiograph.pixels for radiograph in radiographs]), model.grad_cam(radiographs))
    notice = PngImagePlugin.PngInfo()
    notice.add_text("Comment", NOTE)
    for row, picture, place in zip(rows, pictures, places, strict=True):
        _captioned(picture, row).save(place, pnginfo=notice)


def _captioned(picture: np.ndarray, row: Prediction) -> Image.Image:
    """The picture at OVERLAY_SIZE pixels, with the probability and NOTE in a line below."""
    page = Image.new("RGB", (OVERLAY_SIZE, OVERLAY_SIZE + CAPTION_HEIGHT))
    page.paste(Image.fromarray(picture).resize((OVERLAY_SIZE, OVERLAY_SIZE), Image.Resampling.BILINEAR))
    text = f"{row.probability:.3f} {row.decision}. {NOTE}"
    ImageDraw.Draw(page).text((6, OVERLAY_SIZE + 4), text, fill="white", font=ImageFont.load_default(12))
    return page
