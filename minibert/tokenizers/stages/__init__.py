"""The lesson: the stages from a text to its ids, each a file of plain functions and one object that uses them."""
