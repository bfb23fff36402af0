"""How the methods that train networks are trained: one module for each, imported by its estimator when it is fitted.

They are apart from the estimators so that listing methods, or fitting one without networks, does not load PyTorch.
Each has ``train(options, Y, T, X, *, binary, rng)``, which returns
:class:`~yinguo.nets.curve.ArmCurves`: a callable of (n, p) covariates that gives the mean outcomes of the two arms in
the unit of the study, with the history of its training.
"""
