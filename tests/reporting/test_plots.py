"""What a figure shows, read back from its artists."""

import os
import subprocess
import sys
from dataclasses import replace

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from support.records import make_record

from pneumo import plots
from pneumo.evaluation import Interval
from pneumo.experiments.config import DataConfig
from pneumo.models.summary import Layer
from pneumo.reporting.plots.style import BLUE, INK

LABELS = [0, 0, 0, 0, 1, 1, 1, 1, 1]
SUBTYPES = ["normal"] * 4 + ["virus", "virus", "bacteria", "bacteria", "bacteria"]
SCORES = np.array([-3.0, -1, 1, -2, -0.5, 2, 3, 1.5, 4])
# Above a probability of 0.5 (score 0): one of four normal images, and four of five with pneumonia.


def record(scores=SCORES, *, epochs=4, kept=2):
    history = [
        {
            "epoch": epoch,
            "train_loss": 1 / epoch,
            "train_accuracy": 1 - 0.2 / epoch,
            "validation_loss": 2 / epoch,
            "validation_accuracy": 1 - 0.5 / epoch,
        }
        for epoch in range(1, epochs + 1)
    ]
    made = make_record(scores=scores, labels=LABELS, selection={"epoch": kept}, history=history)
    return replace(made, split=made.split.assign(subtype=SUBTYPES))


def layer(kind, shape, parameters=0, multiply_adds=0):
    return Layer(name=kind, kind=kind, output_shape=shape, parameters=parameters, multiply_adds=multiply_adds)


NETWORK = [
    layer("Conv2d", (16, 64, 64), 144, 589_824),
    layer("BatchNorm2d", (16, 64, 64), 32),
    layer("ReLU", (16, 64, 64)),
    layer("MaxPool2d", (16, 32, 32)),
    layer("Linear", (1,), 17, 16),
]


def texts(ax):
    return [text.get_text() for text in ax.texts]


def drawn(ax, *, colour):
    """Data of the lines of one colour, thin ones first."""
    lines = [line for line in ax.lines if line.get_color() == colour]
    return [line.get_xydata() for line in sorted(lines, key=lambda line: line.get_linewidth())]


PLOTS_OF_RECORDS = {
    "roc": lambda ax: plots.roc([record()], ax=ax),
    "precision_recall": lambda ax: plots.precision_recall([record()], ax=ax),
    "confusion_matrix": lambda ax: plots.confusion_matrix(record(), ax=ax),
    "reliability_diagram": lambda ax: plots.reliability_diagram([record()], ax=ax),
    "decision_curve": lambda ax: plots.decision_curve([record()], ax=ax),
    "forest_plot": lambda ax: plots.forest_plot({"cnn": Interval(0.9, 0.8, 0.95)}, label="AUC", ax=ax),
    "architecture": lambda ax: plots.architecture(NETWORK, ax=ax),
}


@pytest.mark.parametrize("plot", PLOTS_OF_RECORDS.values(), ids=PLOTS_OF_RECORDS)
def test_a_plot_draws_on_the_axes_it_is_given(plot):
    _, ax = plt.subplots()
    assert plot(ax) is ax
    assert plt.get_fignums() == [ax.figure.number]


@pytest.mark.parametrize("plot", PLOTS_OF_RECORDS.values(), ids=PLOTS_OF_RECORDS)
def test_a_plot_makes_one_figure_where_it_is_given_none_and_leaves_the_style_alone(plot):
    before = dict(matplotlib.rcParams)
    plot(None).figure.canvas.draw()
    assert len(plt.get_fignums()) == 1
    assert dict(matplotlib.rcParams) == before


NOTEBOOK = """
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
shell = InteractiveShell.instance()
for cell in ("from pneumo import plots", "plots.new_axes(1.0);", "plots.new_axes(1.0);"):
    with capture_output() as captured:
        shell.run_cell(cell).raise_error()
    print(len(captured.outputs))
"""


def test_importing_plots_chooses_no_backend():
    script = "import matplotlib; from pneumo import plots; print(matplotlib.get_backend(auto_select=False))"
    environment = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    assert run_python(script, environment) == "None"


def test_a_notebook_shows_the_figure_of_every_cell():
    inline = {**os.environ, "MPLBACKEND": "module://matplotlib_inline.backend_inline"}
    assert run_python(NOTEBOOK, inline).split() == ["0", "1", "1"]


def run_python(script: str, environment: dict[str, str]) -> str:
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


# Training ------------------------------------------------------------------------------------------------------------


def test_learning_curves_mark_the_epoch_that_was_kept():
    loss, accuracy = plots.learning_curves([record(kept=3)])
    dots = [line.get_xydata().tolist() for ax in (loss, accuracy) for line in ax.lines if line.get_marker() == "o"]
    assert dots == [[[3, pytest.approx(2 / 3)]], [[3, pytest.approx(1 - 0.5 / 3)]]]


def test_the_mean_of_the_seeds_ends_with_the_first_that_stopped():
    loss, _ = plots.learning_curves([record(epochs=3), record(epochs=6)])
    thick = [line.get_xydata() for line in loss.lines if line.get_linewidth() == 2]
    assert [line[:, 0].tolist() for line in thick] == [[1, 2, 3]] * 2
    assert thick[1][:, 1] == pytest.approx([2, 1, 2 / 3])


def test_a_record_without_epochs_has_no_learning_curves():
    with pytest.raises(ValueError, match="test/seed-0: there is no history"):
        plots.learning_curves([record(epochs=0)])


# Results -------------------------------------------------------------------------------------------------------------


def test_roc_ring_lies_at_the_records_threshold_on_the_curve():
    ax = plots.roc({"cnn": [record()]})
    curve, ring = drawn(ax, colour=BLUE)[-2:]
    assert ring.tolist() == [[pytest.approx(1 / 4), pytest.approx(4 / 5)]]
    assert np.abs(curve - ring).sum(axis=1).min() < 0.005  # the curve is drawn on a grid of 0.002


@pytest.mark.parametrize("labels", [["SGD", "Adam", "AdamW"], ["a long name of a group"] * 7])
def test_a_shared_legend_is_no_wider_than_its_figure(labels):
    ax = plots.new_axes(2.0)[0, 0]
    for label in labels:
        ax.plot([0, 1], label=label)
    plots.shared_legend(ax)
    (legend,) = ax.figure.legends
    ax.figure.draw_without_rendering()
    assert legend.get_window_extent().width <= ax.figure.bbox.width


def test_roc_legend_gives_the_mean_auc_of_the_seeds():
    # Of 20 pairs the score 1 beats the ill image at -0.5 only, and -0.5 is below nothing else: 19 of 20; reversed 1.
    ax = plots.roc({"cnn": [record(), record(-SCORES)]})
    assert [text.get_text() for text in ax.get_legend().texts] == ["cnn: AUC 0.500"]
    ax = plots.roc([record()])
    assert [text.get_text() for text in ax.get_legend().texts] == ["AUC 0.950"]


def test_precision_recall_starts_at_one_and_ends_at_the_prevalence():
    curve = drawn(plots.precision_recall([record(np.zeros(9))]), colour=BLUE)[0]
    assert curve[0].tolist() == [0, 1]
    assert curve[-1].tolist() == [1, pytest.approx(5 / 9)]


def test_confusion_matrix_shows_counts_and_shares_of_the_true_class():
    shown = texts(plots.confusion_matrix(record()))
    assert shown == ["3", "75.0\u202f%", "1", "25.0\u202f%", "1", "20.0\u202f%", "4", "80.0\u202f%"]


def ticks(ax):
    return [label.get_text() for label in (*ax.get_xticklabels(), *ax.get_yticklabels())]


def of_breasts():
    """A record of a data set with classes of its own, and without sub-types."""
    data = DataConfig(name="breastmnist", version="780-0")
    return replace(
        record(), experiment=replace(record().experiment, data=data), split=record().split.assign(subtype="")
    )


def test_classes_have_the_names_of_the_records_data_set():
    assert ticks(plots.confusion_matrix(record())) == [
        *("predicted\nnormal", "predicted\npneumonia"),
        *("normal\n(n = 4)", "pneumonia\n(n = 5)"),
    ]
    assert ticks(plots.confusion_matrix(of_breasts())) == [
        *("predicted\nnormal or benign", "predicted\nmalignant"),
        *("normal or\nbenign\n(n = 4)", "malignant\n(n = 5)"),
    ]
    assert plots.reliability_diagram([record()]).get_ylabel() == "observed share of pneumonia"
    assert plots.reliability_diagram([of_breasts()]).get_ylabel() == "observed share of malignant"
    assert plots.roc([record()]).get_xlabel() == "1 − specificity: share of normal predicted positive"
    assert "of normal or benign predicted" in plots.roc([of_breasts()]).get_xlabel().replace("\n", " ")


def test_classes_have_the_names_that_are_given():
    classes = ("tumour-free", "tumour")
    assert ticks(plots.confusion_matrix(record(), classes=classes))[:2] == [
        "predicted\ntumour-free",
        "predicted\ntumour",
    ]
    assert plots.reliability_diagram([record()], classes=classes).get_ylabel() == "observed share of tumour"
    assert "of tumour-free predicted" in plots.roc([record()], classes=classes).get_xlabel()
    train, _ = plots.header_histograms(WIDTHS, "width", classes=classes)
    assert [text.get_text() for text in train.figure.axes[-1].get_legend().texts] == list(classes)


def test_no_label_of_a_confusion_matrix_touches_another():
    ax = plots.confusion_matrix(of_breasts())
    ax.figure.canvas.draw()
    boxes = [label.get_window_extent() for label in (*ax.get_xticklabels(), *ax.get_yticklabels())]
    assert not any(boxes[i].overlaps(boxes[j]) for i in range(4) for j in range(i))
    assert min(box.x0 for box in boxes) >= 0


def test_reliability_diagram_puts_the_observed_share_over_the_mean_probability():
    ax = plots.reliability_diagram([record(np.log(np.repeat([1 / 4, 3], [4, 5])))])
    points = drawn(ax, colour=BLUE)[0]
    assert points == pytest.approx(np.array([[0.2, 0], [0.75, 1]]))


@pytest.mark.parametrize("plot", [plots.roc, plots.precision_recall, plots.decision_curve])
def test_seeds_are_thin_lines_under_their_mean(plot):
    first, second, mean = drawn(plot([record(), record(SCORES[::-1])]), colour=BLUE)[:3]
    assert mean[:, 1] == pytest.approx((first[:, 1] + second[:, 1]) / 2)


def test_reliability_of_seeds_pools_their_images():
    # The ill images get 0.75 from one seed and 0.25 from the other, the normal ones 0.25 from both.
    seeds = [record(np.log(np.repeat([1 / 3, odds], [4, 5]))) for odds in (3, 1 / 3)]
    *_, pooled = drawn(plots.reliability_diagram(seeds), colour=BLUE)
    assert pooled == pytest.approx(np.array([[0.25, 5 / 13], [0.75, 1]]))


def test_decision_curve_of_a_perfect_model_is_the_prevalence():
    perfect = record(np.where(np.array(LABELS) == 1, 40.0, -40.0))
    curve = drawn(plots.decision_curve([perfect], prevalence=0.3), colour=BLUE)[0]
    assert curve[:, 1] == pytest.approx(0.3)


def test_forest_writes_each_interval_beside_its_dot():
    ax = plots.forest_plot({"a": Interval(0.9, 0.8, 0.95), "b": Interval(0.7, 0.6, 0.8)}, label="AUC")
    assert texts(ax) == ["0.90 (0.80–0.95)", "0.70 (0.60–0.80)"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    assert ax.yaxis_inverted()


def test_more_models_than_colours_are_refused():
    with pytest.raises(ValueError, match="7 models"):
        plots.roc({str(i): [record()] for i in range(7)})


def test_a_model_without_records_is_refused():
    with pytest.raises(ValueError, match="no record"):
        plots.roc({"cnn": []})


# Headers -------------------------------------------------------------------------------------------------------------

WIDTHS = pd.DataFrame(
    {
        "part": ["train"] * 4 + ["test"] * 4,
        "label": [0, 0, 1, 1] * 2,
        "width": [1500, 1600, 1000, 1100, 1000, 1600, 1100, 1700],
    }
)


def test_header_histograms_show_shares_of_each_class():
    train, _ = plots.header_histograms(WIDTHS, "width", bins=2)
    # 1000 to 1350 and 1350 to 1700: each class lies whole in one bin. The last two outlines are normal and pneumonia.
    outlines = [patch.get_data().values.tolist() for patch in train.patches if patch.get_label()]
    assert outlines == [[0, 1], [1, 0]]


def test_header_auc_on_test_keeps_the_direction_of_train():
    axes = plots.header_histograms(WIDTHS, "width")
    # On train every ill image is narrower; on test only 1100 < 1600 of the four pairs goes that way.
    assert [ax.get_title(loc="left") for ax in axes] == ["training: AUC 1.000", "test: AUC 0.250"]


@pytest.mark.parametrize(
    ("frame", "column", "message"),
    [
        (WIDTHS, "label", "field='label' is no field of a file's header"),
        (WIDTHS.assign(jpeg_quality=[np.nan] * 3 + [75] * 5), "jpeg_quality", "3 of 8 images have no jpeg_quality"),
    ],
)
def test_header_columns_that_cannot_be_drawn_are_named(frame, column, message):
    with pytest.raises(ValueError, match=message):
        plots.header_histograms(frame, column)


# Images --------------------------------------------------------------------------------------------------------------


def test_gallery_shows_grey_levels_unstretched_with_captions():
    dim = np.full((2, 6, 4), 90, dtype=np.uint8)
    axes = plots.gallery(dim, ["a", "b"], columns=5)
    assert axes.shape == (1, 2)
    assert [ax.get_title(loc="left") for ax in axes.flat] == ["a", "b"]
    assert axes[0, 0].images[0].get_clim() == (0, 255)


def test_most_confident_errors_shows_the_surest_errors_of_either_class():
    rows = {image: row for row, image in enumerate(record().frame("test")["image"])}
    axes = plots.most_confident_errors(
        [record()], lambda image, _: np.full((4, 4), rows[image], dtype=np.uint8), columns=2
    )
    shown = [[int(ax.images[0].get_array()[0, 0]) for ax in row] for row in axes]
    # Normal images by falling score: 1 (image 2), -1 (image 1). Ill ones by rising: -0.5 (image 4), 1.5 (image 7).
    assert shown == [[2, 1], [4, 7]]
    assert axes[1, 0].get_title(loc="left") == "virus: 0.378"


def test_most_confident_errors_names_the_class_of_an_image_without_a_sub_type():
    axes = plots.most_confident_errors([of_breasts()], lambda image, _: np.zeros((4, 4), np.uint8), columns=1)
    titles = [ax.get_title(loc="left") for ax in axes.flat]
    assert titles == ["normal or benign: 0.731", "malignant: 0.378"]  # logits 1 and -0.5


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((0, 4, 4), dtype=np.uint8), "no images"),
        (np.zeros((1, 4, 4, 2), dtype=np.uint8), r"\(4, 4, 2\) uint8"),
        (np.zeros((1, 4, 4)), "float64"),
    ],
)
def test_gallery_refuses_what_is_no_image(images, message):
    with pytest.raises(ValueError, match=message):
        plots.gallery(images)


def test_a_gallery_shows_colours_as_they_are():
    picture = np.zeros((4, 4, 3), dtype=np.uint8)
    picture[..., 0] = 200
    axes = plots.gallery([picture])
    assert np.array_equal(axes[0, 0].images[0].get_array(), picture)


def test_scaled_grey_levels_run_from_black_at_nothing_to_white_at_the_largest():
    assert plots.scale_to_uint8(np.array([[0.0, 1.0], [2.0, 4.0]])).tolist() == [[0, 64], [128, 255]]
    assert plots.scale_to_uint8(np.zeros((2, 2))).tolist() == [[0, 0], [0, 0]]


def test_most_confident_errors_averages_the_probabilities_of_the_seeds():
    axes = plots.most_confident_errors(
        [record(SCORES), record(-SCORES)], lambda image, _: np.zeros((4, 4), np.uint8), columns=2
    )
    assert {ax.get_title(loc="left").split(": ")[1] for ax in axes.flat} == {"0.500"}


# Architecture --------------------------------------------------------------------------------------------------------


def test_architecture_names_every_layer_under_the_shape_it_gives():
    cost, *labels = texts(plots.architecture(NETWORK, input_shape=(1, 64, 64)))[::-1]
    assert labels[::-1] == [
        *("64 × 64 × 1", "input"),
        *("64 × 64 × 16", "convolution\nbatch norm\nReLU"),
        *("32 × 32 × 16", "max pool"),
        *("1", "linear"),
    ]
    assert cost == "193 parameters, 0.6 million multiply-adds an image"


@pytest.mark.parametrize("blocks", [4, 11, 23])
def test_no_label_of_an_architecture_touches_another_even_at_224_pixels(blocks):
    ax = plots.architecture([layer("Conv2d", (256, 224, 224))] * blocks)
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    overlaps = [(i, j) for i in range(len(boxes)) for j in range(i) if boxes[i].overlaps(boxes[j])]
    assert overlaps == []
    assert min(text.get_fontsize() for text in ax.texts) >= 6.5


def test_an_architecture_needs_a_layer():
    with pytest.raises(ValueError, match="no layers"):
        plots.architecture([])


# Runtime --------------------------------------------------------------------------------------------------------------


def runtime_frame() -> pd.DataFrame:
    epoch = [("epoch", "images", 1000, 1.0, 0.9, 1.2), ("epoch", "images", 100, 0.2, 0.2, 0.2)]
    rows = [*epoch, ("bootstrap", "n", 10, 3, 2, 4)]
    return pd.DataFrame(rows, columns=["curve", "quantity", "amount", "seconds", "low", "high"])


def test_runtime_scaling_draws_each_curve_in_the_order_of_the_amount_beside_proportional_growth():
    axes = plots.runtime_scaling(runtime_frame())
    proportional, measured = axes[0, 0].lines
    assert measured.get_xydata().tolist() == [[100, 0.2], [1000, 1.0]]
    assert proportional.get_xydata().tolist() == [[100, 0.1], [1000, 1.0]]
    assert [ax.get_title(loc="left") for ax in axes.flat] == ["epoch", "bootstrap"]


def test_runtime_scaling_without_points_names_the_command_that_measures_them():
    with pytest.raises(ValueError, match="python -m benchmarks scaling"):
        plots.runtime_scaling(runtime_frame().iloc[:0])


def test_a_caption_of_two_lines_has_room_for_both():
    images = np.zeros((2, 8, 8), np.uint8)
    one, two = (plots.gallery(images, [caption] * 2)[0, 0].figure.get_figheight() for caption in ("a", "a\nb"))
    assert two == pytest.approx(one + 0.2)


def test_sensitivity_falls_and_specificity_rises_with_the_threshold_of_each_model():
    axes = plots.threshold_curves({"one": record(), "other": record(-SCORES)})
    assert [ax.get_title(loc="left") for ax in axes] == ["one", "other"]
    specificity, sensitivity, own = axes[0].lines
    assert (specificity.get_label(), sensitivity.get_label()) == ("specificity", "sensitivity")
    assert (np.diff(specificity.get_ydata()) >= 0).all()
    assert (np.diff(sensitivity.get_ydata()) <= 0).all()
    middle = np.abs(specificity.get_xdata() - 0.5).argmin()
    assert specificity.get_xdata()[middle] == pytest.approx(0.5)
    assert (specificity.get_ydata()[middle], sensitivity.get_ydata()[middle]) == (0.75, 0.8)
    assert own.get_xdata()[0] == record().threshold


def test_models_of_several_records_have_no_one_threshold():
    with pytest.raises(ValueError, match="the model has 2 records"):
        plots.threshold_curves([record(), record()])


def test_counts_of_a_confusion_matrix_can_be_read_on_every_shade():
    ax = plots.confusion_matrix(record([-1] * 4 + [1] * 5))  # cells of 100 % and of 0 %
    (cells,) = ax.collections
    shades = cells.to_rgba(cells.get_array()).reshape(-1, 4)
    assert {text.get_color() for text in ax.texts} == {INK}
    assert min(contrast(shade, INK) for shade in shades) > 4.5


def contrast(one, other):
    """Of two colours, by WCAG 2."""
    low, high = sorted(0.05 + luminance(colour) for colour in (one, other))
    return high / low


def luminance(colour):
    channels = np.array(matplotlib.colors.to_rgb(colour))
    linear = np.where(channels <= 0.03928, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))
