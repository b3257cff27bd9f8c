"""Asks DNS and meets mail servers, for question 7."""
