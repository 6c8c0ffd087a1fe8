from . import citation, formatting, interactive, listings, plots, provenance, tables

__all__ = ["citation", "formatting", "interactive", "listings", "plots", "provenance", "tables"]
