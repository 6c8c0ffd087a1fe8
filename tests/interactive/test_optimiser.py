"""The valley with sliders: the same paths as the package's, which are PyTorch's."""

import numpy as np
import pytest
import torch
from support.pages import write_page

from pneumo.analysis import toy_optimisation
from pneumo.reporting import interactive

SETTINGS = {
    "steps": 40,
    "start": list(toy_optimisation.INITIAL_WEIGHTS),
    "curvatures": list(toy_optimisation.CURVATURES),
}


def path(call, name, rate, momentum):
    options = ", ".join(f"{key}: {value}" for key, value in {"rate": rate, "momentum": momentum, **SETTINGS}.items())
    return np.array(call("optimisers.js", f'optimiserPath("{name}", {{ {options} }})'))


@pytest.mark.parametrize("name", interactive.OPTIMISER_RATES)
@pytest.mark.parametrize("rate", [0.003, 0.07])
def test_the_path_is_that_of_the_package(call, name, rate):
    expected = toy_optimisation.optimizer_path(name, rate, steps=40)
    np.testing.assert_allclose(path(call, name, rate, 0.9), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "build"),
    [
        ("momentum", lambda weights: torch.optim.SGD([weights], lr=0.02, momentum=0.5)),
        ("nesterov", lambda weights: torch.optim.SGD([weights], lr=0.02, momentum=0.5, nesterov=True)),
        ("adam", lambda weights: torch.optim.Adam([weights], lr=0.02, betas=(0.5, 0.999))),
        ("adamw", lambda weights: torch.optim.AdamW([weights], lr=0.02, betas=(0.5, 0.999))),
    ],
)
def test_another_momentum_is_that_of_pytorch(call, name, build):
    weights = torch.nn.Parameter(torch.tensor(toy_optimisation.INITIAL_WEIGHTS, dtype=torch.float64))
    optimizer = build(weights)
    for _ in range(40):
        optimizer.zero_grad()
        toy_optimisation.quadratic_loss(weights).backward()
        optimizer.step()
    np.testing.assert_allclose(path(call, name, 0.02, 0.5)[-1], weights.detach().numpy(), rtol=1e-9, atol=1e-12)


def test_the_page_draws_a_dot_for_each_step_and_says_where_the_loss_ends(browser, tmp_path):
    browser.open(write_page(tmp_path, f"# A chapter\n\n{interactive.optimiser().text}\n"))
    browser.wait("document.querySelector('[data-started]') !== null")
    assert browser.run("document.querySelectorAll('.w-step').length") == 41
    last = toy_optimisation.optimizer_path("momentum", 0.02)[-1]
    told = browser.run("document.querySelector('.w-result').textContent")
    assert told == f"After 40 steps the loss has fallen from 26 to {toy_optimisation.quadratic_loss(last):.2g}."
    assert browser.errors == []


def test_plain_sgd_has_no_momentum_to_set(browser, tmp_path):
    browser.open(write_page(tmp_path, f"# A chapter\n\n{interactive.optimiser().text}\n"))
    browser.run("document.querySelector('input[value=sgd]').click()")
    assert browser.run("[...document.querySelectorAll('.w-slider')].map((row) => row.hidden)") == [False, True]
