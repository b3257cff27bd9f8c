"""The console: pages for the IT team of a managing body, in French and English."""
