"""The text of a function that asks its linear model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_compiledai.functions.imports import Import
from pytest_compiledai.functions.linear.model import Linear
from pytest_compiledai.functions.synth.emitting import Builder
from pytest_compiledai.functions.synth.parts_library import with_parts

if TYPE_CHECKING:
    from pytest_compiledai.functions.spec import FunctionSpec


def program(spec: FunctionSpec, model: Linear) -> str | None:
    """Return the program; None where a name of it is taken."""
    declared = model.declared
    annotation = Builder(spec.types).annotation(spec.types.output_type, declared.label)
    labels = "".join(f"    {label!r},\n" for label in declared.labels)
    biases = "".join(f"    {bias},\n" for bias in model.biases)
    texts = "".join(f"data.get({name!r}), " for name in declared.text)
    text = (
        f"LABELS: tuple[{annotation}, ...] = (\n{labels})\n"
        f"BIASES = (\n{biases})\n"
        f"SURE = {model.cut}\n\n\n"
        f"def {spec.name}(\n    data: {spec.types.input_type}, *, weights: Mapping[str, bytes]\n"
        f") -> {spec.types.output_type}:\n"
        f"    picked = places(({texts}))\n"
        '    if not picked:\n        raise Abstain("no text")\n'
        '    totals = summed(weights["rows"], len(LABELS), picked)\n'
        "    best, sure = decided(totals, len(picked), BIASES)\n"
        '    if sure < SURE:\n        raise Abstain("like no row that it was learned from")\n'
        f"    return {{{declared.label!r}: LABELS[best]}}\n"
    )
    imports = [Import(module="collections.abc", member="Mapping")]
    if "Literal[" in annotation:
        imports.append(Import(module="typing", member="Literal"))
    return with_parts(text, tuple(imports))
