import numpy as np
from PIL import Image
from support.archives import encoded

from pneumo import data
from pneumo.analysis.file_audit import header_aucs


def test_a_width_that_tells_the_classes_apart_is_found(tmp_path):
    """Positive files are wider, but for one of four: three of four pairs with each negative are in order, and the pair
    of equal widths counts half. Heights are the same for all and are left out."""
    widths = {"NORMAL": [20, 20], "PNEUMONIA": [30, 30, 30, 20]}
    for name, each in widths.items():
        (tmp_path / name).mkdir()
        for number, width in enumerate(each):
            image = Image.fromarray(np.full((16, width), 90, np.uint8))
            (tmp_path / name / f"{number}.png").write_bytes(encoded(image, "PNG"))
    frame = header_aucs(read(tmp_path))
    assert set(frame["header field"]) == {"width", "width / height", "bytes a pixel"}
    assert frame.set_index("header field").loc["width", "AUC"].estimate == (3 + 0.5) / 4


def test_a_field_that_runs_the_other_way_is_turned_round(tmp_path):
    for name, width in (("NORMAL", 30), ("PNEUMONIA", 20)):
        (tmp_path / name).mkdir()
        for number in range(2):
            image = Image.fromarray(np.full((16, width), 90, np.uint8))
            (tmp_path / name / f"{number}.png").write_bytes(encoded(image, "PNG"))
    frame = header_aucs(read(tmp_path)).set_index("header field")
    assert frame.loc["width", "AUC"].estimate == 1


def read(folder) -> data.Dataset:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the names tell no patients
        return data.load(folder)
