"""Draw a figure of published records for a poster, as a vector graphic.

python recipes/poster_figure.py
"""

import matplotlib.pyplot as plt

import pneumo

records = {
    "small CNN": [pneumo.records.get(f"first-network/seed-{seed}") for seed in range(5)],
    "fine-tuned EfficientNet": pneumo.records.get("model-selection/selected-model/lite0-160px-12-epochs-seed-0"),
}
with plt.rc_context({"svg.fonttype": "none"}):  # text stays text, to be edited in Inkscape
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    pneumo.plots.roc(records, part="test", ax=left)
    pneumo.plots.decision_curve(records, part="test", ax=right)
    figure.savefig("poster.svg")  # scale it up on the poster: a vector graphic stays sharp
    figure.savefig("poster.pdf")

print(pneumo.tables.results(records).to_string(index=False))
