"""Prediction of a build from a sample of its input: what it takes, and what comes of it.

`sample` draws and reads, `measure` runs the phases of a build over what was drawn, `predict` tells
from that what the whole takes, with intervals.
"""
