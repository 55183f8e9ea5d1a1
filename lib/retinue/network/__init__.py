"""Who is connected, who will be, who moves whom."""
