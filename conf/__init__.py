"""Settings, mappings and locks, read by importlib.resources."""
