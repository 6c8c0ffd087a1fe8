"""Code of the package in the pages of the book: included, not copied."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable

from pneumo.reporting.formatting import Markdown


def listing(*definitions: Callable[..., object] | type) -> Markdown:
    """The source of functions and classes as one listing, in the order given.

    >>> from pneumo.evaluation import youden_threshold
    >>> listing(youden_threshold).text.splitlines()[0]
    '```python'
    """
    sources = [textwrap.dedent(inspect.getsource(each)).strip() for each in definitions]
    return Markdown("```python\n" + "\n\n\n".join(sources) + "\n```")
