"""Outside things that the analysis can lean on: sentence embedders."""
