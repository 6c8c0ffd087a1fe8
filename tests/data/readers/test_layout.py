import pytest

from pneumo.data.dataset import DataError
from pneumo.data.readers.layout import find_images

PUBLISHED = [
    f"chest_xray/{split}/{folder}/{number}.jpeg"
    for split in ("test", "train", "val")
    for folder in ("NORMAL", "PNEUMONIA")
    for number in (1, 2)
]


def images(paths, same=lambda one, other: True, **options):
    return [image.name for image in find_images(paths, same, **options).images]


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
        ([], "holds no images; class folders with some are needed"),
        (["1.png", *PLAIN], r"holds 1\.png outside a class folder; .* with --labels \(labels= in Python\)"),
        (["extra/NORMAL/9.png", *PUBLISHED], "holds 2 data sets, in chest_xray and in extra; .* also in a zip"),
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
    with pytest.raises(DataError, match="no images in test/PNEUMONIA"):
        images(only_normal)
    with pytest.raises(DataError, match="no images in val/NORMAL"):
        images([path for path in PLAIN if not path.startswith("val")], folders=["val", "val/NORMAL", "val/PNEUMONIA"])


OCT = [f"OCT/{split}/{folder}/{folder}-1-1.jpeg" for split in ("train", "test") for folder in ("CNV", "DME", "NORMAL")]


@pytest.mark.parametrize("above", ["", "CellData/"])
def test_of_two_data_sets_the_one_with_the_positive_class_is_taken_and_the_other_is_named(above):
    layout = find_images([above + path for path in [*PUBLISHED, *OCT]], lambda one, other: True)
    assert [image.name for image in layout.images] == PLAIN
    assert layout.passed_over == [above + path for path in OCT]


def test_another_data_set_beside_bare_splits_is_told_apart_too():
    layout = find_images([*PLAIN, *OCT], lambda one, other: True)
    assert [image.name for image in layout.images] == PLAIN
    assert layout.passed_over == OCT


def test_the_positive_class_chooses_among_data_sets():
    eyes = [path for path in OCT if "/CNV/" not in path]
    layout = find_images([*PUBLISHED, *eyes], lambda one, other: True, positive="dme")
    assert {image.class_folder for image in layout.images} == {"DME", "NORMAL"}


def test_folders_inside_a_class_folder_are_no_other_data_set():
    inside = [f"train/PNEUMONIA/{kind}/9.png" for kind in ("bacteria", "virus")]
    with pytest.raises(DataError, match="bacteria"):
        images([*PLAIN, *inside])
