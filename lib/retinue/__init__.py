"""What retinue answers from: Spark jobs over a Delta lake."""
