"""The generator `nflow`: a normalizing flow over covariates and both endpoints.

Read in this order: `dequantise` (states as half lines), `layout` (columns in their order), `network`,
`training`, `generator`.
"""
