"""The contracts everything stands on: study, capabilities, result, inference, cross-fitting, registry."""
