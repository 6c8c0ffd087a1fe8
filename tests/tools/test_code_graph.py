"""What code can reach, on packages of a few lines."""

import textwrap
from pathlib import Path

import pytest

from tools.code_graph import CodeGraph, Definition, Source


def graph(modules: dict[str, str], **options: object) -> CodeGraph:
    """A graph of modules by name. Packages are those that have others below them."""
    sources = {
        name: Source(
            path=Path(name),
            text=textwrap.dedent(text),
            package=any(other.startswith(f"{name}.") for other in modules),
        )
        for name, text in modules.items()
    }
    return CodeGraph(sources, **options)


def reached(code: str, modules: dict[str, str]) -> set[str]:
    """The named definitions that `code` reaches, "module:name"."""
    return {f"{each.module}:{each.name}" for each in graph(modules).reach(code) if each.name}


TWO = """\
def one():
    return helper()

def two():
    return 2

def helper():
    return 1
"""


@pytest.mark.parametrize(
    "code",
    [
        "import p.a; p.a.one()",
        "import p.a as a; a.one()",
        "from p import a; a.one()",
        "from p.a import one; one()",
        "from p.a import one as first; first()",
        "import p; p.a.one()",
        "import p\n[p.a.one() for x in range(3)]",
        "from p import a\nmap(a.one, [])",
    ],
)
def test_only_the_definition_that_is_named_is_reached_and_what_it_calls(code):
    assert reached(code, {"p": "", "p.a": TWO}) == {"p.a:one", "p.a:helper"}


@pytest.mark.parametrize("code", ["from p import a; f(a)", "import p.a; getattr(p.a, name)", "import p; p.a.unknown()"])
def test_a_module_as_a_value_and_an_unknown_attribute_stand_for_the_whole_module(code):
    assert reached(code, {"p": "", "p.a": TWO, "p.b": "other = 1"}) == {"p.a:one", "p.a:two", "p.a:helper"}


def test_a_package_as_a_value_stands_for_all_its_modules():
    assert reached("import p; f(p)", {"p": "", "p.a": "x = 1", "p.b.c": "y = 1", "p.b": ""}) == {"p.a:x", "p.b.c:y"}


def test_an_import_inside_a_function_is_followed():
    modules = {"p": "", "p.a": "def f():\n    from p.b import g\n    return g()", "p.b": "def g(): ...\ndef h(): ..."}
    assert reached("from p.a import f; f()", modules) == {"p.a:f", "p.b:g"}


@pytest.mark.parametrize(
    "table",
    [
        "attach(__name__, submodules=['deep'], submod_attrs={'deep.a': ['f']})",
        "attach(__name__, ['deep'], {'deep.a': ['f']})",
    ],
)
def test_names_that_lazy_loader_gives_lead_to_their_modules(table):
    modules = {
        "p": f"import lazy_loader\n__getattr__, __dir__, __all__ = lazy_loader.{table}",
        "p.deep": "",
        "p.deep.a": "def f(): ...\ndef g(): ...",
    }
    assert reached("import p; p.f()", modules) == {"p.deep.a:f"}
    assert reached("from p import deep; deep.a.g()", modules) == {"p.deep.a:g"}


def test_names_of_a_stub_lead_to_their_modules():
    attach = "import lazy_loader\n__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)"
    stub = "from . import a as a\nfrom .a import f as f\n__all__ = ['a', 'f']"
    sources = {
        "p": Source(Path("p"), attach, package=True, stub=stub),
        "p.a": Source(Path("a"), "def f(): ...\ndef g(): ...", package=False),
    }
    assert {each for each in CodeGraph(sources).reach("import p; p.f()") if each.name} == {Definition("p.a", "f")}


def test_a_table_of_short_names_leads_to_the_modules():
    modules = {
        "p": "SHORT = {'plots': 'deep.plots'}\ndef __getattr__(name): return import_module(SHORT[name])",
        "p.deep": "",
        "p.deep.plots": "def roc(): ...\ndef worst(): ...",
    }
    assert reached("from p import plots; plots.roc()", modules) == {"p.deep.plots:roc"}


def test_a_function_that_stands_where_its_module_has_the_same_name_is_the_function():
    modules = {
        "p": "from p.optimizers import optimizers",
        "p.optimizers": "def optimizers(): return RATES\nRATES = 1\nunused = 2",
    }
    assert reached("import p; p.optimizers()", modules) == {"p.optimizers:optimizers", "p.optimizers:RATES"}


def test_relative_imports_are_resolved():
    modules = {"p": "", "p.q": "from .a import f\nfrom ..b import g", "p.q.a": "def f(): ...", "p.b": "def g(): ..."}
    assert reached("from p.q import f, g; f(g)", modules) == {"p.q.a:f", "p.b:g"}


def test_a_local_variable_hides_a_module_of_the_same_name():
    text = """\
    from p import records

    def f(records):
        return [record for record in records]

    def g():
        return records.load()
    """
    modules = {"p": "", "p.a": text, "p.records": "def load(): ...\ndef save(): ..."}
    assert reached("from p.a import f; f()", modules) == {"p.a:f"}
    assert reached("from p.a import g; g()", modules) == {"p.a:g", "p.records:load"}


def test_a_variable_of_an_inner_scope_hides_nothing_outside_it():
    text = """\
    from p import records

    def f(x):
        inner = lambda records: records
        return inner(x), [records for records in x], records.load()
    """
    modules = {"p": "", "p.a": text, "p.records": "def load(): ...\ndef save(): ..."}
    assert reached("from p.a import f; f()", modules) == {"p.a:f", "p.records:load"}


def test_what_is_registered_is_reached_by_who_dispatches():
    text = """\
    from functools import singledispatch

    @singledispatch
    def results(model): ...

    @results.register
    def _network(model: int): return fit()

    def fit(): ...
    def trained(): ...
    """
    modules = {"p": "", "p.a": text}
    assert reached("from p.a import results; results(1)", modules) == {"p.a:results", "p.a:fit"}
    assert reached("from p.a import trained; trained()", modules) == {"p.a:trained"}


def test_a_constant_that_is_changed_later_is_changed_code():
    modules = {"p": "", "p.a": "TABLE = {}\nTABLE['x'] = value()\ndef value(): ..."}
    assert reached("from p.a import TABLE; TABLE", modules) == {"p.a:TABLE", "p.a:value"}


def test_statements_that_run_at_import_are_reached_with_any_name_of_a_module_that_imports_theirs():
    modules = {
        "p": "",
        "p.a": "from p import b\ndef f(): ...",
        "p.b": "configure()\ndef configure(): ...\ndef g(): ...",
    }
    assert reached("from p.a import f; f()", modules) == {"p.a:f", "p.b:configure"}


def test_both_branches_of_a_condition_define_a_name():
    text = "try:\n    from p.b import f\nexcept ImportError:\n    from p.c import f\n"
    modules = {"p": "", "p.a": text, "p.b": "def f(): ...", "p.c": "def f(): ..."}
    assert reached("from p.a import f; f()", modules) == {"p.b:f", "p.c:f"}


def test_what_is_not_followed_is_reached_and_leads_nowhere():
    one = Definition("p.a", "one")
    found = graph({"p": "", "p.a": TWO}, not_followed={one}).reach("from p.a import one; one()")
    assert {each for each in found if each.name} == {one}


def test_code_that_is_not_python_reaches_nothing():
    assert reached("from p.a import (", {"p": "", "p.a": TWO}) == set()


def digest(text: str) -> str:
    return graph({"p": "", "p.a": text}).digest(Definition("p.a", "f"))


BEFORE = 'import numpy as np\n\ndef f(x):\n    """A sum."""\n    return np.sum(x)\n'


@pytest.mark.parametrize(
    "after",
    [
        'import numpy as np\n\ndef f(x):\n    """Another docstring."""\n    return np.sum(x)  # a comment\n',
        "import numpy as np\nother = 1\ndef f(x): return np.sum( x )",
        "import numpy\nimport numpy as np\n\ndef f(x):\n    return np.sum(x)\n\ndef g(): ...\n",
    ],
)
def test_comments_docstrings_layout_and_other_definitions_leave_a_digest_as_it_is(after):
    assert digest(after) == digest(BEFORE)


@pytest.mark.parametrize(
    "after",
    [
        BEFORE.replace("np.sum(x)", "np.sum(x, 0)"),
        BEFORE.replace("(x):", "(x=1):"),
        BEFORE.replace("import numpy as np", "import cupy as np"),
    ],
)
def test_other_code_and_another_library_of_the_same_name_change_a_digest(after):
    assert digest(after) != digest(BEFORE)
