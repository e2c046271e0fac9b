"""What the benchmarks share: servers and their CPU, a load generator, contenders, rounds and results."""
