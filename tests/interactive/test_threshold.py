"""The slider over the threshold: its numbers are those of pneumo.evaluation."""

import json

import numpy as np
import pytest
from sklearn.metrics import roc_curve
from support.pages import write_page
from support.records import make_record

from pneumo import evaluation
from pneumo.experiments import records
from pneumo.reporting import interactive

GENERATOR = np.random.default_rng(5)
LABELS = [0] * 9 + [1] * 14
LOGITS = [
    np.round(GENERATOR.normal(np.where(np.array(LABELS) == 1, 1.0, -1.0), 1.5), 1).tolist() for _ in range(2)
]  # one decimal, so that some are equal
MODELS = {
    name: make_record(scores=logits, labels=LABELS, selection={"threshold": threshold})
    for name, logits, threshold in zip(("first", "second"), LOGITS, (0.4, 0.55), strict=True)
}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    text = f"# A chapter\n\n{interactive.threshold(MODELS).text}\n"
    return write_page(tmp_path_factory.mktemp("threshold"), text)


@pytest.fixture
def opened(browser, page):
    browser.open(page)
    browser.wait("document.querySelector('[data-started]') !== null")
    return browser


def set_slider(browser, number, value):
    browser.run(
        f"(() => {{ const slider = document.querySelectorAll('input[type=range]')[{number}];"
        f" slider.value = {value}; slider.dispatchEvent(new Event('input')); }})()"
    )


def shown(browser) -> dict[str, str]:
    """The numbers on the page by name."""
    return browser.run(
        "Object.fromEntries([...document.querySelectorAll('[data-rate], [data-count]')].map((cell) =>"
        " [cell.dataset.rate ?? cell.dataset.count, (cell.querySelector('strong') ?? cell).textContent]))"
    )


def expected(name: str, threshold: float, prevalence: float) -> dict[str, str]:
    """The same by pneumo.evaluation."""
    frame = MODELS[name].frame("test")
    at_threshold = frame["label"], frame["probability"], threshold
    (tn, fp), (fn, tp) = evaluation.confusion(*at_threshold)
    sens, spec = float(evaluation.sensitivity(*at_threshold)), float(evaluation.specificity(*at_threshold))
    rates = {
        "sens": sens,
        "spec": spec,
        "ppv": float(evaluation.ppv_at_prevalence(sens, spec, prevalence)),
        # Seen from the other class: the negatives are what is looked for.
        "npv": float(evaluation.ppv_at_prevalence(spec, sens, 1 - prevalence)),
        "benefit": float(
            evaluation.net_benefit(frame["label"], frame["probability"], [threshold], prevalence).model[0]
        ),
    }
    counts = {"tn": tn, "fp": fp, "fn": fn, "tp": tp}
    return {
        **{name: f"{value:.3f}".replace("-", "−").replace("nan", "–") for name, value in rates.items()},
        **{name: str(value) for name, value in counts.items()},
    }


def test_it_starts_with_the_last_model_at_its_fixed_threshold_and_the_prevalence_of_the_images(opened):
    assert shown(opened) == expected("second", 0.55, 14 / 23) | {
        name: shown(opened)[name] for name in ("ppv", "npv", "benefit")
    }
    assert opened.run("document.querySelectorAll('output')[1].textContent") == "61.0\u202f%"  # in steps of 0.5 %
    assert opened.errors == []


@pytest.mark.parametrize(("logit", "prevalence"), [(0.0, 0.3), (-2.5, 0.05), (1.4, 0.6), (3.0, 0.6)])
def test_its_numbers_are_those_of_the_package_at_any_threshold_and_prevalence(opened, logit, prevalence):
    set_slider(opened, 0, logit)
    set_slider(opened, 1, prevalence)
    assert shown(opened) == expected("second", float(records.probabilities(logit)), prevalence)


def test_another_model_brings_its_own_threshold(opened):
    opened.run("document.querySelector('input[type=radio][value=\"0\"]').click()")
    set_slider(opened, 1, 0.3)
    assert shown(opened) == expected("first", 0.4, 0.3)


def test_the_number_of_images_that_change_sides_is_the_change_of_the_counts(opened):
    set_slider(opened, 0, -7)
    before, after = expected("second", 0.55, 0.3), expected("second", float(records.probabilities(-7)), 0.3)
    changed = sum(int(after[name]) - int(before[name]) for name in ("fp", "tp"))
    told = opened.run("document.querySelector('.w-changes p').textContent")
    assert told.startswith("Now predicted positive")
    assert sum(int(word) for word in told.split() if word.isdigit()) == changed > 0


def test_arrow_keys_move_the_threshold_and_the_button_leads_back(opened):
    opened.run("document.querySelector('input[type=range]').focus()")
    for _ in range(20):
        opened.press("ArrowRight")
    assert shown(opened) != expected("second", 0.55, 14 / 23)
    opened.run("document.querySelector('[data-widget] button').click()")
    assert opened.run("document.querySelector('output').textContent") == "0.550"


def test_the_roc_curve_is_that_of_scikit_learn(call):
    probabilities = MODELS["first"].frame("test")["probability"].tolist()
    points = call("rates.js", f"rocCurve({LABELS}, {json.dumps(probabilities)})")
    false_positives, true_positives, _ = roc_curve(LABELS, probabilities, drop_intermediate=False)
    np.testing.assert_allclose(points, np.column_stack([false_positives, true_positives]))


@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_does_not_scroll_sideways(browser, page, width):
    browser.open(page, width=width)
    browser.wait("document.querySelector('[data-started]') !== null")
    assert browser.run("document.documentElement.scrollWidth") <= width


def test_nothing_is_asked_of_another_server(browser, page):
    browser.open(page)
    assert [address for address in browser.requests if not address.startswith(("file:", "data:"))] == []
