"""What comes in: event files and logs, read by declared mappings; what cannot be read says why."""
