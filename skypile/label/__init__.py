"""Labels from nothing: votes of lexicons, lists, sources and rules, weighed and combined.

What data programming calls labelling functions (Ratner et al. 2016, 2017), written as bounds on the
columns that stages of a recipe write. `skypile.label.spec` is the YAML file, `combine` the
arithmetic, `review` what is drawn for a person to judge.
"""
