from . import formatting, interactive, plots, provenance, tables

__all__ = ["formatting", "interactive", "plots", "provenance", "tables"]
