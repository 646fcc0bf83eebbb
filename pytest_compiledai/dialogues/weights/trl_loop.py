"""The same training by TRL's ``SFTTrainer``: for checkpoints and machines that it knows better.

Its loss is the cross entropy of the agent's tokens among all tokens, where the plain loop takes an
action among the legal ones. What comes out meets the same gates, the same bits again among them.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any
from typing import Final

from pytest_compiledai.dialogues.weights import tokens

_WARMUP: Final = 0.06  # share of the steps
_CLIP: Final = 1.0  # largest norm of a gradient
_IGNORED: Final = -100  # the label of a token that is not learned


def fit(
    model: Any,
    encoder: tokens.Encoder,
    examples: Sequence[tokens.Encoded],
    job: Mapping[str, Any],
    digest: Callable[[Any], str],
) -> tuple[float, str]:
    """Train ``model`` in place; return the mean loss, and the digest after `proof_steps` steps.

    The job's ``stop`` ends earlier; the schedule of the learning rate stays that of all steps.
    """
    with contextlib.redirect_stdout(sys.stderr):  # libraries print; the answer is on stdout
        return _fit(model, encoder, examples, job, digest)


def _fit(
    model: Any,
    encoder: tokens.Encoder,
    examples: Sequence[tokens.Encoded],
    job: Mapping[str, Any],
    digest: Callable[[Any], str],
) -> tuple[float, str]:
    datasets, transformers, trl = map(import_module, ("datasets", "transformers", "trl"))
    settings = job["train"]
    stop = job["stop"] or settings["steps"]
    proof = []

    class Watch(transformers.TrainerCallback):  # type: ignore[misc, name-defined]
        def on_step_end(self, _args: Any, state: Any, control: Any, **_kwargs: Any) -> Any:
            if state.global_step == min(settings["proof_steps"], stop):
                proof.append(digest(model))
            control.should_training_stop = state.global_step >= stop
            return control

    trainer = trl.SFTTrainer(
        model=model,
        args=_arguments(settings, Path(job["out"]).parent / "trl"),
        train_dataset=datasets.Dataset.from_list([_row(example) for example in examples]),
        processing_class=transformers.PreTrainedTokenizerFast(
            tokenizer_object=encoder.tokenizer, pad_token=tokens.PAD, eos_token=tokens.END
        ),
        callbacks=[Watch()],
    )
    return float(trainer.train().training_loss), "".join(proof)


def _row(example: tokens.Encoded) -> dict[str, list[int]]:
    """Return a turn as TRL takes it: what the agent does is learned, what the user says is not."""
    heard = [_IGNORED] * example.action
    return {"input_ids": example.ids, "labels": [*heard, *example.ids[example.action :]]}


def _arguments(settings: Mapping[str, Any], out: Path) -> Any:
    return import_module("trl").SFTConfig(
        output_dir=str(out),
        max_steps=settings["steps"],
        per_device_train_batch_size=settings["batch"],
        learning_rate=settings["lr"],
        lr_scheduler_type="cosine",
        warmup_steps=round(_WARMUP * settings["steps"]),
        weight_decay=0.01,
        adam_beta2=0.95,
        max_grad_norm=_CLIP,
        max_length=settings["context"],
        seed=settings["seed"],
        data_seed=settings["seed"],
        bf16=settings["dtype"] == "bfloat16",
        gradient_checkpointing=False,
        use_cpu=True,  # bits are promised for one thread of a processor
        dataset_kwargs={"skip_prepare_dataset": True},
        logging_strategy="no",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
