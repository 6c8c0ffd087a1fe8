import pytest

from pneumo.data.dataset import DataError
from pneumo.data.readers.layout import find_images

PUBLISHED = [
    f"chest_xray/{split}/{folder}/{number}.jpeg"
    for split in ("test", "train", "val")
    for folder in ("NORMAL", "PNEUMONIA")
    for number in (1, 2)
]


def images(paths, same=lambda one, other: True):
    return [image.name for image in find_images(paths, same)]


PLAIN = [path.removeprefix("chest_xray/") for path in PUBLISHED]


def test_published_layout_is_named_by_split_and_class():
    assert images(PUBLISHED) == PLAIN


@pytest.mark.parametrize("missing", [("val",), ("test",), ("val", "test")])
def test_splits_may_be_missing(missing):
    kept = [path for path in PLAIN if path.split("/")[0] not in missing]
    assert images(kept) == kept


def test_nested_folder_has_the_same_names():
    assert images([f"chest_xray/{path}" for path in PUBLISHED]) == PLAIN


def test_tree_that_is_there_twice_counts_once():
    assert images([*PUBLISHED, *(f"chest_xray/{path}" for path in PUBLISHED)]) == PLAIN


def test_two_images_of_one_name_are_refused_by_both_paths():
    doubled = [*PUBLISHED, *(f"chest_xray/{path}" for path in PUBLISHED)]
    with pytest.raises(DataError, match=r"chest_xray/test/NORMAL/1.jpeg and chest_xray/chest_xray/test/NORMAL/1.jpeg"):
        images(doubled, same=lambda one, other: False)


def test_litter_is_left_out():
    litter = [
        "__MACOSX/chest_xray/train/NORMAL/._1.jpeg",
        "chest_xray/train/NORMAL/._1.jpeg",
        "chest_xray/train/.DS_Store",
        "chest_xray/test/NORMAL/Thumbs.db",
        "chest_xray/train/.ipynb_checkpoints/1.jpeg",
    ]
    assert images([*PUBLISHED, *litter]) == PLAIN


@pytest.mark.parametrize("suffix", [".jpg", ".JPG", ".png", ".Jpeg"])
def test_suffixes_of_any_case_are_images(suffix):
    paths = [path.replace(".jpeg", suffix) for path in PLAIN]
    assert images(paths) == paths


def test_other_names_and_cases_of_the_folders_are_known():
    mixed = ["Train/Normal/1.png", "TRAIN/Pneumonia/1.png", "validation/normal/1.png", "Valid/pneumonia/1.png"]
    assert images(mixed) == ["train/NORMAL/1.png", "train/PNEUMONIA/1.png", "val/NORMAL/1.png", "val/PNEUMONIA/1.png"]


def test_class_folders_alone_are_train():
    assert images(["benign/a.png", "malignant/b.png"]) == ["train/benign/a.png", "train/malignant/b.png"]


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (["README.md", "train/NORMAL/scan.txt"], r"holds no \.jpeg/\.jpg/\.png images"),
        (["1.png", *PLAIN], r"holds 1\.png outside a class folder"),
        (["extra/NORMAL/9.png", *PUBLISHED], "holds two data sets, in chest_xray and in extra"),
        (["NORMAL/9.png", *PLAIN], "holds 1 image.* outside its train, val and test folders, first NORMAL/9.png"),
        (["train/COVID/9.png", *PLAIN], r"3 class folder\(s\): COVID, NORMAL, PNEUMONIA"),
        (["train/NORMAL/9.png"], r"1 class folder\(s\): NORMAL"),
        (["train/PNEUMONIA/bacteria/9.png", *PLAIN], "bacteria"),
    ],
)
def test_another_layout_is_refused_by_what_was_found(paths, message):
    with pytest.raises(DataError, match=message):
        images(paths)


def test_class_folder_without_images_is_refused():
    only_normal = [path for path in PLAIN if not path.startswith("test/PNEUMONIA")]
    with pytest.raises(DataError, match=r"no .* images in test/PNEUMONIA"):
        images(only_normal)
    with pytest.raises(DataError, match=r"no .* images in val/NORMAL"):
        images(["val/", "val/NORMAL/", "val/PNEUMONIA/", *(path for path in PLAIN if not path.startswith("val"))])
