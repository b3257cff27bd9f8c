"""Builds the agent for devices: a folder that needs no Python, and packages of it."""
