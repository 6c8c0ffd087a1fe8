"""AUC on perturbed and on occluded images."""

from support.records import make_record

from pneumo import plots
from pneumo.analysis import robustness, summaries

ONE_WRONG, REVERSED = [-2, 1.5, 1, 2], [2, 1, -1, -2]


def test_robustness_begins_with_images_as_they_are():
    perturbed = {("cnn", "blur", 2.0): make_record(scores=ONE_WRONG)}
    frame = robustness.auc_by_perturbation(perturbed, {"cnn": [make_record()]})
    blur = frame[frame["perturbation"] == "blur"]
    assert blur[["level", "test_auc"]].values.tolist() == [[0.0, 1.0], [2.0, 0.75]]
    assert len(frame) == 6  # five perturbations at the level of none, and one blur


def test_occlusions_stand_beside_the_whole_image():
    occluded = {
        ("cnn", "without-lungs"): make_record(scores=ONE_WRONG),
        ("cnn", "border"): make_record(scores=REVERSED),
        ("cnn", "shuffled"): make_record(),
    }
    row = robustness.auc_by_occlusion(occluded, {"cnn": make_record()}).iloc[0]
    assert row.to_dict() == {"network": "cnn", "whole": 1.0, "without-lungs": 0.75, "border": 0.0, "shuffled": 1.0}


def test_networks_together_are_judged_by_their_mean_logit():
    together = [make_record(scores=[-4.0, 0, 1, 2]), make_record(scores=[0, 0.5, -0.5, 2])]
    assert summaries.ensemble_auc(together) == 0.875  # the means are -2, 0.25, 0.25 and 2: one pair is tied


def test_robustness_curves_run_from_unperturbed_images_on_the_left():
    frame = robustness.auc_by_perturbation(
        {("cnn", "jpeg", 5.0): make_record(scores=ONE_WRONG)}, {"cnn": [make_record()]}
    )
    axes = plots.robustness_curves(frame)
    jpeg = axes[1, 1]
    assert jpeg.xaxis_inverted()
    assert not axes[0, 0].xaxis_inverted()
    assert jpeg.lines[0].get_xydata().tolist() == [[5.0, 0.75], [100.0, 1.0]]
