"""Whether a browser or an office suite keeps itself up to date, whatever the system. Pure."""

from typing import NamedTuple


class ProductUpdate(NamedTuple):
    """Whether a product updates itself: yes, no, or why that is not known."""

    product: str
    enabled: bool | str
