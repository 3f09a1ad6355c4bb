"""The generator `event-history`: ridge regressions in sequence and an illness-death model.

Read in this order: `ridge` (penalised fits), `design` (features), `chain` (covariates one after the other),
`calibration` (times mapped to the observed curves), `transitions` (both endpoints), `generator`.
"""
