"""Reading figure records: the PFOCR layout, real-world dirt, and files made to do harm."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pfocr_chat.corpus import MAX_FILE_BYTES, MAX_TABLE_BYTES, RecordFiles, find_records, read_record
from pfocr_chat.errors import CorpusError, RecordError
from pfocr_chat.records import FigureRecord, Kind, Mention, Tier
from pfocr_chat.resources import data_folder

FIGID = "PMC123__fig-1"
GENE_HEADER = "organism_id\torganism_name\torganism_group\tword\tmatch\tncbigene_symbol\tncbigene_id\tsource\n"
CHEMICAL_HEADER = "word\tmesh\tmatch\tname\tchebi\n"
DISEASE_HEADER = "word\tdoid\tmatch\tname\n"
NEXT_YEAR = date.today().year + 1


def write_figure(folder: Path, fields: str = "", *, figid: str = FIGID, stem: str | None = None) -> Path:
    """A record file in the PFOCR layout with ``fields`` as the YAML after its figid."""
    path = folder / "_figures" / f"{stem or figid}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"---\nfigid: {figid}\n{fields}\n---\n", encoding="utf-8")
    return path


def write_table(folder: Path, plural: str, text: str, *, stem: str = FIGID) -> Path:
    path = folder / "_data" / f"{stem}-{plural}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def read_one(folder: Path) -> FigureRecord:
    """The folder's only record, read without a problem."""
    (files,) = find_records(folder)
    record, problems = read_record(files)
    assert problems == ()
    return record


def reason_of(path: Path) -> str:
    """Why the record at ``path`` cannot be read."""
    with pytest.raises(RecordError) as caught:
        read_record(RecordFiles(path))
    assert caught.value.path == path
    assert str(caught.value) == f"{path}: {caught.value.reason}"
    assert 0 < len(caught.value.reason) < 200
    assert "\n" not in caught.value.reason
    return caught.value.reason


@contextmanager
def unprivileged() -> Iterator[Path]:
    """A folder to work in, as a user to whom file permissions apply."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        is_root = os.geteuid() == 0
        if is_root:
            os.chown(folder, 65534, 65534)
            os.seteuid(65534)
        try:
            yield folder
        finally:
            if is_root:
                os.seteuid(0)


def test_reads_a_record_of_the_pfocr_layout(tmp_path: Path) -> None:
    """Fields come from the front matter, and mentions from the tables of the same name."""
    write_figure(
        tmp_path,
        "figtitle: Hippo signalling\norganisms:\n- Homo sapiens\n- Mus musculus\npmcid: PMC123\nfilename: fig-1.jpg\n"
        "figlink: /pmc/articles/PMC123/figure/F1/\nnumber: F1\ncaption: YAP enters\n  the nucleus.\n"
        "papertitle: 'Hippo: a review'\nreftext: A B, et al. Cell. 2015.\nyear: '2015'\ndoi: 10.1000/xyz.1\n"
        "journal_title: Cell\nkeywords: hippo | YAP | hippo\nfigid_alias: PMC123__F1\nfigtype: Figure\nndex: ''",
    )
    write_table(
        tmp_path, "genes", GENE_HEADER + "9606\tHomo sapiens\tPrimates\thYAP\tYAP\tYAP1\t10413\tncbigene_synonym\n"
    )
    write_table(tmp_path, "chemicals", CHEMICAL_HEADER + "ATP\tmesh:D000255\tATP\tAdenosine Triphosphate\tNA\n")
    write_table(tmp_path, "diseases", DISEASE_HEADER + "cancer\tDOID:162\tcancer\tcancer\n")
    assert read_one(tmp_path) == FigureRecord(
        figid=FIGID,
        title="Hippo signalling",
        caption="YAP enters the nucleus.",
        pmcid="PMC123",
        filename="fig-1.jpg",
        figlink="/pmc/articles/PMC123/figure/F1/",
        number="F1",
        alias="PMC123__F1",
        figtype="Figure",
        paper_title="Hippo: a review",
        reference="A B, et al. Cell. 2015.",
        year=2015,
        journal="Cell",
        doi="10.1000/xyz.1",
        organisms=("Homo sapiens", "Mus musculus"),
        keywords=("hippo", "YAP"),
        mentions=(
            Mention(Kind.GENE, "hYAP", "YAP1", Tier.SYNONYM, "10413", "Homo sapiens", match="YAP"),
            Mention(Kind.CHEMICAL, "ATP", "Adenosine Triphosphate", Tier.SYNONYM, "mesh:D000255", match="ATP"),
            Mention(Kind.DISEASE, "cancer", "cancer", Tier.SYMBOL, "DOID:162", match="cancer"),
        ),
    )


def test_reads_a_plain_folder(tmp_path: Path) -> None:
    """Records may lie at the top of a folder, beside those in _figures/; a read-me file is no record."""
    write_figure(tmp_path, figid="PMC2__b")
    (tmp_path / "PMC1__a.md").write_text("---\nfigid: PMC1__a\n---\n")
    (tmp_path / "README.md").write_text("About these records.")
    (tmp_path / "notes.txt").write_text("---\nfigid: PMC3__c\n---\n")
    found = find_records(tmp_path)
    assert [files.path.relative_to(tmp_path).as_posix() for files in found] == ["PMC1__a.md", "_figures/PMC2__b.md"]
    assert [read_record(files)[0].figid for files in found] == ["PMC1__a", "PMC2__b"]


def test_every_starter_record_can_be_read() -> None:
    """The shipped seeds have no problem, and their captions are marked as what they are."""
    records = []
    for files in find_records(data_folder("seeds")):
        record, problems = read_record(files)
        assert problems == ()
        assert record.title
        assert record.caption
        assert record.year
        records.append(record)
    assert len(records) > 150
    assert [r.figid for r in records if r.caption_source == "paper"] == ["PMC11989024__ijms-26-03143-g003"]


def test_prompts_and_seeds_are_found() -> None:
    """The folders of shipped data exist wherever the package was installed from."""
    assert list(data_folder("prompts").iterdir())
    assert (data_folder("seeds") / "_figures").is_dir()


@pytest.mark.parametrize("value", ["", "''", "NA", "'NA'", "N/A", "null", "~", "'  '", "[]", "{}", "[NA]", "\n- NA"])
def test_a_field_that_says_nothing_is_none(tmp_path: Path, value: str) -> None:
    """Empty and NA fields are unknown, and leave the rest of the record as it is."""
    names = ("figtitle", "caption", "filename", "papertitle", "year", "doi", "journal_title", "organisms", "keywords")
    path = write_figure(tmp_path, "\n".join(f"{name}: {value}" for name in names) + "\nnumber: F1")
    record, _ = read_record(RecordFiles(path))
    assert record == FigureRecord(figid=FIGID, pmcid="PMC123", number="F1")


def test_a_record_may_have_only_a_figid(tmp_path: Path) -> None:
    """Missing fields are unknown; the paper follows from the figid."""
    write_figure(tmp_path)
    assert read_one(tmp_path) == FigureRecord(figid=FIGID, pmcid="PMC123")


@pytest.mark.parametrize(
    ("text", "year"),
    [
        *(("2015", 2015), ("'2015'", 2015), ("2015-03", 2015), ("2015.0", 2015), ("1899", 1899)),
        *((str(NEXT_YEAR), NEXT_YEAR), (str(NEXT_YEAR + 1), None), ("2098", None), ("1799", None)),
        *(("NA", None), ("20155", None), ("0", None), ("in 2015", None), ("-2015", None), ("2_015", None)),
    ],
)
def test_years(tmp_path: Path, text: str, year: int | None) -> None:
    """A year may be a number or a string; what is no year, or one that is yet to come, is unknown."""
    write_figure(tmp_path, f"year: {text}")
    assert read_one(tmp_path).year == year


@pytest.mark.parametrize("symbol", ["NO", "No", "ON", "on", "Y", "yes", "OFF", "na", "TRUE", "1e5", "012", "SEPT2"])
def test_symbols_stay_text(tmp_path: Path, symbol: str) -> None:
    """Names that YAML would take for booleans or numbers keep their spelling, in both record formats."""
    write_figure(tmp_path, f"figtitle: {symbol}\ngenes: [{symbol}, {{word: {symbol}, symbol: {symbol}}}]")
    row = f"9606\tHomo sapiens\tPrimates\t{symbol}\t{symbol}\t{symbol}\t1\tncbigene_symbol\n"
    write_table(tmp_path, "genes", GENE_HEADER + row)
    record = read_one(tmp_path)
    assert record.title == symbol
    assert {(m.word, m.name) for m in record.mentions} == {(symbol, symbol)}


def test_a_gene_may_be_called_na(tmp_path: Path) -> None:
    """NA is a symbol where an id stands beside it, and missing where the id is missing too."""
    rows = "9606\tHomo sapiens\tPrimates\tNa\tNA\tNA\t956551\tncbigene_symbol\n"
    rows += "9606\tHomo sapiens\tPrimates\tp99\tNA\tNA\tNA\tncbigene_synonym\n"
    write_figure(tmp_path)
    write_table(tmp_path, "genes", GENE_HEADER + rows)
    assert [(m.word, m.name, m.identifier) for m in read_one(tmp_path).mentions] == [
        ("Na", "NA", "956551"),
        ("p99", "p99", None),
    ]


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_line_ends_and_byte_order_marks(tmp_path: Path, bom: bytes, newline: bytes) -> None:
    """Windows and old Mac line ends and a BOM change nothing, in records and tables."""
    record = write_figure(tmp_path, "figtitle: Über α\ncaption: 'One\n\n  two'\norganisms:\n- Mus musculus")
    table = write_table(
        tmp_path, "genes", GENE_HEADER + "1\tMus musculus\tM\tTNFα\tTNFA\tTnf\t21926\tncbigene_symbol\n"
    )
    for path in (record, table):
        path.write_bytes(bom + path.read_bytes().replace(b"\n", newline))
    read = read_one(tmp_path)
    assert (read.title, read.caption, read.organisms) == ("Über α", "One two", ("Mus musculus",))
    assert read.mentions == (Mention(Kind.GENE, "TNFα", "Tnf", Tier.SYMBOL, "21926", "Mus musculus", match="TNFA"),)


def test_one_word_matched_in_several_organisms(tmp_path: Path) -> None:
    """Each organism's row is kept, and a row that stands twice counts once."""
    rows = "9606\tHomo sapiens\tPrimates\tp53\tP53\tTP53\t7157\tncbigene_synonym\n"
    rows += "10090\tMus musculus\tRodents\tp53\tP53\tTrp53\t22059\tncbigene_synonym\n"
    write_figure(tmp_path)
    write_table(tmp_path, "genes", GENE_HEADER + rows + rows)
    assert [(m.word, m.name, m.organism) for m in read_one(tmp_path).mentions] == [
        ("p53", "TP53", "Homo sapiens"),
        ("p53", "Trp53", "Mus musculus"),
    ]


@pytest.mark.parametrize(
    ("caption", "expected"), [("", "Said twice."), ("caption: NA\n", "Said twice."), ("caption: Own.\n", "Own.")]
)
def test_the_caption_repeated_in_the_description(tmp_path: Path, caption: str, expected: str) -> None:
    """schema-jsonld.description stands in for a caption that is missing, and only then."""
    write_figure(tmp_path, f"{caption}schema-jsonld:\n  '@type': Dataset\n  description: Said\n    twice.")
    assert read_one(tmp_path).caption == expected


def test_records_of_the_older_generation(tmp_path: Path) -> None:
    """Genes, chemicals, diseases and links in the front matter are read where there are no tables."""
    write_figure(
        tmp_path,
        """wpid: WP100
ndex: 1a2b
annotations: [{type: Pathway, value: hippo}]
genes:
- {word: YAP, symbol: YAP, source: hgnc_alias_symbol, hgnc_symbol: YAP1, entrez: '10413'}
- {word: TP53, symbol: TP53, source: hgnc_symbol, hgnc_symbol: TP53, entrez: 7157}
- {word: AKT, symbol: AKT, source: bioentities_symbol, hgnc_symbol: AKT1, entrez: 207}
- {word: ''}
- []
chemicals:
- {word: ATP, source: MeSH, identifier: D000255}
diseases:
- {word: Cancer, source: MeSH, identifier: NA}
""",
    )
    record = read_one(tmp_path)
    assert (record.wpid, record.ndex) == ("WP100", "1a2b")
    assert record.mentions == (
        Mention(Kind.GENE, "YAP", "YAP1", Tier.SYNONYM, "10413"),
        Mention(Kind.GENE, "TP53", "TP53", Tier.SYMBOL, "7157"),
        Mention(Kind.GENE, "AKT", "AKT1", Tier.FAMILY, "207"),
        Mention(Kind.CHEMICAL, "ATP", "ATP", Tier.SYMBOL, "D000255"),
        Mention(Kind.DISEASE, "Cancer", "Cancer", Tier.SYMBOL),
    )


@pytest.mark.parametrize(
    ("source", "tier"),
    [
        *(("ncbigene_symbol", Tier.SYMBOL), ("hgnc_symbol", Tier.SYMBOL)),
        *(("ncbigene_synonym", Tier.SYNONYM), ("hgnc_prev_symbol", Tier.SYNONYM)),
        *(("bioentities_symbol", Tier.FAMILY), ("famplex_relations", Tier.FAMILY)),
        *(("", Tier.SYNONYM), ("something new", Tier.SYNONYM)),
    ],
)
def test_tiers(tmp_path: Path, source: str, tier: Tier) -> None:
    """How a gene was matched decides how strong its evidence is."""
    write_figure(tmp_path)
    write_table(tmp_path, "genes", GENE_HEADER + f"9606\tHomo sapiens\tPrimates\tA1\tA1\tA1\t1\t{source}\n")
    assert [m.tier for m in read_one(tmp_path).mentions] == [tier]


def test_chemicals(tmp_path: Path) -> None:
    """A chemical has its own name or a synonym of it, and the first identifier that is known."""
    rows = "atp\tmesh:D000255\tATP\tATP\tCHEBI:15422\nNA\tNA\tNA\tNA\tNA\n5-HT\tmesh:D012701\tx\tSerotonin\tNA\n"
    write_figure(tmp_path)
    write_table(tmp_path, "chemicals", CHEMICAL_HEADER + rows)
    assert read_one(tmp_path).mentions == (
        Mention(Kind.CHEMICAL, "atp", "ATP", Tier.SYMBOL, "CHEBI:15422", match="ATP"),
        Mention(Kind.CHEMICAL, "NA", "NA", Tier.SYMBOL),
        Mention(Kind.CHEMICAL, "5-HT", "Serotonin", Tier.SYNONYM, "mesh:D012701", match="x"),
    )


def test_untidy_tables(tmp_path: Path) -> None:
    """Quotes are text, short and long rows are read, rows without a word are left out."""
    rows = '9606\tHs\tP\t"IL-6\tIL6\tIL6\t3569\tncbigene_symbol\n9606\tHs\tP\tSHH"\n'
    rows += (
        "9606\tHs\tP\t\tX\tX\t1\tncbigene_symbol\n\n9606\tHs\tP\tWNT\tWNT\tWNT1\t7471\tfamplex_relations\tmore\tcells\n"
    )
    write_figure(tmp_path)
    write_table(tmp_path, "genes", GENE_HEADER + rows)
    assert [(m.word, m.name, m.tier) for m in read_one(tmp_path).mentions] == [
        ('"IL-6', "IL6", Tier.SYMBOL),
        ('SHH"', 'SHH"', Tier.SYNONYM),
        ("WNT", "WNT1", Tier.FAMILY),
    ]


def test_tags_are_taken_out_and_inequalities_kept(tmp_path: Path) -> None:
    """Publishers' simple tags go; a "<" that is text stays."""
    write_figure(tmp_path, "figtitle: <b>Ca<sup>2+</sup></b> flux\ncaption: '<span>P < 0.05, x<i>y</i> > z'")
    record = read_one(tmp_path)
    assert (record.title, record.caption) == ("Ca2+ flux", "P < 0.05, xy > z")


@pytest.mark.parametrize(
    "fields",
    [
        "pmcid: 'PMC1) [x](javascript:alert(1))'",
        "filename: ../../etc/passwd",
        "filename: 'x.jpg?y=<b>'",
        "figlink: //evil.example/x",
        "figlink: /pmc/articles/PMC1/figure/../../x",
        "doi: javascript:alert(1)",
    ],
)
def test_links_are_made_of_checked_parts_only(tmp_path: Path, fields: str) -> None:
    """A field that goes into an address is unknown where it is not of its kind."""
    write_figure(tmp_path, fields)
    assert read_one(tmp_path) == FigureRecord(figid=FIGID, pmcid="PMC123")


ALIAS_BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 30))
MERGE_BOMB = "m0: &m0 {k: v}\n" + "".join(
    f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 9)}]}}\n" for n in range(1, 12)
)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param(ALIAS_BOMB, "alias", id="alias bomb"),
        pytest.param(MERGE_BOMB, "alias", id="merge bomb"),
        pytest.param("a: &a [*a]", "alias", id="self-reference"),
        pytest.param("a: " + "[" * 33 + "]" * 33, "nested more than 32", id="nested"),
        pytest.param("a: " + "[" * 100_000, "nested more than 32", id="nested beyond what the parser survives"),
        pytest.param("a: " + "{a: " * 50_000, "nested more than 32", id="nested mappings"),
        pytest.param("\n".join("  " * n + f"k{n}:" for n in range(60)), "nested more than 32", id="nested by indent"),
        pytest.param("year: 2000\nyear: 2001", "'year' stands twice", id="duplicate key"),
        pytest.param("figid: PMC9__z", "'figid' stands twice", id="two figids"),
        pytest.param("year: 2000\n'year': 2001", "'year' stands twice", id="duplicate key, quoted"),
        pytest.param("title: a: b", "not valid YAML at line 3", id="colon in a value"),
        pytest.param("\ttitle: a", "not valid YAML", id="tab"),
        pytest.param("title: @x", "not valid YAML", id="reserved character"),
        pytest.param('title: "\\ud800"', "not valid YAML", id="surrogate"),
        pytest.param("title: a\0b", "not valid YAML", id="NUL"),
        pytest.param("{[a]: b}: c", "not valid YAML", id="mapping as a key"),
    ],
)
def test_harmful_or_broken_front_matter_is_refused(tmp_path: Path, fields: str, reason: str) -> None:
    """Such a file is refused at once, with the reason in a few words."""
    path = write_figure(tmp_path, fields)
    started = time.monotonic()
    assert reason in reason_of(path)
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", "no YAML front matter", id="empty"),
        pytest.param(b"Just prose.", "no YAML front matter", id="prose"),
        pytest.param(b"---\nfigid: PMC1__a\n", "no YAML front matter", id="not closed"),
        pytest.param(b"---\n- figid\n- PMC1__a\n---\n", "no YAML front matter", id="a list"),
        pytest.param(b"---\n---\n", "no YAML front matter", id="empty front matter"),
        pytest.param(b"---\ntitle: x\n---\n", "no figid", id="no figid"),
        pytest.param(b"---\nfigid: NA\n---\n", "no figid", id="figid NA"),
        pytest.param(b"---\nfigid: [PMC1__a]\n---\n", "no figid", id="figid a list"),
        pytest.param(b"---\nfigid: ../../etc/passwd\n---\n", "is not a figid", id="figid a path"),
        pytest.param(b"---\nfigid: PMC1__\n---\n", "is not a figid", id="figid without a name"),
        pytest.param(b"---\nfigid: PMC1__a#0\n---\n", "is not a figid", id="figid like a passage id"),
        pytest.param(b"---\nfigid: " + b"x" * 5000 + b"\n---\n", "is not a figid", id="figid of 5,000 letters"),
        pytest.param("---\nfigid: PMC1__a\ncaption: é\n---\n".encode("latin-1"), "not UTF-8", id="Latin-1"),
        pytest.param("---\nfigid: PMC1__a\n---\n".encode("utf-16"), "not UTF-8", id="UTF-16"),
        pytest.param(b"---\nfigid: PMC1__a\n---\n" + b"x" * MAX_FILE_BYTES, "larger than 1,000,000", id="oversize"),
    ],
)
def test_files_that_are_no_record_are_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    """Such a file is refused with the reason in a few words."""
    path = tmp_path / "x.md"
    path.write_bytes(content)
    assert reason in reason_of(path)


def test_fields_named_like_the_parsers_own(tmp_path: Path) -> None:
    """Fields called content or handler are no trouble, nor are prose after the record and unknown tags."""
    path = write_figure(tmp_path, "content: x\nhandler: y\nfigtitle: !python/object:os.system z")
    path.write_text(path.read_text() + "\nProse with\n---\na rule.\n")
    assert read_one(tmp_path).title == "z"


def test_what_is_not_a_file_is_refused(tmp_path: Path) -> None:
    """A folder, a pipe, a dangling link and a missing file are refused without waiting."""
    (tmp_path / "folder.md").mkdir()
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "link.md").symlink_to(tmp_path / "nowhere.md")
    found = find_records(tmp_path)
    reasons = {}
    for files in found:
        with pytest.raises(RecordError) as caught:
            files.digest()
        assert reason_of(files.path) == caught.value.reason
        reasons[files.path.name] = caught.value.reason
    assert reasons == {"folder.md": "not a file", "pipe.md": "not a file", "link.md": "does not exist"}


def test_a_file_without_permission_is_refused() -> None:
    """The reason is the system's."""
    with unprivileged() as folder:
        path = write_figure(folder)
        path.chmod(0)
        assert reason_of(path) == "Permission denied"
        with pytest.raises(RecordError, match="Permission denied"):
            RecordFiles(path).digest()


@pytest.mark.parametrize("name", ["_figures", "_data"])
def test_a_folder_without_permission_is_not_taken_for_empty(name: str) -> None:
    """Its records or tables would else seem to have vanished."""
    with unprivileged() as folder:
        write_figure(folder)
        write_table(folder, "genes", GENE_HEADER)
        (folder / "PMC9__z.md").write_text("---\nfigid: PMC9__z\n---\n")
        (folder / name).chmod(0)
        with pytest.raises(CorpusError, match=r"cannot be read: Permission denied\."):
            find_records(folder)
        (folder / name).chmod(0o755)


def test_a_file_name_that_is_not_text_is_refused(tmp_path: Path) -> None:
    """A name of bytes that are not UTF-8 cannot be kept in the index."""
    path = tmp_path / os.fsdecode(b"PMC1__\xff.md")
    path.write_text("---\nfigid: PMC1__a\n---\n")
    (files,) = find_records(tmp_path)
    assert reason_of(files.path) == "its name is not UTF-8 text"
    with pytest.raises(RecordError):
        files.digest()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", "no column called word", id="empty"),
        pytest.param(b"9606\tHomo sapiens\tTP53\n", "no column called word", id="without header"),
        pytest.param(b"word,symbol\nTP53,TP53\n", "no column called word", id="commas"),
        pytest.param(b"word\n\xff\xfe\n", "not UTF-8 text", id="not UTF-8"),
        pytest.param(b"word\n" + b"x" * 200_000 + b"\n", "not a table", id="a cell of 200,000 letters"),
        pytest.param(None, "not a file", id="a folder"),
    ],
)
def test_a_table_that_cannot_be_read_is_reported(tmp_path: Path, content: bytes | None, reason: str) -> None:
    """The record and its other tables are read all the same, and its hash can be taken."""
    write_figure(tmp_path, "figtitle: T")
    path = write_table(tmp_path, "genes", "")
    if content is None:
        path.unlink()
        path.mkdir()
    else:
        path.write_bytes(content)
    write_table(tmp_path, "chemicals", CHEMICAL_HEADER + "ATP\tNA\tATP\tATP\tNA\n")
    (files,) = find_records(tmp_path)
    record, problems = read_record(files)
    assert (record.title, [m.name for m in record.mentions]) == ("T", ["ATP"])
    assert [(p.path, reason in p.reason) for p in problems] == [(path, True)]
    assert len(files.digest()[0]) == 64


def test_an_oversize_table_is_reported(tmp_path: Path) -> None:
    """It is not read, nor is its hash taken."""
    write_figure(tmp_path)
    path = write_table(tmp_path, "genes", GENE_HEADER)
    os.truncate(path, MAX_TABLE_BYTES + 1)
    (files,) = find_records(tmp_path)
    _, problems = read_record(files)
    assert [p.reason for p in problems] == ["larger than 10,000,000 bytes"]
    assert len(files.digest()[0]) == 64


def test_the_hash_covers_the_record_and_its_tables(tmp_path: Path) -> None:
    """It changes with each of them, when one comes or goes, and not otherwise."""
    record = write_figure(tmp_path, "figtitle: A")
    digests = [find_records(tmp_path)[0].digest()]
    genes = write_table(tmp_path, "genes", GENE_HEADER)
    digests.append(find_records(tmp_path)[0].digest())
    genes.write_text(GENE_HEADER + "9606\tHs\tP\tA1\tA1\tA1\t1\tncbigene_symbol\n")
    digests.append(find_records(tmp_path)[0].digest())
    genes.rename(genes.with_name(genes.name.replace("genes", "diseases")))
    digests.append(find_records(tmp_path)[0].digest())
    record.write_text(record.read_text().replace("A", "B"))
    digests.append(find_records(tmp_path)[0].digest())
    assert len(set(digests)) == 5
    os.utime(record, (0, 0))
    write_table(tmp_path, "genes", GENE_HEADER, stem="PMC9__other")
    assert find_records(tmp_path)[0].digest() == digests[-1]


def test_folders_that_cannot_be_used(tmp_path: Path) -> None:
    """A missing folder, a file, an empty folder and an impossible name are each told in one sentence."""
    (tmp_path / "file.md").write_text("x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "readme").mkdir()
    (tmp_path / "readme" / "README.md").write_text("x")
    expected = {
        "missing": "does not exist",
        "file.md": "is not a folder",
        "empty": "holds no figure records",
        "readme": "holds no figure records",
        "x" * 5000: "cannot be read: File name too long",
        "nul\0": "does not exist",
    }
    for name, words in expected.items():
        with pytest.raises(CorpusError) as caught:
            find_records(tmp_path / name)
        assert words in str(caught.value)
        assert str(caught.value).startswith("The folder ")


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_a_record_or_refused(content: bytes) -> None:
    """Whatever stands in a file, reading it ends in a record or a RecordError."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "x.md"
        for text in (content, b"---\nfigid: PMC1__a\n" + content + b"\n---\n"):
            path.write_bytes(text)
            try:
                record, _ = read_record(RecordFiles(path, ((Kind.GENE, path), (Kind.DISEASE, path))))
            except RecordError:
                continue
            assert record.figid == "PMC1__a"
