"""Which definitions of the project's packages a piece of code can reach, found from the source alone.

    graph = CodeGraph(read_sources(Path("."), ("pneumo",)))
    graph.reach("import pneumo; pneumo.plots.roc(...)")

A node is what one name of a module stands for: a function, a class, a constant. What is not found by name counts as
reached: a module that is passed on as a value, or an attribute that its module does not define, stands for the whole
module and all its submodules.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

REST = ""
"""Stands for those statements of a module that define no name: they run when the module is imported."""


class Reference(NamedTuple):
    """What a piece of code names: attributes of a module, ("numpy", ("random", "default_rng"))."""

    module: str
    attributes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.module}:{'.'.join(self.attributes)}"


Scope = dict[str, Reference | None]
"""Names of a function: what each was imported as, or None for a variable."""


class Definition(NamedTuple):
    """A top-level name of a module, or its `REST`."""

    module: str
    name: str


class Source(NamedTuple):
    """A module. package: whether the file is an `__init__.py`. stub: the text of the .pyi file beside it, or ""."""

    path: Path
    text: str
    package: bool
    stub: str = ""


def read_sources(root: Path, packages: Iterable[str]) -> dict[str, Source]:
    """The modules of `packages`, which are folders of `root`, by their full names."""
    sources = {}
    for path in sorted(path for package in packages for path in (root / package).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        package = parts[-1] == "__init__"
        stub = path.with_suffix(".pyi")
        sources[".".join(parts[:-1] if package else parts)] = Source(
            path=path,
            text=path.read_text(encoding="utf-8"),
            package=package,
            stub=stub.read_text(encoding="utf-8") if stub.exists() else "",
        )
    return sources


class CodeGraph:
    """The definitions of several modules, and which of them refer to which.

    sources: by the modules' full names. not_followed: definitions that may be reached, but lead nowhere.
    """

    def __init__(self, sources: Mapping[str, Source], not_followed: Collection[Definition] = ()) -> None:
        self.modules = {name: _taken_apart(name, source) for name, source in sources.items()}
        self.not_followed = frozenset(not_followed)
        self._next: dict[Definition, frozenset[Definition]] = {}

    def reach(self, code: str) -> set[Definition]:
        """What the statements of `code` can reach; nothing where `code` is not Python, since it cannot run."""
        script = _Module("", Source(Path(), code, package=False))
        found = {target for each in script.references([parsed(code)]) for target in self._resolved(each)}
        imported = (name for target in script.imported for name in self._loaded_by(target))
        return self.reach_from({*found, *(Definition(name, REST) for name in imported)})

    def reach_from(self, definitions: Iterable[Definition]) -> set[Definition]:
        """`definitions`, and what they can reach."""
        reached: set[Definition] = set()
        waiting = list(definitions)
        while waiting:
            definition = waiting.pop()
            if definition not in reached:
                reached.add(definition)
                waiting += self._referred_by(definition)
        return reached

    def digest(self, definition: Definition) -> str:
        """Digest of a definition's code, without comments, docstrings and layout; "" where there is none."""
        module = self.modules[definition.module]
        outside = sorted(str(each) for each in module.named_by(definition.name) if not self._is_inside(each))
        text = "\n".join([*module.dumped(definition.name), *outside])
        return sha256(text.encode()).hexdigest() if text else ""

    def texts(self, definition: Definition) -> frozenset[str]:
        """The string constants of a definition's code."""
        return self.modules[definition.module].texts(definition.name)

    def _referred_by(self, definition: Definition) -> frozenset[Definition]:
        if definition in self.not_followed:
            return frozenset()
        if definition not in self._next:
            module = self.modules[definition.module]
            found = {target for each in module.named_by(definition.name) for target in self._resolved(each)}
            # Whoever uses a module has imported it: it, the packages it is in, and what they import.
            loaded = {definition.module}
            if definition.name == REST:
                loaded |= {name for target in module.imported for name in self._loaded_by(target)}
            loaded |= {parent for name in loaded for parent in _parents(name)}
            found |= {Definition(name, REST) for name in loaded if name in self.modules}
            self._next[definition] = frozenset(found)
        return self._next[definition]

    def _is_inside(self, reference: Reference) -> bool:
        return reference.module.split(".")[0] in self.modules

    def _loaded_by(self, imported: Reference) -> Iterator[str]:
        """The modules that an import loads: `from pneumo import data` loads pneumo and pneumo.data."""
        names = [imported.module, *_parents(imported.module), ".".join([imported.module, *imported.attributes])]
        return (name for name in names if name in self.modules)

    def _resolved(self, reference: Reference, seen: frozenset[Reference] = frozenset()) -> set[Definition]:
        """What a reference stands for; nothing for one into other libraries."""
        if not self._is_inside(reference) or reference in seen:
            return set()
        name, rest = reference
        if name not in self.modules:
            return self._whole(name.split(".")[0])
        while rest:
            module, attribute = self.modules[name], rest[0]
            found = {Definition(name, attribute)} if attribute in module.nodes else set()
            targets = [each for each in module.imports.get(attribute, ()) if each != Reference(name, (attribute,))]
            for target in targets:
                found |= self._resolved(target._replace(attributes=target.attributes + rest[1:]), seen | {reference})
            if found or targets:
                return found
            if f"{name}.{attribute}" in self.modules:
                name, rest = f"{name}.{attribute}", rest[1:]
            elif attribute in module.aliases:
                return self._resolved(Reference(f"{name}.{module.aliases[attribute]}", rest[1:]), seen | {reference})
            else:
                break
        return self._whole(name)

    def _whole(self, name: str) -> set[Definition]:
        """Every definition of a module and of its submodules."""
        inside = [each for each in self.modules if each == name or each.startswith(f"{name}.")]
        return {Definition(each, defined) for each in inside for defined in (REST, *self.modules[each].nodes)}


class _Module:
    """A module taken apart. The name of a script is ""."""

    def __init__(self, name: str, source: Source) -> None:
        self.name = name
        self.source = source
        self.imports: dict[str, list[Reference]] = {}
        """What each imported name stands for."""
        self.nodes: dict[str, list[ast.AST]] = {}
        """The statements that define each name, and under REST the others."""
        self.imported: set[Reference] = set()
        """What is imported when the module is."""
        for statement in _without_docstrings(parsed(source.text)).body:
            self._take(statement)

    @cached_property
    def aliases(self) -> dict[str, str]:
        """Names that `__getattr__` looks up in a table of the module: {"plots": "reporting.plots"}."""
        tables = (self.nodes.get(name, []) for name in self.nodes if "__getattr__" in self.nodes)
        values = (node.value for nodes in tables for node in nodes if isinstance(node, ast.Assign))
        found: dict[str, str] = {}
        for table in values:
            if isinstance(table, ast.Dict) and all(isinstance(entry, ast.Constant) for entry in table.values):
                found |= {str(k): v for k, v in ast.literal_eval(table).items() if isinstance(v, str)}
        return found

    @cache  # noqa: B019 - modules live as long as the process, see `_taken_apart`
    def named_by(self, name: str) -> frozenset[Reference]:
        """What the definition of a name refers to."""
        return frozenset(self.references(self.nodes.get(name, [])))

    @cache  # noqa: B019
    def dumped(self, name: str) -> tuple[str, ...]:
        """The definition of a name as text, without layout."""
        return tuple(map(ast.dump, self.nodes.get(name, [])))

    @cache  # noqa: B019
    def texts(self, name: str) -> frozenset[str]:
        """The string constants in the definition of a name."""
        return frozenset().union(*map(texts_in, self.nodes.get(name, [])))

    def references(self, nodes: Iterable[ast.AST]) -> set[Reference]:
        """Everything that `nodes` name: this module's own names, and what is imported."""
        visitor = _References(self)
        for node in nodes:
            visitor.visit(node)
        return visitor.found

    def absolute(self, statement: ast.ImportFrom) -> str:
        """The module that `from ... import` names, in full."""
        if not statement.level:
            return statement.module or ""
        parts = self.name.split(".")
        parts = parts[: len(parts) - statement.level + self.source.package]
        return ".".join([*parts, *filter(None, [statement.module])])

    def _take(self, statement: ast.stmt, *, runs: bool = True) -> None:
        """runs: whether the statement is executed when the module is imported."""
        if isinstance(statement, ast.Import | ast.ImportFrom):
            for name, target in imported_names(statement, self):
                self.imports.setdefault(name, []).append(target)
                if runs:
                    self.imported.add(target)
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            self._define([statement.name, *self._registries(statement)], statement)
        elif isinstance(statement, ast.If) and ast.unparse(statement.test).endswith("TYPE_CHECKING"):
            for inner in statement.body:
                self._take(inner, runs=False)
        elif self._is_lazy_loader(statement):
            self._take_lazy(statement.value)
        elif isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
            self._define(sorted(_assigned(statement)) or [REST], statement)
        else:
            self._define([REST], statement)
            for inner in _blocks(statement):
                self._take(inner)

    def _define(self, names: Iterable[str], statement: ast.stmt) -> None:
        for name in names:
            self.nodes.setdefault(name, []).append(statement)

    def _registries(self, statement: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> list[str]:
        """Where a decorator called register enters a definition: `results` for `@results.register`, else the REST.

        Other decorators are taken to wrap what they decorate, and nothing else.
        """
        paths = [_dotted(decorator).split(".") for decorator in statement.decorator_list]
        registries = [path[0] for path in paths if path[-1].startswith("register")]
        return [name if name in self.nodes and name != "register" else REST for name in registries]

    @staticmethod
    def _is_lazy_loader(statement: ast.stmt) -> bool:
        if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Call):
            return False
        return _dotted(statement.value.func).endswith(("lazy_loader.attach", "lazy_loader.attach_stub"))

    def _take_lazy(self, call: ast.Call) -> None:
        """The names that lazy_loader gives a package: from its tables, or from the stub beside the module."""
        given = dict(zip(("package_name", "submodules", "submod_attrs"), call.args, strict=False))
        given |= {each.arg: each.value for each in call.keywords}
        tables = (ast.literal_eval(given["submod_attrs"]) if "submod_attrs" in given else None) or {}
        for submodule, names in tables.items():
            for name in names:
                self.imports.setdefault(name, []).append(Reference(f"{self.name}.{submodule}", (name,)))
        if _dotted(call.func).endswith("attach_stub"):
            for statement in ast.parse(self.source.stub).body:
                if isinstance(statement, ast.ImportFrom):
                    for name, target in imported_names(statement, self):
                        self.imports.setdefault(name, []).append(target)


_taken_apart = cache(_Module)
"""A module once taken apart serves every graph that holds it."""


class _References(ast.NodeVisitor):
    """Gathers what code names, with regard to the scopes of functions."""

    def __init__(self, module: _Module) -> None:
        self.module = module
        self.scopes: list[Scope] = []
        self.found: set[Reference] = set()

    def visit_Name(self, node: ast.Name) -> None:
        self._name(node.id)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        path = _dotted(node)
        if path:
            self._name(*path.split("."))
        else:
            self.generic_visit(node)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        """The names of an import count where they are used; `from a import *` counts as all of a."""
        self.found |= {target for name, target in imported_names(node, self.module) if name == "*"}

    visit_ImportFrom = visit_Import

    def visit_Call(self, node: ast.Call) -> None:
        if _dotted(node.func).split(".")[-1] in ("import_module", "__import__"):
            constant = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
            self.found.add(Reference(constant or self.module.name.split(".")[0]))
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for each in [*node.decorator_list, node.args, *filter(None, [node.returns])]:
            self.visit(each)  # defaults and annotations belong to the scope outside
        with self._scope(_bound_in(node.body, self.module) | _arguments(node.args)):
            for statement in node.body:
                self.visit(statement)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.visit(node.args)
        with self._scope(_arguments(node.args)):
            self.visit(node.body)

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
        self.visit(node.generators[0].iter)  # belongs to the scope outside: `[x for x in x]`
        with self._scope(_bound_in([each.target for each in node.generators], self.module)):
            self.generic_visit(node)

    visit_SetComp = visit_GeneratorExp = visit_DictComp = visit_ListComp

    @contextmanager
    def _scope(self, names: Scope) -> Iterator[None]:
        self.scopes.append(names)
        yield
        self.scopes.pop()

    def _name(self, name: str, *attributes: str) -> None:
        scope = next((scope for scope in reversed(self.scopes) if name in scope), None)
        targets = self.module.imports.get(name, []) if scope is None else filter(None, [scope[name]])
        self.found |= {target._replace(attributes=target.attributes + attributes) for target in targets}
        if scope is None and name in self.module.nodes and self.module.name:
            self.found.add(Reference(self.module.name, (name,)))


def parsed(code: str) -> ast.Module:
    """The syntax tree of some code; an empty one where it is not Python, since then it cannot run."""
    try:
        return ast.parse(code)
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])


def imported_names(statement: ast.Import | ast.ImportFrom, module: _Module) -> Iterator[tuple[str, Reference]]:
    """The names that an import binds, and what each stands for."""
    if isinstance(statement, ast.ImportFrom):
        origin = module.absolute(statement)
        for alias in statement.names:
            yield alias.asname or alias.name, Reference(origin, () if alias.name == "*" else (alias.name,))
        return
    for alias in statement.names:
        # `import a.b` binds a; `import a.b as c` binds c to a.b.
        yield (
            alias.asname or alias.name.split(".")[0],
            Reference(alias.name if alias.asname else alias.name.split(".")[0]),
        )


def texts_in(node: ast.AST) -> set[str]:
    """The string constants of some code."""
    return {each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str)}


def _bound_in(nodes: Iterable[ast.AST], module: _Module) -> Scope:
    """The names that a function's body binds, without those of functions and comprehensions inside it."""
    found: Scope = {}
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import | ast.ImportFrom):
            found |= dict(imported_names(node, module))
            continue
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.setdefault(node.name, None)
            continue
        if isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.setdefault(node.id, None)
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            found.setdefault(node.name, None)
        waiting += ast.iter_child_nodes(node)
    for node in nodes:
        for each in ast.walk(node):
            if isinstance(each, ast.Global):
                found = {name: target for name, target in found.items() if name not in each.names}
    return found


def _arguments(arguments: ast.arguments) -> Scope:
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    return {argument.arg: None for argument in every if argument}


def _blocks(statement: ast.stmt) -> Iterator[ast.stmt]:
    """The statements inside an `if`, `try`, `with` or loop."""
    for part in (statement, *getattr(statement, "handlers", ())):
        for name in ("body", "orelse", "finalbody"):
            yield from getattr(part, name, ())


def _assigned(statement: ast.stmt) -> set[str]:
    """The names that an assignment sets, or changes: X for `X["a"] = 1` and `X.a = 1`."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    names = set()
    waiting = list(targets)
    while waiting:
        target = waiting.pop()
        if isinstance(target, ast.Name):
            names.add(target.id)
        elif isinstance(target, ast.Tuple | ast.List):
            waiting += target.elts
        elif isinstance(target, ast.Attribute | ast.Subscript | ast.Starred):
            waiting.append(target.value)
    return names


def _dotted(node: ast.AST) -> str:
    """ "np.random.default_rng" for such an expression, also where it is called; "" for another."""
    if isinstance(node, ast.Call):
        return _dotted(node.func)
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and not isinstance(node.value, ast.Call):
        base = _dotted(node.value)
        return f"{base}.{node.attr}" if base else ""
    return ""


def _parents(path: str) -> list[str]:
    """ "a.b.c" is inside "a.b" and "a"."""
    parts = path.split(".")
    return [".".join(parts[:end]) for end in range(len(parts) - 1, 0, -1)]


def _without_docstrings(tree: ast.Module) -> ast.Module:
    """The tree without statements that are texts and nothing else."""
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            body = getattr(node, name, None)
            if isinstance(body, list):
                kept = [each for each in body if not _is_text(each)]
                setattr(node, name, kept or ([ast.Pass()] if body and not isinstance(node, ast.Module) else kept))
    return tree


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
