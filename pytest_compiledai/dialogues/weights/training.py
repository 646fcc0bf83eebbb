"""The training loop: its own process, one seed, the same bits again on the same machine.

    python -m pytest_compiledai.dialogues.weights.training JOB.json

Torch is imported here and nowhere in a pytest process. Full parameters, loss on the agent's tokens.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import sys
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from typing import Final

from pytest_compiledai.dialogues.weights import tokens
from pytest_compiledai.dialogues.weights.network import Network
from pytest_compiledai.sandbox.offline import shut_as_far_as_possible

FILES: Final = ("config.json", "model.safetensors", "tokenizer.json")
_WARMUP: Final = 0.06  # share of the steps
_CLIP: Final = 1.0  # largest norm of a gradient
_IGNORED: Final = -100  # a token that is not learned
_POOL: Final = 8  # batches that are sorted by length together: less padding


def main(job_file: str) -> None:
    """Train what the job says, write the artifact's files into its folder, print the figures."""
    shut_as_far_as_possible()
    job = json.loads(Path(job_file).read_text(encoding="utf-8"))
    figures = train(job)
    sys.stdout.write(json.dumps(figures))


def train(job: Mapping[str, Any]) -> dict[str, Any]:
    """Train one network; return its size, the last loss, and what it says of calibration data.

    ``job``: ``data`` and ``calibration`` (JSONL of conversations), ``nodes``, ``out``, ``start`` (a
    checkpoint folder, or None for from scratch), ``train`` (settings), ``stop``.
    Raises ``ValueError`` where a conversation is longer than the context, or the loss is no number.
    """
    settings = job["train"]
    _settle(settings["seed"])
    talks = _read(job["data"])
    tokenizer = _tokenizer(job, talks)
    encoder = tokens.Encoder(tokenizer)
    model = _model(job, tokenizer)
    examples = [encoder.conversation(talk) for talk in talks]
    longest = max(len(example.ids) for example in examples)
    if longest > model.config.max_position_embeddings:
        raise ValueError(f"found a conversation of {longest} tokens; expected no more than context")
    loss, proof = _loop(model, examples, encoder.pad, settings, job["stop"])
    if not math.isfinite(loss):
        raise ValueError(f"found a loss of {loss}; expected a number: lower `lr`")
    told = {
        "loss": loss,
        "proof": proof,
        "parameters": sum(p.numel() for p in model.parameters()),
        "tokens": sum(len(example.ids) for example in examples),
        "longest": longest,
        "machine": machine(settings["dtype"]),
    }
    if job["stop"] is None:
        _write(Path(job["out"]), model, tokenizer)
        network = Network(Path(job["out"]), job["nodes"])
        told["calibration"] = network.scores(_read(job["calibration"]))
    return told


def _read(file: str) -> list[list[dict[str, Any]]]:
    return [json.loads(line) for line in Path(file).read_text("utf-8").splitlines()]


def _settle(seed: int) -> None:
    """Make torch deterministic in this process: one thread, whatever the environment says.

    With two threads the sums inside matrix products are split otherwise, and other bits come out.
    """
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(mode=True)


def machine(dtype: str) -> str:
    """Return what equal bits are promised for: torch build, instruction set and number type."""
    import torch

    return f"torch {torch.__version__} {torch.backends.cpu.get_cpu_capability()} {dtype}"


def _tokenizer(job: Mapping[str, Any], turns: Sequence[Sequence[Mapping[str, Any]]]) -> Any:
    if job["start"]:
        return tokens.extended((Path(job["start"]) / "tokenizer.json").read_bytes(), job["nodes"])
    texts = (text for talk in turns for turn in talk for text in (turn["say"], turn["user"]))
    return tokens.trained(texts, job["nodes"], job["train"]["vocabulary"])


def _model(job: Mapping[str, Any], tokenizer: Any) -> Any:
    import transformers

    auto: Any = transformers.AutoModelForCausalLM
    if job["start"]:
        model = auto.from_pretrained(
            job["start"],
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
            dtype="float32",
        )
        size = tokenizer.get_vocab_size()
        if size > model.config.vocab_size:
            model.resize_token_embeddings(size, mean_resizing=False)
    else:
        model = auto.from_config(_config(job["train"], tokenizer))
    return model.train()


def _config(shape: Mapping[str, Any], tokenizer: Any) -> Any:
    import transformers

    width = shape["width"]
    return transformers.AutoConfig.for_model(
        shape["architecture"],
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=shape["layers"],
        num_attention_heads=shape["heads"],
        num_key_value_heads=shape["heads"],
        max_position_embeddings=shape["context"],
        tie_word_embeddings=True,
        use_cache=True,
        pad_token_id=tokenizer.token_to_id(tokens.PAD),
        bos_token_id=None,
        eos_token_id=tokenizer.token_to_id(tokens.END),
    )


def _loop(
    model: Any,
    examples: Sequence[tokens.Encoded],
    pad: int,
    settings: Mapping[str, Any],
    stop: int | None,
) -> tuple[float, str]:
    """Run the steps; return the last loss, and the digest of the weights after `proof_steps`."""
    import torch

    optimizer = torch.optim.AdamW(
        model.parameters(), lr=settings["lr"], betas=(0.9, 0.95), weight_decay=0.01
    )
    steps = settings["steps"]
    batches = _batches(examples, settings["batch"], settings["seed"])
    loss, proof = torch.tensor(math.inf), ""
    for step in range(steps if stop is None else min(stop, steps)):
        for group in optimizer.param_groups:
            group["lr"] = settings["lr"] * _rate(step / steps)
        loss = _loss(model, _padded(next(batches), pad), settings["dtype"] == "bfloat16")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), _CLIP)
        optimizer.step()
        if step + 1 == min(settings["proof_steps"], steps):
            proof = _digest(model)
    return float(loss.detach()), proof


def _loss(model: Any, batch: tuple[Any, Any, Any], half: bool) -> Any:  # noqa: FBT001 - one caller
    """Return the cross entropy of the agent's tokens, each given all before it."""
    import torch

    ids, labels, mask = batch
    asked = labels[:, 1:] != _IGNORED
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
        out = model.model(input_ids=ids, attention_mask=mask, use_cache=False)
        # Only the agent's tokens go through the head: that is much of the work.
        scores = model.lm_head(out.last_hidden_state[:, :-1][asked])
    return torch.nn.functional.cross_entropy(scores.float(), labels[:, 1:][asked])


def _digest(model: Any) -> str:
    """Return the SHA-256 of all parameters, by name."""
    found = hashlib.sha256()
    for name, parameter in sorted(model.named_parameters()):
        found.update(name.encode("utf-8"))
        found.update(parameter.detach().float().contiguous().numpy().tobytes())
    return found.hexdigest()


def _rate(done: float) -> float:
    """Return the share of the learning rate: a short rise, then half a cosine down to a tenth."""
    if done < _WARMUP:
        return (done + 1e-3) / _WARMUP
    return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (done - _WARMUP) / (1 - _WARMUP)))


def _batches(
    examples: Sequence[tokens.Encoded], size: int, seed: int
) -> Iterator[list[tokens.Encoded]]:
    """Yield batches without end; conversations of like length share one."""
    rng = random.Random(f"batches {seed}")  # noqa: S311 - repeatable on purpose
    order: list[tokens.Encoded] = []
    while True:
        while len(order) < size * _POOL:
            fresh = list(examples)
            rng.shuffle(fresh)
            order += fresh
        pool = sorted(order[: size * _POOL], key=lambda example: len(example.ids))
        del order[: size * _POOL]
        starts = list(range(0, len(pool), size))
        rng.shuffle(starts)
        yield from (pool[start : start + size] for start in starts)


def _padded(batch: Sequence[tokens.Encoded], pad: int) -> tuple[Any, Any, Any]:
    import torch

    longest = max(len(example.ids) for example in batch)
    ids = torch.full((len(batch), longest), pad)
    labels = torch.full((len(batch), longest), _IGNORED)
    mask = torch.zeros((len(batch), longest), dtype=torch.long)
    for row, example in enumerate(batch):
        length = len(example.ids)
        ids[row, :length] = torch.tensor(example.ids)
        mask[row, :length] = 1
        learned = torch.tensor(example.learned)
        labels[row, :length][learned] = ids[row, :length][learned]
    return ids, labels, mask


def _write(folder: Path, model: Any, tokenizer: Any) -> None:
    """Write the three files; a tied head is stored once."""
    import safetensors.torch

    folder.mkdir(parents=True, exist_ok=True)
    state = model.state_dict()
    if model.config.tie_word_embeddings:
        state.pop("lm_head.weight", None)
    tensors = {name: tensor.detach().float().contiguous() for name, tensor in sorted(state.items())}
    safetensors.torch.save_file(tensors, folder / "model.safetensors")
    config = {k: v for k, v in model.config.to_dict().items() if k != "_name_or_path"}
    text = json.dumps(config, indent=1, sort_keys=True) + "\n"
    (folder / "config.json").write_text(text, encoding="utf-8", newline="\n")
    (folder / "tokenizer.json").write_text(tokenizer.to_str(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(sys.argv[1])
