"""What other programs read of CI: the action, workflows, templates, hooks; schemas, audit, names."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
ACTION = ROOT / "action.yml"
OWN = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TEMPLATES = [ROOT / "templates" / "compile.yml", ROOT / "templates" / "comment.yml"]
GITLAB = ROOT / "templates" / "compiledai.gitlab-ci.yml"
PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
#: Blocks of the page that are files of workflows.
BLOCKS = re.findall(
    r"^```yaml (\.github/workflows/\S+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE
)
OURS = re.compile(r"^(\./|\./\.github/actions/compiledai)$")


class Loader(yaml.SafeLoader):
    """Reads YAML as CI services do: `on` is a word."""


Loader.yaml_implicit_resolvers = {
    letter: [(tag, what) for tag, what in found if tag != "tag:yaml.org,2002:bool"]
    for letter, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false)$"), list("tf"))


def read(path: Path):
    return yaml.load(path.read_text(encoding="utf-8"), Loader)


def workflows() -> dict[str, dict]:
    """Return every workflow of the repository: our own, the templates, the page's."""
    files = {path.name: read(path) for path in (*OWN, *TEMPLATES)}
    return files | {f"ci.md: {path}": yaml.load(text, Loader) for path, text in BLOCKS}


WORKFLOWS = workflows()


def steps(workflow: dict):
    for job in workflow["jobs"].values():
        yield from job.get("steps", [])


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        pytest.param("github-action", read(ACTION), id="action.yml"),
        *(pytest.param("github-workflow", value, id=name) for name, value in WORKFLOWS.items()),
        pytest.param("gitlab-ci", read(GITLAB), id=GITLAB.name),
    ],
)
def test_a_file_is_what_its_service_reads(schema, value):
    """Each file holds against the schema of its service, and a wrong key would not."""
    validator = jsonschema.Draft7Validator(json.loads((DATA / f"{schema}.json").read_text()))

    assert [error.message for error in validator.iter_errors(value)] == []
    assert list(validator.iter_errors(value | {"jobs": 5, "runs": 5, "stages": 5}))


def test_the_audit_finds_nothing(tmp_path):
    """Actions, workflows, templates and the page's blocks stand an audit, offline."""
    program = Path(sys.executable).with_name("zizmor")
    if not program.exists():
        pytest.skip("zizmor is missing")
    for path, text in BLOCKS:
        (tmp_path / Path(path).name).write_text(text, encoding="utf-8")
    files = [ACTION, *OWN, *TEMPLATES, *sorted(tmp_path.iterdir())]

    done = subprocess.run(
        [str(program), "--offline", "--quiet", "--strict-collection", *map(str, files)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_key_of_with_is_an_input_of_ours():
    """No service complains of a wrong key: a typo would silently run the default."""
    inputs = set(read(ACTION)["inputs"])
    used = [
        (name, set(step.get("with", {})))
        for name, workflow in WORKFLOWS.items()
        for step in steps(workflow)
        if OURS.match(step.get("uses", ""))
    ]

    assert used
    assert [(name, keys - inputs) for name, keys in used if keys - inputs] == []


def test_the_page_names_every_input_and_output():
    """The page's tables hold the action's names, defaults and sentences, and no others."""
    action = read(ACTION)
    rows = [
        f"| `{name}` | {_default(facts['default'])} | {facts['description']} |"
        for name, facts in action["inputs"].items()
    ]
    rows += [f"| `{name}` | {facts['description']} |" for name, facts in action["outputs"].items()]
    shown = re.search(r"<!-- action: begin -->\n(.*?)<!-- action: end -->", PAGE, re.DOTALL)[1]

    assert rows == [line for line in shown.splitlines() if line.startswith("| `")]


def _default(text: str) -> str:
    return f"`{text}`" if text else ""


def test_every_output_that_is_read_exists():
    """`steps.ID.outputs.NAME` of our action, and the action's own, are outputs there are."""
    action = read(ACTION)
    own = {facts["value"] for facts in action["outputs"].values()}
    assert own == {f"${{{{ steps.run.outputs.{name} }}}}" for name in action["outputs"]}
    for name, workflow in WORKFLOWS.items():
        ids = {
            step["id"]
            for step in steps(workflow)
            if OURS.match(step.get("uses", "")) and "id" in step
        }
        read_ = re.findall(r"steps\.([\w-]+)\.outputs\.([\w-]+)", json.dumps(workflow))
        assert [n for i, n in read_ if i in ids and n not in action["outputs"]] == [], name


def test_no_input_stands_inside_a_script():
    """A script is text of ours: values come by the environment."""
    scripts = [step["run"] for step in read(ACTION)["runs"]["steps"] if "run" in step]
    scripts += [s["run"] for workflow in WORKFLOWS.values() for s in steps(workflow) if "run" in s]

    assert scripts
    assert [script for script in scripts if "${{" in script] == []


def test_every_script_is_read_by_bash():
    """A script has no open quotation and no unfinished condition."""
    scripts = [step["run"] for step in read(ACTION)["runs"]["steps"] if "run" in step]
    scripts += [s["run"] for workflow in WORKFLOWS.values() for s in steps(workflow) if "run" in s]
    for script in scripts:
        done = subprocess.run(["bash", "-n"], input=script, text=True, check=False, timeout=10)
        assert done.returncode == 0, script


def test_one_action_has_one_pin():
    """Every action of others is pinned to one commit, with its version, everywhere."""
    texts = [path.read_text(encoding="utf-8") for path in (ACTION, *OWN, *TEMPLATES)]
    uses = re.findall(r"uses: ([^@\s.]+)@(\S+)(.*)$", "\n".join([*texts, PAGE]), re.MULTILINE)
    pins: dict[str, set[str]] = {}
    for name, commit, comment in uses:
        assert re.fullmatch(r"[0-9a-f]{40} # v\d+\.\d+\.\d+", f"{commit}{comment}"), name
        pins.setdefault(name, set()).add(commit)

    assert {name: commits for name, commits in pins.items() if len(commits) > 1} == {}


def test_templates_install_this_version():
    """What a template pins is the version that reads what this action leaves."""
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    pins = [re.findall('pytest-compiledai==([^"]+)', path.read_text()) for path in TEMPLATES]

    assert [[version[1]]] * len(TEMPLATES) == pins


def test_a_run_of_strangers_has_no_key():
    """No job that a pull request starts unasked reads a secret or may write."""
    for name, workflow in WORKFLOWS.items():
        trigger = workflow["on"]
        assert "pull_request_target" not in trigger, name
        assert workflow["permissions"] == {}, name
        if "pull_request" in trigger and (trigger["pull_request"] or {}).get("types") != [
            "labeled"
        ]:
            assert "secrets." not in json.dumps(workflow), name
            rights = [job["permissions"] for job in workflow["jobs"].values()]
            assert all(set(right.values()) <= {"read"} for right in rights), name


def test_the_job_with_the_key_writes_nothing():
    """The key and the right to write are in two jobs, the key behind an environment."""
    jobs = read(TEMPLATES[0])["jobs"]
    with_key = [job for job in jobs.values() if "secrets." in json.dumps(job)]

    assert [(job["environment"], job["permissions"]) for job in with_key] == [
        ("compile", {"contents": "read"})
    ]


def test_the_comment_runs_nothing_of_the_change():
    """The workflow that may comment checks out nothing."""
    used = [step.get("uses", "") for step in steps(read(TEMPLATES[1]))]

    assert [name for name in used if "checkout" in name or name.startswith("./")] == []


@pytest.fixture(scope="module")
def hooks() -> dict[str, dict]:
    return {hook["id"]: hook for hook in read(ROOT / ".pre-commit-hooks.yaml")}


def test_the_hooks_have_what_pre_commit_asks_for(hooks):
    """Both hooks have the keys of a manifest, a known language and patterns that compile."""
    known = {"id", "name", "description", "entry", "language", "pass_filenames", "files", "exclude"}
    known |= {"types", "stages"}

    assert set(hooks) == {"compiledai-locked", "compiledai-check"}
    for hook in hooks.values():
        assert {"id", "name", "entry", "language"} <= set(hook) <= known
        assert hook["language"] == "system"
        for key in ("files", "exclude"):
            re.compile(hook.get(key, ""))


@pytest.mark.parametrize(
    ("hook", "path", "matches"),
    [
        ("compiledai-locked", "specs/a.yaml", True),
        ("compiledai-locked", "compiled/a.py", True),
        ("compiledai-locked", "compiledai.lock", True),
        ("compiledai-locked", "src/specs.py", False),
        ("compiledai-check", "compiled/a.py", True),
        ("compiledai-check", "compiled/a/b.py", True),
        ("compiledai-check", "compiled/__init__.py", False),
        ("compiledai-check", "compiled/.next/a.py", False),
        ("compiledai-check", "specs/a.py", False),
    ],
)
def test_a_hook_runs_for_the_files_it_is_about(hooks, hook, path, matches):
    """What it leaves out is ours, or not frozen yet."""
    facts = hooks[hook]
    found = re.search(facts["files"], path)
    left_out = "exclude" in facts and re.search(facts["exclude"], path)

    assert matches == bool(found and not left_out)
