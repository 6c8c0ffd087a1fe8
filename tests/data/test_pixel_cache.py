import errno
import os
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from support.archives import TREE, encoded, radiograph, tree

from pneumo.data import pixel_cache
from pneumo.data.dataset import DataError, Dataset
from pneumo.data.decode import resize_to_square
from pneumo.data.pixel_cache import Pixels, pixels
from pneumo.data.readers.archive import read_archive

pytestmark = pytest.mark.usefixtures("own_places")

COUNT = 20


@dataclass(kw_only=True)
class Drawn:
    """A source whose row k is filled with grey level k + 1 (after 255 it begins again); it counts what is asked for."""

    signature: str = "drawn"
    bad: tuple[int, ...] = ()
    asked: int = 0

    def image(self, row: int, size: int | None = None) -> np.ndarray:
        self.asked += 1
        if row in self.bad:
            raise DataError(f"image {row} is damaged")
        return np.full((6, 9), (row + 1) % 256, dtype=np.uint8)


def drawn(count: int = COUNT, **source: object) -> Dataset:
    table = pd.DataFrame({"image": [f"train/{row}" for row in range(count)], "split": "train", "label": np.int8(0)})
    return Dataset(name="drawn", classes=("A", "B"), table=table, source=Drawn(**source))


def folder_of_files() -> Path:
    return pixel_cache.cache_folder() / "pixels"


def finished_files() -> list[str]:
    return sorted(path.suffix for path in folder_of_files().iterdir() if path.suffix != ".lock")


def stretched_archive(write_folder) -> Dataset:
    """Images of 4 x 4 pixels whose columns are 10, 50, 60, 10."""
    columns = np.repeat(np.array([[10, 50, 60, 10]], dtype=np.uint8), 4, axis=0)
    files = {f"{path[:-5]}.png": encoded(Image.fromarray(columns), "PNG") for path in TREE}
    return replace(read_archive(write_folder(files)), from_catalogue=True)


def write_original_headers(dataset: Dataset, width: int, height: int) -> None:
    """Headers of originals of this size, in a folder where data sets are looked for."""
    frame = dataset.table["image"].str.split("/", expand=True)
    frame.columns = ["split", "class", "filename"]
    Path("data").mkdir(exist_ok=True)
    frame.assign(mode="L", width=width, height=height, jpeg_quality=75.0, file_size=1000).to_csv(
        Path("data") / "original_headers.csv", index=False
    )


def test_a_field_is_cut_in_the_original_shape_where_a_table_of_headers_tells_it(write_folder):
    dataset = stretched_archive(write_folder)
    np.testing.assert_array_equal(pixels(dataset, size=4, resize="square").rows([0])[0][0], [10, 50, 60, 10])
    write_original_headers(dataset, 1000, 500)
    np.testing.assert_array_equal(pixels(dataset, size=2, resize="square").rows([0])[0], [[50, 60], [50, 60]])


def test_a_table_of_headers_nearby_does_not_cut_images_that_were_opened_by_their_path(write_folder):
    dataset = replace(stretched_archive(write_folder), from_catalogue=False)
    write_original_headers(dataset, 1000, 500)
    made = pixels(dataset, size=4, resize="square")
    np.testing.assert_array_equal(made.rows([0])[0][0], [10, 50, 60, 10])


def test_images_of_other_original_shapes_are_decoded_again(write_folder):
    dataset = stretched_archive(write_folder)
    write_original_headers(dataset, 1000, 500)
    wide = pixels(dataset, size=2, resize="square")
    write_original_headers(dataset, 500, 500)
    assert pixels(dataset, size=2, resize="square").path != wide.path
    assert not np.array_equal(pixels(dataset, size=2, resize="square").array, wide.array)


def test_rules_without_a_field_take_no_notice_of_original_shapes(write_folder):
    dataset = stretched_archive(write_folder)
    before = pixels(dataset, size=2, resize="crop").path
    write_original_headers(dataset, 1000, 500)
    assert pixels(dataset, size=2, resize="crop").path == before


def test_rows_are_the_decoded_images_in_the_order_of_the_table(write_zip):
    dataset = read_archive(write_zip(tree()))
    made = pixels(dataset, size=12, resize="letterbox")
    expected = np.stack([resize_to_square(dataset.source.image(row), 12, "letterbox") for row in range(len(dataset))])
    np.testing.assert_array_equal(made.array, expected)
    np.testing.assert_array_equal(made.rows([7, 0, 7]), expected[[7, 0, 7]])


def test_digest_is_the_sha256_of_the_pixels():
    made = pixels(drawn(), size=4)
    expected = np.repeat(np.arange(1, COUNT + 1, dtype=np.uint8), 16)
    assert made.digest == sha256(expected.tobytes()).hexdigest()


def test_second_start_decodes_nothing():
    first = pixels(drawn(), size=4)
    again = drawn()
    assert pixels(again, size=4) == first
    assert again.source.asked == 0


def test_only_the_finished_files_stay():
    pixels(drawn(), size=4)
    assert finished_files() == [".json", ".npy"]


@pytest.mark.parametrize(
    "other",
    [
        lambda: pixels(drawn(signature="changed"), size=4),
        lambda: pixels(drawn(), size=5),
        lambda: pixels(drawn(), size=4, resize="crop"),
        lambda: pixels(drawn(COUNT - 1), size=4),
    ],
)
def test_other_content_size_or_rule_is_another_file(other):
    assert pixels(drawn(), size=4).path != other().path


def test_other_order_of_the_images_is_another_file():
    turned = drawn()
    turned = replace(turned, table=turned.table[::-1].reset_index(drop=True))
    assert pixels(drawn(), size=4).path != pixels(turned, size=4).path


def test_name_of_the_data_set_cannot_lead_out_of_the_folder():
    made = pixels(replace(drawn(), name="../../my data"), size=4)
    assert made.path.parent == folder_of_files()


def test_every_unreadable_image_is_listed():
    with pytest.raises(DataError, match=r"(?s)2 of the 20 images .* image 3 is damaged.*image 17 is damaged"):
        pixels(drawn(bad=(3, 17)), size=4)


def test_what_was_fine_is_kept_when_an_image_is_unreadable():
    with pytest.raises(DataError, match="image 3 is damaged"):
        pixels(drawn(bad=(3,)), size=4)
    mended = drawn()
    made = pixels(mended, size=4)
    assert mended.source.asked == 1
    assert made.array[:, 0, 0].tolist() == list(range(1, COUNT + 1))


def test_one_truncated_image_among_twenty_leaves_nineteen(write_folder):
    folders = ["NORMAL"] * 10 + ["PNEUMONIA"] * 10
    files = {f"{folder}/IM-{number:04d}-0001.jpeg": radiograph(number) for number, folder in enumerate(folders)}
    files["NORMAL/IM-0004-0001.jpeg"] = files["NORMAL/IM-0004-0001.jpeg"][:-200]
    dataset = read_archive(write_folder(files))
    with pytest.warns(UserWarning, match=r"1 of the 20 images .*\n.*IM-0004-0001\.jpeg is damaged"):
        made = pixels(dataset, size=8, on_error="skip")
    assert list(made.unreadable) == [4]
    readable = [row for row in range(20) if row != 4]
    expected = [resize_to_square(dataset.source.image(row), 8, "stretch") for row in readable]
    np.testing.assert_array_equal(made.rows(readable), expected)


def test_images_that_cannot_be_decoded_are_named_with_what_the_command_line_offers_too():
    with pytest.raises(DataError, match=r"1 of the 20 images .* --labels \(labels= in Python; .*on_error=\"skip\"\)"):
        pixels(drawn(bad=(3,)), size=4)


def test_unreadable_row_is_not_handed_out_as_a_black_image():
    with pytest.warns(UserWarning, match="image 3 is damaged"):
        made = pixels(drawn(bad=(3,)), size=4, on_error="skip")
    with pytest.raises(DataError, match=r"rows \[3\] could not be decoded"):
        made.rows([2, 3])


def test_what_was_skipped_once_still_raises_by_default():
    with pytest.warns(UserWarning, match="image 3 is damaged"):
        pixels(drawn(bad=(3,)), size=4, on_error="skip")
    with pytest.raises(DataError, match="image 3 is damaged"):
        pixels(drawn(bad=(3,)), size=4)


@pytest.mark.parametrize("row", [-1, COUNT])
def test_row_that_does_not_exist_is_refused(row):
    with pytest.raises(IndexError, match=f"row {row} does not exist; there are rows 0 to 19"):
        pixels(drawn(), size=4).rows([0, row])


def test_no_rows_are_an_empty_array():
    assert pixels(drawn(), size=4).rows([]).shape == (0, 4, 4)


def test_mapped_array_cannot_be_written():
    with pytest.raises(ValueError, match="read-only"):
        pixels(drawn(), size=4).array[0] = 1


def test_file_that_lost_its_end_is_made_again():
    made = pixels(drawn(), size=4)
    with made.path.open("r+b") as file:
        file.truncate(200)
    assert pixels(drawn(), size=4).array[-1, 0, 0] == COUNT


def test_row_that_the_file_no_longer_holds_is_refused():
    made = pixels(drawn(), size=4)
    os.truncate(made.path, 200)
    with pytest.raises(DataError, match="is cut short"):
        made.rows([COUNT - 1])


def mapped_bytes() -> int:
    """Resident pages of files in this process (Linux)."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssFile"))
    return int(line.split()[1]) * 1024


def test_reading_rows_maps_no_memory_where_the_array_does(tmp_path):
    path = tmp_path / "large.npy"
    np.save(path, np.ones((2000, 128, 128), dtype=np.uint8))  # 33 MB
    large = Pixels(path=path, shape=(2000, 128, 128), digest="")
    before = mapped_bytes()
    for start in range(0, 2000, 100):
        large.rows(range(start, start + 100))
    assert mapped_bytes() - before < 1e6
    array = large.array
    array.sum()
    assert mapped_bytes() - before > 30e6


def test_full_disk_is_told_before_decoding(monkeypatch):
    free = pixel_cache.shutil.disk_usage(".")._replace(free=100)
    monkeypatch.setattr(pixel_cache.shutil, "disk_usage", lambda path: free)
    dataset = drawn(1000)
    with pytest.raises(DataError, match=r"pixels has no room .* 100 MB are needed and 0 MB are free; .* PNEUMO_CACHE"):
        pixels(dataset, size=316)
    assert dataset.source.asked == 0


def test_disk_that_fills_up_is_told(monkeypatch):
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pixel_cache.os, "fsync", full)
    with pytest.raises(DataError, match="pixels has no room for the decoded images"):
        pixels(drawn(), size=4)


def test_pixel_cache_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PNEUMO_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"pixels cannot be written .*; set PNEUMO_CACHE to a folder that can"):
        pixels(drawn(), size=4)


def test_leftovers_of_old_starts_are_removed_and_those_of_running_ones_kept():
    folder_of_files().mkdir(parents=True)
    for name in ("old.partial", "old.done", "running.partial"):
        (folder_of_files() / name).write_bytes(b"")
    week_ago = time.time() - 8 * 24 * 3600
    os.utime(folder_of_files() / "old.partial", (week_ago, week_ago))
    os.utime(folder_of_files() / "old.done", (week_ago, week_ago))
    pixels(drawn(), size=4)
    assert finished_files() == [".json", ".npy", ".partial"]


@pytest.mark.parametrize("jobs", [1, 3])
def test_neither_threads_nor_gaps_left_by_a_kill_change_a_byte(monkeypatch, jobs):
    monkeypatch.setattr(pixel_cache, "CHUNK_IMAGES", 3)
    with pytest.raises(DataError, match="7 of the 20 images"):
        pixels(drawn(bad=(0, 4, 5, 9, 10, 11, 19)), size=4)
    mended = drawn()
    made = pixels(mended, size=4, jobs=jobs)
    assert mended.source.asked == 7
    assert made.digest == sha256(np.repeat(np.arange(1, COUNT + 1, dtype=np.uint8), 16).tobytes()).hexdigest()


def test_what_stops_one_thread_stops_all(monkeypatch):
    monkeypatch.setattr(pixel_cache, "CHUNK_IMAGES", 1)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pixel_cache.os, "fsync", full)
    dataset = drawn(5000)
    with pytest.raises(DataError, match="has no room"):
        pixels(dataset, size=4, jobs=2)
    assert dataset.source.asked < 4000


SLOW = 60
"""Images of a data set that another process takes a while to decode."""


def start_slowly(stuck: int = SLOW) -> subprocess.Popen:
    """Decode SLOW images in another process, which prints how many it was asked for, and the digest.

    stuck: the row at which it stops for good.
    """
    script = f"""
import time
import test_pixel_cache
from pneumo.data import pixel_cache

class Slow(test_pixel_cache.Drawn):
    def image(self, row, size=None):
        time.sleep(600 if row == {stuck} else 0.01)
        return super().image(row, size)

pixel_cache.CHUNK_IMAGES = 4
slow = Slow()
made = pixel_cache.pixels(test_pixel_cache.replace(test_pixel_cache.drawn({SLOW}), source=slow), size=4, jobs=1)
print(slow.asked, made.digest)
"""
    folders = (Path(__file__).parent, Path(__file__).parents[1], Path(__file__).parents[2])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, folders))}
    return subprocess.Popen(
        [sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def marked_rows() -> int:
    """Rows that the other process has finished."""
    return sum(path.read_bytes().count(1) for path in folder_of_files().glob("*.done"))


def expected_digest() -> str:
    return sha256(np.repeat(np.arange(1, SLOW + 1, dtype=np.uint8), 16).tobytes()).hexdigest()


def test_start_after_a_kill_decodes_what_is_missing_to_the_same_bytes():
    with start_slowly(stuck=10) as process:
        while marked_rows() < 8:
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
    dataset = drawn(SLOW)
    made = pixels(dataset, size=4)
    assert made.digest == expected_digest()
    assert dataset.source.asked == SLOW - 8
    assert finished_files() == [".json", ".npy"]


def test_of_two_starts_at_once_one_decodes_and_both_have_the_pixels():
    path = pixel_cache._DecodingTask(dataset=drawn(SLOW), size=4, rule="stretch").path
    with pixel_cache.locked(path, "decoding"):
        processes = [start_slowly(), start_slowly()]
        for process in processes:
            assert process.stderr.readline() == f"waiting for another process that is decoding {path.name}\n"
    results = [process.communicate(timeout=600)[0].split() for process in processes]
    assert sorted(int(asked) for asked, _ in results) == [0, SLOW]
    assert {digest for _, digest in results} == {expected_digest()}
