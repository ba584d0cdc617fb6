"""weights.lock: Cog's file, read and written to the byte, and drift against cog.yaml."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cogsmith.config import Weight, WeightSource
from cogsmith.errors import WeightsError, WeightsStale
from cogsmith.weights import (
    LockedWeight,
    WeightsLock,
    drift,
    load_lock,
    lock_path,
    parse_lock,
    require,
    save_lock,
    wanted,
)

# What Cog itself wrote for its example with a model of 102 MB: names, sizes and digests.
COGS = Path(__file__).with_name("resnet.json").read_bytes()


@pytest.fixture
def lock() -> WeightsLock:
    return parse_lock(COGS)


@pytest.fixture
def resnet(lock: WeightsLock) -> LockedWeight:
    return lock.weights[0]


def declared(**changes: Any) -> Weight:
    source = {
        "uri": "huggingface://microsoft/resnet-50@main",
        "exclude": [
            "tf_model.h5", "README.md", "flax_model.msgpack", "pytorch_model.bin", ".gitattributes",
        ],
        **changes.pop("source", {}),
    }  # fmt: skip
    made = {"name": "resnet50", "target": "/src/weights/resnet50", **changes}
    return Weight(**made, source=WeightSource(**source))


def test_cogs_lock_is_read_and_written_again_to_the_byte(lock: WeightsLock) -> None:
    assert lock.render() == COGS


def test_what_it_says_of_a_weight(resnet: LockedWeight) -> None:
    assert (resnet.size, resnet.size_compressed, len(resnet.files)) == (102552676, 102509231, 3)
    bundle, large = sorted(resnet.layers, key=lambda layer: layer.size)
    assert [file.path for file in resnet.files_of(large.digest)] == ["model.safetensors"]
    assert len(resnet.files_of(bundle.digest)) == 2


def test_the_config_it_was_made_for_has_no_drift_in_any_order_of_patterns(
    lock: WeightsLock,
) -> None:
    assert drift(lock, [wanted(declared())]) == ()
    assert require(lock, [wanted(declared())]) is lock


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"target": "/src/w"}, ("target: /src/weights/resnet50 → /src/w",)),
        ({"source": {"uri": "weights"}}, ("uri: hf://microsoft/resnet-50 → file://./weights",)),
        ({"source": {"include": ["*.json"]}}, ("include: [] → [*.json]",)),
    ],
    ids=["target", "uri", "include"],
)
def test_a_change_in_the_config_is_named(
    lock: WeightsLock, changes: dict[str, Any], said: tuple[str, ...]
) -> None:
    (found,) = drift(lock, [wanted(declared(**changes))])
    assert (found.kind, found.details) == ("config-changed", said)


def test_all_that_is_stale_is_told_at_once(lock: WeightsLock) -> None:
    new = [wanted(declared(name="new", target="/n")), wanted(declared(name="other", target="/o"))]
    with pytest.raises(WeightsStale) as caught:
        require(lock, new)
    assert [problem.message.split('"')[1] for problem in caught.value.problems] == [
        "new", "other", "resnet50",
    ]  # fmt: skip
    assert "weights import" in caught.value.hint
    assert [one.kind for one in drift(None, new)] == ["pending", "pending"]


def test_an_import_that_changes_nothing_but_the_time_changes_nothing(
    lock: WeightsLock, resnet: LockedWeight
) -> None:
    later = replace(resnet.sources[0], imported_at="2027-01-01T00:00:00Z")
    assert lock.having(replace(resnet, sources=(later,))) is lock


def test_a_weight_takes_the_place_of_the_one_of_its_name(
    lock: WeightsLock, resnet: LockedWeight
) -> None:
    second = lock.having(replace(resnet, name="second"))
    moved = second.having(replace(resnet, target="/elsewhere"))
    assert [(w.name, w.target) for w in moved.weights] == [
        ("resnet50", "/elsewhere"), ("second", "/src/weights/resnet50"),
    ]  # fmt: skip
    assert [w.name for w in moved.keeping({"second"}).weights] == ["second"]


def test_unknown_names_are_all_told(lock: WeightsLock) -> None:
    assert lock.select([]) == lock.weights
    assert lock.select(["resnet50", "resnet50"]) == lock.weights
    with pytest.raises(WeightsError, match=r"unknown weight\(s\): a, b"):
        lock.select(["a", "resnet50", "b"])


def changed(path: str, value: object) -> bytes:
    """Cog's lock with one value another, or taken out (...)."""
    document = json.loads(COGS)
    *way, last = path.split("/")
    at: Any = document["weights"][0]
    for part in way:
        at = at[int(part) if part.isdigit() else part]
    if value is ...:
        del at[last]
    else:
        at[int(last) if last.isdigit() else last] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{", "not JSON"), (b"[]", "unsupported weights.lock version null"),
        (b'{"version": "v1", "weights": []}', 'unsupported weights.lock version "v1"'),
        (b'{"version": 2, "weights": []}', "unsupported weights.lock version 2 (want 1)"),
        (changed("digest", ...), "has no 'digest'"), (changed("name", 3), "where text must stand"),
        (changed("digest", "sha256:1"), "sha256"), (changed("files/0/size", -1), "number of bytes"),
        (changed("files/0/path", "../../etc/passwd"), "not a path inside the target"),
        (changed("files/0/digest", "sha256:" + "0" * 64), "setDigest"),
        (changed("files/0/layer", "sha256:" + "0" * 64), "names no layer"),
        (changed("layers/0/mediaType", "text/plain"), "cannot be read"),
        (changed("name", "../up"), "has the name '../up'"),
        (b'{"version": 1, "weights": 7}', "not a list"),
        (b'{"version": 1, "weights": ["x", null]}', "weights[1]"),
    ],
    ids=range(15),
)  # fmt: skip
def test_what_is_no_lock_is_refused_with_a_reason(data: bytes, said: str) -> None:
    with pytest.raises(WeightsError) as caught:
        parse_lock(data, where="weights.lock")
    assert any(said in problem.message for problem in caught.value.problems)
    assert {problem.where for problem in caught.value.problems} == {"weights.lock"}


def test_a_lock_without_weights_has_none() -> None:
    for data in (b'{"version": 1}', b'{"version": 1, "weights": null}'):
        assert parse_lock(data).weights == ()


def test_a_list_of_sources_is_read_as_newer_cogs_write_it(resnet: LockedWeight) -> None:
    one = json.loads(COGS)["weights"][0]["source"]
    for key in ("source", "sources"):
        data = changed("source", ...)
        document = json.loads(data)
        document["weights"][0][key] = [one, {**one, "uri": "https://example.com/a.bin"}]
        (weight,) = parse_lock(json.dumps(document).encode()).weights
        assert [source.uri for source in weight.sources] == [
            "hf://microsoft/resnet-50", "https://example.com/a.bin",
        ]  # fmt: skip
        assert parse_lock(WeightsLock(weights=(weight,)).render()).weights == (weight,)


def test_a_lock_is_on_the_disk_whole_or_not_and_written_only_when_it_changes(
    tmp_path: Path, lock: WeightsLock
) -> None:
    path = lock_path(tmp_path / "cog.yaml")
    assert load_lock(path) is None
    assert save_lock(path, lock)
    assert not save_lock(path, lock)
    assert load_lock(path) == lock
    assert [file.name for file in tmp_path.iterdir()] == ["weights.lock"]


def test_models_of_one_repository_have_locks_of_their_own() -> None:
    assert lock_path(Path("cog.llama.yaml")).name == "weights.llama.lock"
