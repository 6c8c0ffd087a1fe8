import pickle

import numpy as np
import pytest

from pneumo import run
from pneumo.data.dataset import DataError
from pneumo.data.readers.medmnist import read_medmnist
from pneumo.experiments.config import CNNConfig, DataConfig, Experiment, TrainingConfig

COUNTS = {"train": 4, "val": 2, "test": 3}


def arrays(**changed):
    """A file's arrays; the k-th image is filled with k."""
    files, first = {}, 0
    for split, count in COUNTS.items():
        values = np.arange(first, first + count, dtype=np.uint8)
        files[f"{split}_images"] = np.broadcast_to(values[:, None, None], (count, 5, 5))
        files[f"{split}_labels"] = np.array([[row % 2] for row in range(count)], dtype=np.uint8)
        first += count
    return files | changed


@pytest.fixture
def write(tmp_path):
    def write(name="pneumoniamnist.npz", **changed):
        np.savez_compressed(tmp_path / name, **arrays(**changed))
        return tmp_path / name

    return write


def test_rows_are_train_val_test_in_the_order_of_the_file(write):
    table = read_medmnist(write()).table
    assert table["image"].tolist() == [
        "train/000000", "train/000001", "train/000002", "train/000003",
        "val/000000", "val/000001",
        "test/000000", "test/000001", "test/000002",
    ]  # fmt: skip
    assert table["split"].value_counts().to_dict() == COUNTS


def test_pneumonia_is_label_1(write):
    dataset = read_medmnist(write())
    assert dataset.classes == ("NORMAL", "PNEUMONIA")
    assert dataset.table["label"].tolist() == [0, 1, 0, 1, 0, 1, 0, 1, 0]


def test_labels_of_breastmnist_are_turned_so_that_malignant_is_1(write):
    dataset = read_medmnist(write("breastmnist_64.npz"))
    assert dataset.classes == ("NORMAL OR BENIGN", "MALIGNANT")
    assert dataset.table["label"].tolist() == [1, 0, 1, 0, 1, 0, 1, 0, 1]


def test_there_are_no_patients(write):
    assert not read_medmnist(write()).has_patients


def test_image_of_a_row_is_the_array_of_that_row(write):
    dataset = read_medmnist(write())
    dataset = pickle.loads(pickle.dumps(dataset))
    assert [dataset.source.image(row).max() for row in range(9)] == list(range(9))
    assert dataset.source.image(7).shape == (5, 5)


def test_signature_tells_other_pixels(write):
    before = read_medmnist(write()).source.signature
    assert read_medmnist(write()).source.signature == before
    other = np.zeros((2, 5, 5), dtype=np.uint8)
    assert read_medmnist(write(val_images=other)).source.signature != before


def test_file_that_was_replaced_is_read_again(write):
    first = read_medmnist(write())
    assert first.source.image(0).max() == 0
    replaced = read_medmnist(write(train_images=np.full((4, 5, 5), 200, dtype=np.uint8)))
    assert replaced.source.image(0).max() == 200


def test_unknown_file_is_refused_with_the_known_names(write):
    with pytest.raises(DataError, match=r"chestmnist\.npz .* pneumoniamnist, breastmnist"):
        read_medmnist(write("chestmnist.npz"))


@pytest.mark.parametrize("content", [b"", b"no archive", b"\x93NUMPY"])
def test_file_that_is_no_npz_is_refused_by_name(tmp_path, content):
    (tmp_path / "breastmnist.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"breastmnist\.npz cannot be read as an \.npz file"):
        read_medmnist(tmp_path / "breastmnist.npz")


def test_missing_array_is_named(tmp_path):
    np.savez(tmp_path / "breastmnist.npz", images=np.zeros(3))
    with pytest.raises(DataError, match="no array train_labels"):
        read_medmnist(tmp_path / "breastmnist.npz")


def test_pickled_objects_are_not_loaded(write):
    with pytest.raises(DataError, match="cannot be read"):
        read_medmnist(write(train_labels=np.array([{}, {}, {}, {}], dtype=object)))


def test_labels_of_several_findings_are_refused(write):
    with pytest.raises(DataError, match=r"train_labels of shape \(4, 14\)"):
        read_medmnist(write(train_labels=np.zeros((4, 14), dtype=np.uint8)))


def test_images_that_are_fewer_than_labels_are_refused(write):
    dataset = read_medmnist(write(test_images=np.zeros((1, 5, 5), dtype=np.uint8)))
    with pytest.raises(DataError, match="holds 7 images and 9 labels"):
        dataset.source.image(0)


def test_colour_images_are_refused(write):
    colour = {f"{split}_images": np.zeros((count, 5, 5, 3), dtype=np.uint8) for split, count in COUNTS.items()}
    with pytest.raises(DataError, match=r"\(9, 5, 5, 3\)"):
        read_medmnist(write(**colour)).source.image(0)


def test_experiment_on_breasts_keeps_the_publishers_split_and_needs_neither_patients_nor_subtypes(tmp_path):
    random, files = np.random.default_rng(0), {}
    for split, count in (("train", 40), ("val", 12), ("test", 16)):
        files[f"{split}_images"] = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        files[f"{split}_labels"] = (np.arange(count) % 4 > 0).astype(np.uint8)[:, None]  # one in four is malignant
    np.savez(tmp_path / "breastmnist.npz", **files)
    path = str(tmp_path / "breastmnist.npz")
    experiment = Experiment(
        name="tumours/seed-0",
        data=DataConfig(name=path, version=read_medmnist(path).version, image_size=28),
        model=CNNConfig(width=2, depth=2),
        training=TrainingConfig(epochs=1, batch_size=8),
    )
    record = run(experiment, progress=False)
    images = record.split.groupby("part")["label"].agg(["size", "sum"])
    assert images.loc[["train", "validation", "test"]].to_numpy().tolist() == [[40, 10], [12, 3], [16, 4]]
    assert len(record.scores["validation"]) == 12
    assert np.isfinite(record.scores["validation"]).all()
