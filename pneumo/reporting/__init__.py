"""What readers see: tables, figures, how numbers are written, and the page of records."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
