"""The same task in retinue, plain Spark, DuckDB and Polars: `python -m bench --size 1m`.

The events are those of `bench.clicks`, the texts those of `bench.texts`, the edges those of `bench.graphs`,
the touches those of `bench.touches`, as Parquet; every contestant reads them and writes its answer as Parquet
(`retinue, lake`: Delta to Delta). A contestant runs in a process of its own, started anew each round; rounds
go through the contestants in turn, so that a busy minute hits all alike. In a process the first run is
`cold`, the last of those after it `warm`, and what comes before both is `start`.

CPU seconds and memory are those of the whole process tree: JVM, Python workers and all. Memory is the
highest sum of resident sets seen by looking twenty times a second. Every process's last answer is compared
with the first contestant's, row by row through an order-independent sum of hashes, and a difference ends
the bench without a table. Where answers need not be the same to the last digit, the task says how far they
may be apart. On networks, GraphFrames, networkx and networkit compete, and igraph where it is installed.
"""
