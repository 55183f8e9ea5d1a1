"""What people say: words, word sequences, spelling distances, sentiment, themes."""
