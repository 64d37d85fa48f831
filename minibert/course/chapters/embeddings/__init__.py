"""Ids to vectors, and vectors to one for the whole text."""
