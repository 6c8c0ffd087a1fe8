import numpy as np
from PIL import Image

from pneumo import data
from pneumo.data.decode import resize_to_square


def write_archive(root, levels: dict[str, int]) -> None:
    for name, level in levels.items():
        path = root / "chest_xray" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((40, 60), level, np.uint8)).save(path, format="PNG")


def test_an_image_that_is_here_is_shown_by_its_name(tmp_path, monkeypatch, recwarn):
    write_archive(tmp_path, {"train/NORMAL/IM-0001-0001.png": 50, "train/PNEUMONIA/person1_virus_1.png": 200})
    monkeypatch.setenv("PNEUMO_DATA", str(tmp_path))
    examples = data.Examples(size=32)
    assert "not chest-xray as published" in str(recwarn.pop(UserWarning).message)
    assert not examples.synthetic
    shown = examples("train/PNEUMONIA/person1_virus_1.png", "virus")
    assert shown.shape == (32, 32)
    assert (shown == 200).all()
    assert "train/PNEUMONIA/person1_virus_1.png" in examples
    assert "train/PNEUMONIA/person2_virus_2.png" not in examples  # a phantom would be shown


def test_an_image_that_is_not_here_is_stood_for_by_a_phantom_of_its_sub_type(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    examples = data.Examples(size=32)
    assert examples.synthetic
    assert examples.dataset.table["image"][0] not in examples
    shown = examples("test/PNEUMONIA/person1_virus_6.jpeg", "virus")
    assert np.array_equal(shown, examples("test/PNEUMONIA/person1_virus_6.jpeg", "virus"))
    viral = examples.dataset.table.index[examples.dataset.table["subtype"] == "virus"]
    drawn = [resize_to_square(examples.dataset.source.image(row, 32), 32, "stretch") for row in viral]
    assert any(np.array_equal(shown, image) for image in drawn)
