"""Fits the weights, in a process of its own: `python -m ...training ROWS FILE`.

ROWS is JSON: the number of labels, and for each row the places of its text and its label's number.
FILE becomes tensors `rows` (one byte a weight) and `bias`, in units of one weight's step.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pytest_compiledai.functions.synth.parts.linear import PLACES
from pytest_compiledai.functions.synth.parts.linear import ZERO

C = 0.5  # of the support vector machine: how much a mistake on a train row costs
MOST = 127  # steps from nothing to the largest weight


def main() -> None:
    """Read rows, fit one machine a label, write its weights."""
    from safetensors.numpy import save

    rows, target = map(Path, sys.argv[1:3])
    target.write_bytes(save(fitted(json.loads(rows.read_text(encoding="utf-8")))))


def fitted(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the tensors of the labels' machines; a label without rows is never the best.

    One linear support vector machine a label against all others (liblinear), on texts of equal
    length: each place of a text counts one over the root of their number.
    """
    import numpy as np
    from scipy.sparse import csr_matrix
    from sklearn.svm import LinearSVC

    sizes = np.array([len(row["places"]) for row in facts["rows"]])
    ends = np.concatenate([[0], np.cumsum(sizes)])
    columns = np.concatenate([np.sort(row["places"]) for row in facts["rows"]]).astype(np.int32)
    values = np.repeat(1 / np.sqrt(np.maximum(sizes, 1)), sizes)
    texts = csr_matrix((values, columns, ends), shape=(len(sizes), PLACES))
    machine = LinearSVC(C=C, random_state=0).fit(texts, [row["label"] for row in facts["rows"]])
    weights, bias = machine.coef_, machine.intercept_
    if len(machine.classes_) == len(("one", "other")):
        weights, bias = np.vstack([-weights, weights]), np.concatenate([-bias, bias])
    step = np.abs(weights).max() / MOST
    rows = np.full((PLACES, facts["labels"]), ZERO - MOST, dtype=np.uint8)
    biases = np.full(facts["labels"], -(2**20), dtype=np.int32)
    rows[:, machine.classes_] = (np.round(weights / step) + ZERO).astype(np.uint8).T
    biases[machine.classes_] = np.round(bias / step).astype(np.int32)
    return {"rows": rows, "bias": biases}


if __name__ == "__main__":
    main()
