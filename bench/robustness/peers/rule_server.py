"""Runs one rule of a peer, round after round: rows on stdin, the aggregate on stdout.

    python rule_server.py LIBRARY RULE F

A request is two little-endian int32, n and d, then n rows of d float32; the answer is d float64. Libraries and rules:
`byzfl` on torch tensors (its usual form), `flower` by flwr.server.strategy.aggregate (plain arrays). Ends with stdin.
"""

import os
import sys

os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")

import numpy as np


def byzfl_rule(rule, f):
    import byzfl
    import torch

    torch.set_num_threads(1)
    steps = {
        "krum": [byzfl.Krum(f)],
        "multi-krum": [byzfl.MultiKrum(f)],
        "median": [byzfl.Median()],
        "trimmed mean": [byzfl.TrMean(f)],
        "geometric median": [byzfl.GeometricMedian()],
        "minimum diameter": [byzfl.MDA(f)],
        "CAF": [byzfl.CAF(f)],
        "mixing + multi-krum": [byzfl.NNM(f), byzfl.MultiKrum(f)],
        "mixing + geometric median": [byzfl.NNM(f), byzfl.GeometricMedian()],
        "clipping + mixing + trimmed mean": [byzfl.ARC(f), byzfl.NNM(f), byzfl.TrMean(f)],
    }[rule]

    def run(rows):
        values = torch.from_numpy(rows)
        for step in steps:
            values = step(values)
        return values.numpy()

    return run


def flower_rule(rule, f):
    from flwr.server.strategy import aggregate as flower

    def run(rows):
        results = [([row], 1) for row in rows]
        n = len(results)
        if rule == "krum":
            return flower.aggregate_krum(results, f, 0)[0]
        if rule == "multi-krum":
            return flower.aggregate_krum(results, f, n - f)[0]
        if rule == "bulyan":
            return flower.aggregate_bulyan(results, f, flower.aggregate_krum, to_keep=0)[0]
        if rule == "median":
            return flower.aggregate_median(results)[0]
        if rule == "trimmed mean":
            return flower.aggregate_trimmed_avg(results, f / n)[0]
        raise ValueError(f"flower has no {rule}")

    return run


def main():
    library, rule, f = sys.argv[1], sys.argv[2], int(sys.argv[3])
    run = {"byzfl": byzfl_rule, "flower": flower_rule}[library](rule, f)
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    while head := source.read(8):
        n, d = np.frombuffer(head, dtype="<i4")
        rows = np.frombuffer(source.read(4 * int(n) * int(d)), dtype="<f4").reshape(n, d).copy()
        sink.write(np.asarray(run(rows), dtype="<f8").tobytes())
        sink.flush()


main()
