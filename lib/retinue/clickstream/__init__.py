"""What visitors do on a site: events, sessions, paths, funnels, searches."""
