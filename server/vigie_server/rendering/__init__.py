"""Lays reports out: the same document as a page for the browser, and as an accessible PDF."""
