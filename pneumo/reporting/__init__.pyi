from . import citation, formatting, listings, plots, provenance, tables

__all__ = ["citation", "formatting", "listings", "plots", "provenance", "tables"]
