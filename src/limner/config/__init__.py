"""What the user has said: by arguments, by environment variables, in one TOML file."""
