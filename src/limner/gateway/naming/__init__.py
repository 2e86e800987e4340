"""Names of models, and where they lead."""
