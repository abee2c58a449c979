"""The documents name what the code has, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from poslogs.app import create_app
from poslogs.settings import SETTINGS, Settings
from poslogs.tools.table import TOOLS
from tests.docs.sentences import in_code

REPO = Path(__file__).resolve().parents[2]
REFERENCE = (REPO / "docs" / "reference.md").read_text()
README = (REPO / "README.md").read_text()
DOCUMENTS = [README, (REPO / "CONTRIBUTING.md").read_text(), *[p.read_text() for p in (REPO / "docs").rglob("*.md")]]


def test_every_sentence_of_the_code_is_in_the_reference_and_the_other_way_round() -> None:
    """Sentences of refusals, error frames and failed starts agree word by word."""
    told = set(re.findall(r"^- (.+)$", REFERENCE, re.MULTILINE)) - {
        "and what platformOS did, as in an `error` frame below, when it fails a `/call`"
    }
    said = {sentence for sentences in in_code().values() for sentence in sentences}
    assert said - told == set(), "said by the code, not told by the reference"
    assert told - said == set(), "told by the reference, not said by the code"


def test_the_sentences_of_the_code_are_really_found() -> None:
    """The test above would be empty if the extraction were."""
    found = in_code()
    assert "Unknown environment …; known: …." in found["UnknownEnvironment"]
    assert len(found) > 10


def test_every_setting_is_in_the_readme_with_its_default_and_meaning() -> None:
    """The table has one row for each setting, in the same words, and no other rows."""
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (.+) \|$", README, re.MULTILINE))
    assert rows == {s.variable: f"{f'`{s.default}`' if s.default else 'none'} | {s.meaning}" for s in SETTINGS}


def test_no_document_names_a_setting_that_is_none() -> None:
    """Every POSLOGS_ or MPKIT_ word in the documents is a setting."""
    named = {word for text in DOCUMENTS for word in re.findall(r"\b(?:POSLOGS|MPKIT)_[A-Z_]*[A-Z]\b", text)}
    assert named <= {setting.variable for setting in SETTINGS}
    assert named


def test_every_route_is_in_the_reference_and_the_other_way_round(tmp_path: Path) -> None:
    """The table of routes agrees with Flask's own map."""
    clients = tmp_path / "clients.json"
    clients.write_text('{"a": {"token": "t"}}')
    app = create_app(Settings.read({"POSLOGS_CLIENTS_FILE": str(clients)}))
    routes = {
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert set(re.findall(r"^\| `((?:GET|POST) /\S*)` \|", REFERENCE, re.MULTILINE)) == routes


def test_every_tool_and_input_is_in_the_reference_and_the_other_way_round() -> None:
    """Names, doors, bounds and defaults agree."""
    told = dict(re.findall(r"^### (platformos\.\S+)\n(.*?)(?=^##)", REFERENCE, re.MULTILINE | re.DOTALL))
    assert set(told) == set(TOOLS)
    for tool in TOOLS.values():
        text = told[tool.name]
        assert f"`POST {tool.door}`" in text
        assert tool.description in text
        assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == list(tool.inputs)
        for name, schema in tool.inputs.items():
            row = re.search(rf"^\| `{name}` \| (.+) \| (.+) \|$", text, re.MULTILINE)
            assert row is not None
            assert row[2] == schema["description"]
            assert ("required" in row[1]) is (name in tool.required)
            for key in ("minimum", "maximum", "default", "maxLength"):
                assert str(schema.get(key, "")) in row[1], (tool.name, name, key)


def test_every_series_of_the_metrics_is_in_the_reference_and_the_other_way_round(tmp_path: Path) -> None:
    """Names, as Prometheus stores them, and labels agree."""
    clients = tmp_path / "clients.json"
    clients.write_text('{"a": {"token": "a-token-of-some-length"}}')
    nobody = f"unix://{tmp_path}/redis.sock"  # what is told of an engine is told also while that is away
    app = create_app(Settings.read({"POSLOGS_CLIENTS_FILE": str(clients), "POSLOGS_REDIS_URL": nobody}))
    faults = app.extensions["poslogs"].supervisor.faults
    faults["told"] = 1  # a series without samples has no labels
    answer = app.test_client().get("/metrics", headers={"Authorization": "Bearer a-token-of-some-length"})
    del faults["told"]
    found = {
        (sample.name, ", ".join(f"`{name}`" for name in sample.labels))
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    told = set(re.findall(r"^\| `((?:poslogs|process)_\w+)` \| ([^|]*?) ?\|", REFERENCE, re.MULTILINE))
    assert told == found


def test_no_document_names_a_series_that_is_none() -> None:
    """Alerts on a series that nobody writes would never fire."""
    known = set(re.findall(r"^\| `((?:poslogs|process)_\w+)` \|", REFERENCE, re.MULTILINE))
    named = {word for text in DOCUMENTS for word in re.findall(r"\b(?:poslogs|process)_[a-z_]+[a-z]\b", text)}
    assert named <= known, named - known


def test_every_module_is_in_the_decision_on_the_house_and_the_other_way_round() -> None:
    """A module is listed by its file's name, in doors/ with its folder."""
    text = (REPO / "docs" / "decisions" / "0001-the-house.md").read_text()
    rows = "".join(re.findall(r"^\| `.*", text, re.MULTILINE))
    named = {name.rpartition("/")[2] for name in re.findall(r"`([\w/]+\.py)`", rows)}
    assert named == {path.name for path in (REPO / "poslogs").rglob("*.py") if path.name != "__init__.py"}


def test_documents_cite_only_pages_of_this_repository() -> None:
    """Every page that one names by its file is in the repository, so every reader has it."""
    here = {path.name for path in [*REPO.glob("*.md"), *(REPO / "docs").rglob("*.md"), REPO / "bench" / "README.md"]}
    named = {name for text in DOCUMENTS for name in re.findall(r"\b([\w-]+\.md)\b", text)}
    assert named <= here
    assert not [text[:40] for text in DOCUMENTS if "../shared" in text]


def test_no_document_names_a_tool_that_is_none() -> None:
    """Every platformos.x.y in the documents is a tool."""
    named = {word for text in DOCUMENTS for word in re.findall(r"\bplatformos\.[a-z]+\.[a-z]+\b", text)}
    assert named <= set(TOOLS)


@pytest.mark.parametrize(
    "document",
    [
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        *(str(p.relative_to(REPO)) for p in (REPO / "docs").rglob("*.md")),
    ],
)
def test_every_link_and_path_in_a_document_leads_somewhere(document: str) -> None:
    """This holds for relative links, and for the files that CONTRIBUTING names."""
    path = REPO / document
    text = path.read_text()
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
        assert (path.parent / target).exists(), target
    if document == "CONTRIBUTING.md":
        for name in re.findall(r"`((?:poslogs|tests)/[\w./]+)`", text):
            assert (REPO / name).exists(), name
