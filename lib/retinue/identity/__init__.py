"""Who a row is about, and whether it may be used."""
