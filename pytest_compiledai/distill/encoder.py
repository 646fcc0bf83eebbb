"""The encoder's process: a JSON list of texts a line in, a JSON list of vectors a line out."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pytest_compiledai.core.encoder import folder_of


def encoder(folder: Path) -> Any:
    """Return a function from texts to vectors: the mean of the last layer, of length 1."""
    import torch
    from transformers import AutoModel
    from transformers import AutoTokenizer

    torch.set_num_threads(1)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True).eval()

    def encode(text: str) -> list[float]:
        # One text at a time: in a batch, its neighbours' padding changes the last bits.
        given = tokenizer(text, truncation=True, max_length=256, return_tensors="pt")
        with torch.no_grad():
            mean = model(**given).last_hidden_state[0].mean(dim=0)
        return [float(value) for value in torch.nn.functional.normalize(mean, dim=0)]

    return encode


def main() -> None:
    """Answer lines until the input ends; what goes wrong is one line, too."""
    import os

    os.environ |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    out, sys.stdout = sys.stdout, sys.stderr  # libraries print
    try:
        encode = encoder(folder_of(sys.argv[1], sys.argv[2]))
        for line in sys.stdin:
            out.write(f"{json.dumps([encode(text) for text in json.loads(line)])}\n")
            out.flush()
    except Exception as error:  # noqa: BLE001 - torch and transformers raise anything; told outside
        out.write(f"{json.dumps({'fault': f'{type(error).__name__}: {error}'[:300]})}\n")
        out.flush()


if __name__ == "__main__":
    main()
