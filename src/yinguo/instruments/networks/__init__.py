"""How the network methods are trained: one module for each, imported by its estimator when it is fitted.

They are apart from the estimators so that listing methods, or fitting one without networks, does not load PyTorch.
Each has ``train(options, Y, T, X, Z, rng)``, which returns a curve: a callable ``(X, T) -> (n,) array`` in the units of
the study, with the history of its training.
"""
