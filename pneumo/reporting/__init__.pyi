from . import formatting, plots, provenance, tables

__all__ = ["formatting", "plots", "provenance", "tables"]
