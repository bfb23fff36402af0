"""Networks of the heterogeneity methods; they need the extra ``nets`` and are imported by ``fit``."""
