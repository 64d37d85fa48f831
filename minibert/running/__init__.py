"""How steps are run: other forms of the plain steps, attached to them from here, and never imported from below.

Each form gives the values of the plain step that it stands for. What it is for stands at the head of its file.
"""
