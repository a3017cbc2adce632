"""Floor 7: what a person sees: tables and progress in the terminal, figures on paper."""
