"""How the published network forms of the shadow methods are trained: imported by their estimators when fitted.

They are apart from the estimators so that listing methods, or fitting one in moment form, does not load PyTorch.
"""
