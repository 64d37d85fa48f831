"""Training: optimisers, clipping, schedules, collators, and a small Trainer that can be interrupted at any moment.

Everything works on the dict of gradients that `model.backward(trace)` gives; nothing here differentiates.
"""
