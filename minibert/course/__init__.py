"""The course: parts of BERT that a learner writes, and a checker that says where it went wrong.

`exercises()` lists them and `exercise(name)` gives one. An exercise is a declaration: its inputs, its steps as small
functions, and the mistakes that people are known to make, each as a wrong form of a step (`chapters/`). Everything
else is the same for all: running a learner's function (`running`), comparing (`comparing`), saying what was found
(`checking`, `verdict`, `picture`). A diagnosis is proven: it is given only where the learner's numbers equal those
of the wrong form on every input.
"""
