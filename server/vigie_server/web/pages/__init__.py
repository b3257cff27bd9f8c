"""Pages for people: rendered here, in French first and English, without a line of script."""
