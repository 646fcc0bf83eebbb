"""The training loop: its own process, one seed, the same bits again on the same machine.

    python -m pytest_compiledai.dialogues.weights.training JOB.json

Torch is imported here and nowhere in a pytest process. All parameters are trained, or a few beside
a checkpoint's (``low_rank``). The loss is on the agent's
tokens: the action among those that the node has an edge for, its words among all.
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
from typing import NamedTuple

from pytest_compiledai.dialogues.weights import catching_up
from pytest_compiledai.dialogues.weights import low_rank
from pytest_compiledai.dialogues.weights import tokens
from pytest_compiledai.dialogues.weights import trl_loop
from pytest_compiledai.dialogues.weights.network import Network
from pytest_compiledai.sandbox.offline import shut_as_far_as_possible

FILES: Final = ("config.json", "model.safetensors", "tokenizer.json")
_WARMUP: Final = 0.06  # share of the steps
_CLIP: Final = 1.0  # largest norm of a gradient
_POOL: Final = 8  # batches that are sorted by length together: less padding


def main(job_file: str) -> None:
    """Train what the job says, write the artifact's files into its folder, print the figures."""
    shut_as_far_as_possible()
    job = json.loads(Path(job_file).read_text(encoding="utf-8"))
    figures = train(job)
    sys.stdout.write(json.dumps(figures))


def train(job: Mapping[str, Any]) -> dict[str, Any]:
    """Train one network; return its size, the last loss, and what it says of calibration data.

    ``job``: ``data`` and ``calibration`` (JSONL of turns), ``choices`` (the nodes that may follow
    each node), ``slots``, ``out``, ``start`` (a checkpoint folder, or None for from scratch),
    ``train`` (settings), ``stop``.
    Raises ``ValueError`` where a turn is longer than the context, or the loss is no number.
    """
    settings = job["train"]
    _settle(settings["seed"])
    rows = _read(job["data"])
    tokenizer = _tokenizer(job, rows)
    encoder = tokens.Encoder(tokenizer)
    model = _model(job, tokenizer)
    examples = [encoder.example(row) for row in rows]
    longest = max(len(example.ids) for example in examples)
    if longest > model.config.max_position_embeddings:
        raise ValueError(f"found a turn of {longest} tokens; expected no more than context")
    legal = _legal(encoder, job["choices"], model.config.vocab_size)
    behind = _behind(model, encoder, rows, examples, legal) if job["start"] else []
    if settings["method"] == "lora":
        low_rank.attach(model, settings["rank"])
    if settings["trainer"] == "trl":
        loss, proof = trl_loop.fit(model, encoder, examples, job, _digest)
    else:
        parts = _batches(examples, settings["batch"], settings["seed"], behind)
        batches = (_padded(part, encoder.pad, legal) for part in parts)
        loss, proof = _loop(model, batches, settings, job["stop"])
    if not math.isfinite(loss):
        raise ValueError(f"found a loss of {loss}; expected a number: lower `lr`")
    told = {
        "loss": loss,
        "proof": proof,
        "parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "tokens": sum(len(example.ids) for example in examples),
        "longest": longest,
        "machine": machine(settings["dtype"]),
    }
    if job["stop"] is None:
        low_rank.merge(model)
        _write(Path(job["out"]), model, tokenizer)
        files = {name: (Path(job["out"]) / name).read_bytes() for name in FILES}
        network = Network(files, job["choices"])
        told["calibration"] = network.scores(_read(job["calibration"]))
    return told


def _read(file: str) -> list[dict[str, Any]]:
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


def _tokenizer(job: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Any:
    special = tokens.own(job["choices"], job["slots"])
    if job["start"]:
        return tokens.extended((Path(job["start"]) / "tokenizer.json").read_bytes(), special)
    texts = (text for row in rows for text in (row["say"], row["user"]))
    return tokens.trained(texts, special, job["train"]["vocabulary"])


def _legal(
    encoder: tokens.Encoder, choices: Mapping[str, Sequence[str]], size: int
) -> dict[str, Any]:
    """Return, for each node, a mask of the tokens that an action after it may be."""
    import torch

    found = {"": torch.zeros(size, dtype=torch.bool)}  # where the agent speaks nothing is chosen
    for node, after in choices.items():
        found[node] = torch.zeros(size, dtype=torch.bool)
        found[node][[encoder.unsure, *map(encoder.act, after)]] = True
    return found


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


def _behind(
    model: Any,
    encoder: tokens.Encoder,
    rows: Sequence[Mapping[str, Any]],
    examples: Sequence[tokens.Encoded],
    legal: Mapping[str, Any],
) -> list[tokens.Encoded]:
    """Return the turns that the checkpoint does not take as the flow has it now."""
    import torch

    def right(part: Sequence[tokens.Encoded]) -> list[bool]:
        batch = _padded(part, encoder.pad, legal)
        with torch.inference_mode():
            hidden = model.base_model(input_ids=batch.ids, use_cache=False).last_hidden_state
            scores = model.get_output_embeddings()(hidden[batch.actions]).float()
        found = scores.masked_fill(~batch.legal, -math.inf).argmax(-1)
        return list((found == batch.chosen).tolist())

    return catching_up.behind(rows, examples, right)


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
    model: Any, batches: Iterator[_Batch], settings: Mapping[str, Any], stop: int | None
) -> tuple[float, str]:
    """Run the steps; return the last loss, and the digest of the weights after `proof_steps`."""
    import torch

    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(
        trained, lr=settings["lr"], betas=(0.9, 0.95), weight_decay=0.01, fused=True
    )
    steps = settings["steps"]
    loss, proof = torch.tensor(math.inf), ""
    for step in range(steps if stop is None else min(stop, steps)):
        for group in optimizer.param_groups:
            group["lr"] = settings["lr"] * _rate(step / steps)
        loss = _loss(model, next(batches), settings["dtype"] == "bfloat16")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, _CLIP)
        optimizer.step()
        if step + 1 == min(settings["proof_steps"], steps):
            proof = _digest(model)
    return float(loss.detach()), proof


def _loss(model: Any, batch: _Batch, half: bool) -> Any:  # noqa: FBT001 - one caller
    """Return the cross entropy of actions, each among its legal ones, plus that of words."""
    import torch

    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
        # What follows a token never changes it, so padding behind needs no mask.
        hidden = model.base_model(input_ids=batch.ids, use_cache=False).last_hidden_state
        # Only the agent's tokens go through the head: that is much of the work.
        head = model.get_output_embeddings()
        actions, words = head(hidden[batch.actions]).float(), head(hidden[batch.words]).float()
    found = torch.nn.functional.cross_entropy(
        actions.masked_fill(~batch.legal, -math.inf), batch.chosen
    )
    if len(batch.spoken):
        found = found + torch.nn.functional.cross_entropy(words, batch.spoken)
    return found


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
    examples: Sequence[tokens.Encoded],
    size: int,
    seed: int,
    behind: Sequence[tokens.Encoded] = (),
) -> Iterator[list[tokens.Encoded]]:
    """Yield batches without end; each has its share of what the agent says, and of ``behind``."""
    turns = [example for example in examples if example.node]
    spoken = [example for example in examples if not example.node]
    share = max(1, size * len(spoken) // len(examples))
    more = int(size * catching_up.SHARE) if behind else 0
    parts = [
        _parts(turns, max(1, size - share - more), f"turns {seed}"),
        _parts(spoken, share, f"{seed}"),
        *([_parts(behind, more, f"behind {seed}")] if more else []),
    ]
    for told in zip(*parts, strict=True):
        yield [example for part in told for example in part]


def _parts(
    examples: Sequence[tokens.Encoded], size: int, seed: str
) -> Iterator[list[tokens.Encoded]]:
    """Yield parts of one size without end; examples of like length share one."""
    rng = random.Random(seed)  # noqa: S311 - repeatable on purpose
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


class _Batch(NamedTuple):
    """Turns side by side; a token is predicted from the place before it."""

    ids: Any  # [turns, longest]
    actions: tuple[Any, Any]  # rows, and places before actions
    chosen: Any  # the actions
    legal: Any  # [turns, vocabulary]
    words: tuple[Any, Any]  # rows, and places before the agent's words
    spoken: Any  # the words


def _padded(batch: Sequence[tokens.Encoded], pad: int, legal: Mapping[str, Any]) -> _Batch:
    import torch

    longest = max(len(example.ids) for example in batch)
    ids = torch.full((len(batch), longest), pad)
    for row, example in enumerate(batch):
        ids[row, : len(example.ids)] = torch.tensor(example.ids)
    places = torch.tensor([example.action for example in batch])
    told = [(r, p) for r, e in enumerate(batch) for p in range(e.action + 1, len(e.ids))]
    rows, after = torch.tensor(told, dtype=torch.long).reshape(-1, 2).unbind(1)
    every = torch.arange(len(batch))
    chosen = ids[every, places]
    choices = torch.stack([legal[example.node] for example in batch])
    choices[every, chosen] = True
    return _Batch(
        ids=ids,
        actions=(every, places - 1),
        chosen=chosen,
        legal=choices,
        words=(rows, after - 1),
        spoken=ids[rows, after],
    )


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
