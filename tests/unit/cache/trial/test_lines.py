"""Files of pairs, read and written."""

import json
import os
import stat
from pathlib import Path

import pytest

from app.cache.pairs import AskedPair, Judged
from app.cache.trial.files import judge_file, score_file
from app.cache.trial.lines import asked_pairs, labelled_pairs, output_line
from app.errors import ConfigError, InvalidRequest
from app.trial.lines import lines_of, written_whole
from tests.unit.cache.judging import judge


def line(**fields: object) -> bytes:
    return json.dumps({"a": "one", "b": "two", **fields}).encode()


def test_a_context_is_a_system_prompt_or_messages() -> None:
    """Nothing, null and empty are no context; other fields and blank lines are passed over."""
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    lines = [
        line(),
        b"\n",
        line(context=None, other=1),
        line(context=""),
        line(context="Be brief."),
        line(context=messages),
    ]
    none, null, empty, text, told = asked_pairs(lines)
    assert none == null == empty == AskedPair("one", "two")
    assert text.context == ({"role": "system", "content": "Be brief."},)
    assert told.context == tuple(messages)


def test_a_byte_order_mark_and_unicode_are_read() -> None:
    """As editors on Windows write; a separator of lines inside a text is none of the file's."""
    [pair] = asked_pairs(
        [b"\xef\xbb\xbf" + json.dumps({"a": "é\u2028", "b": "b"}, ensure_ascii=False).encode() + b"\r\n"]
    )
    assert pair.a == "é\u2028"


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (b"no json", "is not a JSON object"),
        (b"[1]", "is not a JSON object"),
        (b"\xff\xfe{", "is not a JSON object"),
        (b"[" * 100_000, "is not a JSON object"),
        (b'{"a": "x"}', 'has no strings "a" and "b"'),
        (b'{"a": "x", "b": 3}', 'has no strings "a" and "b"'),
        (line(context=7), '"context" is neither a string nor a list of messages'),
        (line(context=["hi"]), '"context" is neither a string nor a list of messages'),
        (line(context=[{"content": "hi"}]), '"context" is neither a string nor a list of messages'),
    ],
)
def test_a_line_that_is_no_pair_is_named(bad: bytes, why: str) -> None:
    """By its number in the file, and nothing of its content."""
    with pytest.raises(InvalidRequest, match=f"^line 3:? {why}$"):
        list(asked_pairs([line(), b"", bad]))


@pytest.mark.parametrize("label", ["1", 2, None, 0.5])
def test_a_label_is_0_or_1(label: object) -> None:
    """Nothing is guessed."""
    with pytest.raises(InvalidRequest, match=r'^line 1: "label" is neither 0 nor 1$'):
        list(labelled_pairs([line(label=label)]))


def test_labels_may_be_written_as_booleans() -> None:
    """The category is text, whatever it was."""
    yes, no = labelled_pairs([line(label=True, category=7), line(label=0)])
    assert (yes.label, yes.category, no.label, no.category) == (1, "7", 0, "all")


def test_a_judgement_is_four_fields_and_no_prompt() -> None:
    """In JSON that any reader reads."""
    told = json.loads(output_line(Judged(True, 0.91234567, 0.99, "the same words", verified=True)))
    assert told == {"hit": True, "similarity": 0.912346, "p_same": 0.99, "reason": "the same words"}
    assert json.loads(output_line(Judged(True, 0.9, None, "threshold")))["p_same"] is None


def test_each_line_has_its_judgement_in_order(tmp_path: Path) -> None:
    """The output may even be the input."""
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(b"\n".join([line(b="one"), line(), line(a="two")]) + b"\n")
    judge_file(path, path, judge())
    assert [json.loads(told)["hit"] for told in path.read_text().splitlines()] == [True, False, True]
    assert [each.name for each in tmp_path.iterdir()] == ["pairs.jsonl"]


def test_a_malformed_line_writes_nothing(tmp_path: Path) -> None:
    """Not even the judgements before it; what was there stays. The error names file and line."""
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_bytes((line() + b"\n") * 600 + b"oops\n")
    output.write_text("as it was")
    with pytest.raises(InvalidRequest, match=r"in\.jsonl: line 601 is not a JSON object"):
        judge_file(source, output, judge())
    assert output.read_text() == "as it was"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["in.jsonl", "out.jsonl"]


def test_files_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    """By their names."""
    with pytest.raises(ConfigError, match="nowhere"):
        score_file(tmp_path / "nowhere", judge())
    (tmp_path / "in").write_bytes(line())
    with pytest.raises(ConfigError, match="No such file"):
        judge_file(tmp_path / "in", tmp_path / "no" / "folder", judge())


def test_what_is_written_has_the_modes_of_any_new_file(tmp_path: Path) -> None:
    """And a link is followed, not replaced."""
    real, link = tmp_path / "real", tmp_path / "link"
    real.touch()
    link.symlink_to(real)
    with written_whole(link) as out:
        out.write(b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    (tmp_path / "other").touch()
    assert stat.S_IMODE(real.stat().st_mode) == stat.S_IMODE((tmp_path / "other").stat().st_mode)


def test_a_pipe_is_written_to_as_it_is(tmp_path: Path) -> None:
    """It cannot be replaced: `--output /dev/stdout | …` works, and so does a named one."""
    named = tmp_path / "pipe"
    os.mkfifo(named)
    reader, writer = os.pipe()
    for source, path in ((os.open(named, os.O_RDONLY | os.O_NONBLOCK), named), (reader, Path(f"/dev/fd/{writer}"))):
        with written_whole(path) as out:
            out.write(b"told")
        assert os.read(source, 10) == b"told"
        os.close(source)
    os.close(writer)
    assert stat.S_ISFIFO(named.stat().st_mode)


def test_a_stream_that_goes_to_a_file_keeps_what_is_in_it(tmp_path: Path) -> None:
    """`{ echo head; leanserve …; } > file`: the shell's file is neither emptied nor replaced."""
    with (tmp_path / "file").open("w+b") as stream:
        stream.write(b"head\n")
        stream.flush()
        with written_whole(Path(f"/dev/fd/{stream.fileno()}")) as out:
            out.write(b"told\n")
        stream.seek(0)
        assert stream.read() == b"head\ntold\n"


def test_the_progress_is_that_of_the_bytes(tmp_path: Path) -> None:
    """They add up to the file's size."""
    path, sizes = tmp_path / "in", list[int]()
    path.write_bytes(b"1\n22\n333")
    with lines_of(path, sizes.append) as lines:
        assert list(lines) == [b"1\n", b"22\n", b"333"]
    assert sum(sizes) == path.stat().st_size
