"""The seams of the server: the smallest protocol each user needs, and what can go wrong."""
