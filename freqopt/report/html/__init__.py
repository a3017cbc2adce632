"""The report: one HTML file that needs nothing else, for a study or for a whole reproduction."""
