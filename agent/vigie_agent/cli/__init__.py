"""The command line: parses, builds, runs, and turns the outcome into an exit code."""
