"""`python -m bench`. Nothing is imported up here: every contestant's process imports this module again."""

if __name__ == "__main__":
    from bench.command import main

    main()
