"""Makes the profile and the problems of `examples/workflow/vote_gsm.yaml` from stored answers.

    python -m bench.flow_example [--into DIR]

The answers are ZeroEval's (WildEval/ZeroEval at commit 8c1485e, Apache-2.0), of six open models by
their size in thousand millions of parameters. Right or wrong, and which answer, are measured.
Seconds and cost are modelled: a token is four characters, 240 / sqrt(size) tokens a second, and
size x 1e-8 USD a token. No model was asked for them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import polars as pl

from bench.flow_spaces import DATA
from bench.flow_spaces import answers
from pytest_compiledai.workflows.profile import COLUMNS
from pytest_compiledai.workflows.profile import write_profile

ROOT = Path(__file__).parents[1]
NAME = "vote_gsm"
PROBLEMS = 600
#: First digits of the SHA-256 of a model's name, for names are left out here, and its size.
SIZES = {
    "ce0baa55ba0f": 2,
    "6d76c0ab3278": 8,
    "993b57396811": 9,
    "08dc069c68bc": 27,
    "becfc167edb7": 70,
    "122ef731563c": 405,
}


def made() -> tuple[bytes, str]:
    """Return the profile and the lines of the problems."""
    sizes = {name: SIZES[key] for name in answers("gsm").models if (key := _key(name)) in SIZES}
    stored = pl.read_csv(
        DATA / "zeroeval" / "zeroeval_answers.csv.gz", schema_overrides={"answer_norm": pl.String}
    ).filter((pl.col("dataset") == "gsm") & pl.col("model").is_in(list(sizes)))
    known = (
        stored.filter(pl.col("correct") == 1)
        .group_by("item_id")
        .agg(pl.col("answer_norm").mode().sort().first())
        .with_columns(number=pl.col("item_id").str.extract(r"(\d+)$").cast(pl.Int64))
        .sort("number")
        .head(PROBLEMS)
    )
    size = pl.col("model").replace_strict(sizes, return_dtype=pl.Float64)
    tokens = (pl.col("output_chars") / 4).ceil()
    rows = stored.join(known.select("item_id"), on="item_id").select(
        query=pl.col("item_id").str.replace("#", ""),
        agent=pl.lit("solver"),
        setting=pl.format("open-{}b", size.cast(pl.Int64)),
        sample=pl.lit(0, pl.Int64),
        state=pl.lit("correct"),
        score=pl.col("correct").cast(pl.Float64),
        answer=pl.when(pl.col("answer_norm") != "").then(pl.col("answer_norm")),
        tokens_in=(pl.col("prompt_chars") / 4).ceil().cast(pl.Int64),
        tokens_out=tokens.cast(pl.Int64),
        seconds=(tokens * size.sqrt() / 240).round(4),
        ttft=pl.lit(None, pl.Float64),
        cost=(tokens * size * 1e-8).round(10),
    )
    lines = [
        json.dumps(
            {
                "id": item.replace("#", ""),
                "input": {"item": item},
                "output": {"answer": answer},
            }
        )
        for item, answer in known.select("item_id", "answer_norm").iter_rows()
    ]
    assert list(rows.columns) == list(COLUMNS)
    assert len(sizes) == len(SIZES)
    return write_profile(rows), "\n".join(lines) + "\n"


def _key(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8")).hexdigest()[:12]


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--into", type=Path, default=ROOT)
    into = parser.parse_args().into
    profile, problems = made()
    recordings = into / "examples" / "workflow" / "recordings"
    recordings.mkdir(parents=True, exist_ok=True)
    (recordings / f"{NAME}.profile.parquet").write_bytes(profile)
    (into / "fixtures" / f"{NAME}.jsonl").write_text(problems, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
