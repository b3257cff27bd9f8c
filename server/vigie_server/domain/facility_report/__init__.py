"""The report of a facility: what it says, in one form for both languages and every format. Pure."""
