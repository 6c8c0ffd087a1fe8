"""One browser for all tests of this folder; they are skipped where there is none."""

import pytest
from support.browser import Browser, running_browser
from support.pages import joined

pytestmark = pytest.mark.timeout(0)


@pytest.fixture(scope="session")
def browser(tmp_path_factory) -> Browser:
    with running_browser(tmp_path_factory.mktemp("browser")) as browser:
        yield browser


@pytest.fixture
def call(browser):
    """Calls a function of a module: call("rates.js", "sensitivity({ tp: 1, fn: 1 })") -> 0.5."""
    return lambda module, expression: browser.run(joined(module, expression))
