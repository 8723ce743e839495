"""Finding genes, families and substances in a text: what is read, as what, and what is left alone."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pfocr_chat.catalog import FILE_NAME, Catalog
from pfocr_chat.catalogwriter import open_catalog_writer
from pfocr_chat.entities import entities_in, mentioned_atoms
from pfocr_chat.lexicon import STOPWORDS, atoms, name_key, reads_as_name
from pfocr_chat.queries import Entity
from pfocr_chat.query import understand
from pfocr_chat.records import FigureRecord, Kind, Mention, Tier

Printed = Mapping[str, tuple[str, Tier]]

SYMBOL, SYNONYM, FAMILY = Tier.SYMBOL, Tier.SYNONYM, Tier.FAMILY

# caption, and printed word -> (gene, how it was matched)
FIGURES: tuple[tuple[str, Printed], ...] = (
    ("YAP enters the nucleus of stretched cells.", {"YAP": ("YY1AP1", SYNONYM)}),
    ("YAP stays in the cytoplasm of crowded cells.", {"YAP": ("YY1AP1", SYNONYM), "LATS1": ("LATS1", SYMBOL)}),
    ("YAP and its kinases.", {"YAP": ("YY1AP1", SYNONYM)}),
    ("Lipopolysaccharide (LPS) wakes the macrophage.", {"LPS": ("IRF6", SYNONYM), "TLR4": ("TLR4", SYMBOL)}),
    ("The sugar chains of lipopolysaccharide (LPS) differ.", {"LPS": ("IRF6", SYNONYM)}),
    ("Isopentenyl pyrophosphate (IPP) is made from mevalonate.", {"IPP": ("IPP", SYMBOL)}),
    ("Two enzymes make IPP and DMAPP.", {"IPP": ("IPP", SYMBOL)}),
    ("Catalase (CAT) clears peroxide in the liver of the cat.", {"CAT": ("CAT", SYMBOL), "SOD": ("SOD1", FAMILY)}),
    ("Catalase (CAT) rests on heme.", {"CAT": ("CAT", SYMBOL)}),
    ("Carnitine acetyltransferase (CAT) is another one.", {}),
    ("Antigen presenting cells (APC) meet T cells.", {}),
    ("Adenomatous polyposis coli (APC) holds β-catenin.", {"APC": ("APC", SYMBOL)}),
    ("APC, antigen presenting cell; TCR, T cell receptor.", {"APC": ("APC", SYMBOL)}),
    ("C/EBP homologous protein (CHOP) kills stressed cells.", {"CHOP": ("DDIT3", SYNONYM)}),
    ("Fibres of unknown origin protein (CHOP) is a misprint; C/EBP homologous protein (CHOP) is not.", {}),
    ("Glucose transporter 1 (GLUT1) lets sugar in.", {"GLUT1": ("SLC2A1", SYNONYM)}),
    ("The glucose transporter 1 (GLUT1) of red cells.", {}),
    ("Pyruvate kinase (PK) ends glycolysis.", {"PK": ("A4GALT", SYNONYM)}),
    ("A pyruvate kinase (PK) of yeast.", {"PK": ("A4GALT", SYNONYM)}),
    ("Polycystin 1 (PC-1) bends with the cilium.", {}),
    ("Cilia carry polycystin 1 (PC-1).", {}),
    ("ZAP phosphorylates LAT below the receptor.", {"ZAP": ("ZAP70", SYNONYM), "LAT": ("LAT", SYMBOL)}),
    ("ZAP follows LCK.", {"ZAP": ("ZAP70", SYNONYM), "LCK": ("LCK", SYMBOL)}),
    ("ZAP degrades viral RNA with TRIM25.", {"ZAP": ("ZC3HAV1", SYNONYM), "TRIM25": ("TRIM25", SYMBOL)}),
    ("ZAP joins TRIM25 at stress granules.", {"ZAP": ("ZC3HAV1", SYNONYM), "TRIM25": ("TRIM25", SYMBOL)}),
    ("mTOR complexes of the lysosome.", {"mTOR": ("MTOR", SYMBOL), "ULK1": ("ULK1", SYMBOL)}),
    ("TNF-α and IL-1β of the joint.", {"TNF-α": ("TNF", SYNONYM), "IL-1β": ("IL1B", SYNONYM)}),
    ("NF-κB enters the nucleus.", {"NF-kB": ("NFKB1", FAMILY)}),
    ("The gloops of snow crabs.", {"GLOOP": ("AAA1", FAMILY), "Gloops": ("AAA2", FAMILY)}),
    ("The rest of the cats set out at max speed, without a stop, with an impact on the killer whales.", {}),
    ("Natural killer cells and killer T cells, killer by killer.", {}),
    ("Where the killer cells are.", {"Killer": ("TNFRSF10B", SYNONYM)}),
    *((f"A killer of kind {n}.", {}) for n in range(8)),
    ("STING sits in the ER.", {"STING": ("TMEM173", SYMBOL)}),
    ("Where the YAP stays.", {"YAP": ("YY1AP1", SYNONYM)}),
    ("DAX of the testis.", {"DAX": ("NR0B1", SYNONYM)}),
    ("DAX again.", {"DAX": ("DYNLT1", SYNONYM)}),
)
# caption, and printed word -> what it was matched to
SUBSTANCES: tuple[tuple[str, Mapping[str, str]], ...] = (
    ("Lactate leaves the muscle.", {"Lactate": "Lactic Acid", "Glucose": "Glucose"}),
    ("Glucose and peroxides.", {"Glucose": "Glucose", "H2O2": "Hydrogen Peroxide"}),
    ("Isopentenyl diphosphate and others.", {"Isopentenyl pyrophosphate": "isopentenyl pyrophosphate"}),
    ("DMAPP of plants.", {"DMAPP": "3,3-dimethylallyl pyrophosphate"}),
    ("Proline in the root.", {"Pro": "Proline"}),
    *((f"A pro-inflammatory state, number {n}.", {}) for n in range(12)),
)


def record(number: int, caption: str, mentions: list[Mention]) -> FigureRecord:
    return FigureRecord(figid=f"PMC{number}__figure", title="A figure", caption=caption, mentions=tuple(mentions))


def every_record() -> Iterator[FigureRecord]:
    number = 0
    for caption, genes in FIGURES:
        number += 1
        yield record(number, caption, [Mention(Kind.GENE, w, name, tier) for w, (name, tier) in genes.items()])
    for caption, substances in SUBSTANCES:
        number += 1
        mentions = [Mention(Kind.CHEMICAL, w, name, SYNONYM, match=name) for w, name in substances.items()]
        yield record(number, caption, mentions)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    """A catalog of invented figures beside the names that the package ships."""
    path: Path = tmp_path_factory.mktemp("entities") / FILE_NAME
    with open_catalog_writer(path) as writer:
        for each in every_record():
            writer.put(each, [], source=each.figid, digest="d")
        writer.commit()
    with Catalog(path) as opened:
        yield opened


def one(text: str, catalog: Catalog) -> Entity:
    """The only entity of a text."""
    (entity,) = entities_in(text, catalog)
    return entity


def read(text: str, catalog: Catalog) -> list[tuple[str, ...]]:
    """What each entity of a text stands for: the label of a family, the names of anything else."""
    return [(e.label,) if e.is_family else e.names for e in entities_in(text, catalog)]


# One gene


@pytest.mark.parametrize(
    ("text", "symbol"),
    [
        ("TP53", "TP53"),
        ("Tp53", "TP53"),
        ("tp53", "TP53"),
        ("p53", "TP53"),
        ("HER2", "ERBB2"),
        ("PD-L1", "CD274"),
        ("eNOS", "NOS3"),
        ("ENO1", "ENO1"),
        ("cGAS", "CGAS"),
        ("CGA", "CGA"),
        ("SUV39H1", "SUV39H1"),
        ("HLA-A", "HLA-A"),
        ("hla-a", "HLA-A"),
        ("MAGED4B", "MAGED4B"),
        ("signal transducer and activator of transcription 3", "STAT3"),
        ("insulin", "INS"),
        ("insulin receptor", "INSR"),
        ("Synuclein alpha", "SNCA"),
        ("alpha-synuclein", "SNCA"),
        ("vascular endothelial growth factor A", "VEGFA"),
        ("il6", "IL6"),
        ("mmp9", "MMP9"),
        ("tgfbr1", "TGFBR1"),
        ("kcnq1", "KCNQ1"),
        ("vhl", "VHL"),
        ("perforin", "PRF1"),
        ("c-Kit", "KIT"),
    ],
)
def test_a_gene_is_read_by_any_of_its_names(text: str, symbol: str, catalog: Catalog) -> None:
    """Symbols, aliases, earlier symbols, texts of the literature and full names, in any case, reach the gene."""
    entity = one(f"What regulates {text} in the kidney?", catalog)
    assert (entity.names, entity.kind, entity.is_family) == ((symbol,), Kind.GENE, False)
    assert entity.mention == text


def test_what_curators_say_outweighs_what_tables_say(catalog: Catalog) -> None:
    """YAP is YAP1, although three figures have it as YY1AP1, which is kept as an alternative."""
    entity = one("YAP", catalog)
    assert (entity.names, entity.alternatives) == (("YAP1",), ("YY1AP1",))


@pytest.mark.parametrize("text", ["TNF-α", "TNFα", "TNFalpha", "TNF-alpha", "TNF alpha", "TNFa", "TNF-a", "tnf-a"])
def test_spellings_with_greek_letters_are_one(text: str, catalog: Catalog) -> None:
    """Greek letters may be spelled out, be Latin ones, and have hyphens."""
    assert read(f"role of {text}", catalog) == [("TNF",)]


@pytest.mark.parametrize("text", ["IL-1β", "IL1B", "IL-1beta", "IL-1b", "Il1b", "IL 1β", "IL‑1β"])
def test_letters_and_numbers_may_be_apart(text: str, catalog: Catalog) -> None:
    """Hyphens, Unicode ones too, and spaces between letters and numbers do not matter."""
    assert read(f"role of {text}", catalog) == [("IL1B",)]


def test_an_earlier_symbol_reaches_the_gene_under_both(catalog: Catalog) -> None:
    """A corpus that has the symbol of yesterday is found with the name of today."""
    entity = one("STING", catalog)
    assert (entity.label, entity.names, entity.alternatives) == ("STING1", ("STING1", "TMEM173"), ())


def test_a_gene_of_which_the_word_is_printed_may_be_one_of_several(catalog: Catalog) -> None:
    """A word that tables read as two genes stands for both, where nothing else is said."""
    assert set(one("DAX", catalog).names) == {"NR0B1", "DYNLT1"}


@pytest.mark.parametrize(("text", "name"), [("ZAP and LCK", "ZAP70"), ("TRIM25 helps ZAP", "ZC3HAV1")])
def test_the_other_names_decide(text: str, name: str, catalog: Catalog) -> None:
    """Of two readings that is taken whose figures show another name of the question."""
    (entity,) = (e for e in entities_in(text, catalog) if e.mention == "ZAP")
    assert entity.label == name
    assert name == entity.names[0]


def test_a_phosphorylated_form_is_the_gene(catalog: Catalog) -> None:
    """A small "p" before capitals says that it is phosphorylated: pERK is not PERK."""
    assert read("pSTAT3", catalog) == [("STAT3",)]
    assert read("p-STAT3", catalog) == [("STAT3",)]
    assert read("pERK and pSmad2/3", catalog) == [("ERK1/2",), ("SMAD2/3",)]
    assert read("PERK", catalog) == [("EIF2AK3",)]
    assert one("pSTAT3", catalog).mention == "pSTAT3"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("integrins", "integrin"), ("JNKs", "JNK"), ("Smads", "SMAD"), ("MAP kinases", "MAPK"), ("caspases", "caspase")],
)
def test_plurals_are_read(text: str, expected: str, catalog: Catalog) -> None:
    """A name may stand in the plural."""
    assert read(f"the {text} of the fly", catalog) == [(expected,)]


def test_a_plural_of_capitals_is_no_other_symbol(catalog: Catalog) -> None:
    """ "APCs" are several of APC; APCS is a gene of its own."""
    assert read("APCs", catalog) == [("APC",)]
    assert read("APCS", catalog) == [("APCS",)]


# Families and lists


@pytest.mark.parametrize("text", ["NFkB", "NF-kB", "NF-κB", "NFκB", "NF-kappaB", "NFkappaB", "NFKB", "nf-kb", "nfkb"])
def test_one_family_has_many_spellings(text: str, catalog: Catalog) -> None:
    """However it is spelled, the family has its five members."""
    entity = one(f"Does {text} enter the nucleus?", catalog)
    assert (entity.label, entity.is_family) == ("NF-κB", True)
    assert set(entity.names) == {"NFKB1", "NFKB2", "REL", "RELA", "RELB"}


@pytest.mark.parametrize(
    ("text", "label", "members"),
    [
        ("integrin", "integrin", {"ITGB1", "ITGAV"}),
        ("ERK1/2", "ERK1/2", {"MAPK1", "MAPK3"}),
        ("p42/44", "ERK1/2", {"MAPK1", "MAPK3"}),
        ("Smad2/3", "SMAD2/3", {"SMAD2", "SMAD3"}),
        ("caspase-3/7", "caspase-3/7", {"CASP3", "CASP7"}),
        ("p38 MAPK", "p38", {"MAPK14"}),
        ("14-3-3", "14-3-3", {"YWHAZ"}),
        ("mTORC1", "mTORC1", {"MTOR", "RPTOR"}),
        ("talin", "talin", {"TLN1", "TLN2"}),
        ("presenilins", "presenilin", {"PSEN1", "PSEN2"}),
        ("laminin", "laminin", {"LAMA1", "LAMB1", "LAMC1"}),
    ],
)
def test_families_are_read_with_their_members(text: str, label: str, members: set[str], catalog: Catalog) -> None:
    """A family or complex stands for its genes, and says that it is one."""
    entity = one(f"figures about {text}", catalog)
    assert (entity.label, entity.is_family, entity.kind) == (label, True, Kind.GENE)
    assert members <= set(entity.names)


def test_a_family_that_only_the_corpus_has_is_one_too(catalog: Catalog) -> None:
    """Its members are those for which it is printed; as an alternative it has no name to be shown."""
    entity = one("GLOOP", catalog)
    assert (entity.is_family, entity.names) == (True, ("AAA1",))
    assert "apc" not in one("APC", catalog).alternatives


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("CDK4/6", ("CDK4", "CDK6")),
        ("LRP5/6", ("LRP5", "LRP6")),
        ("IRF-3/7", ("IRF3", "IRF7")),
        ("Smad1/5/8", ("SMAD1", "SMAD5", "SMAD9")),
        ("caspase 3/9", ("CASP3", "CASP9")),
        ("PPARα/γ", ("PPARA", "PPARG")),
        ("HLA-A/B/C", ("HLA-A", "HLA-B", "HLA-C")),
        ("TEAD1-4", ("TEAD1", "TEAD2", "TEAD3", "TEAD4")),
        ("CXCL1/2", ("CXCL1", "CXCL2")),
        ("MAPK1/3", ("MAPK1", "MAPK3")),
    ],
)
def test_a_list_in_one_word_stands_for_each(text: str, names: tuple[str, ...], catalog: Catalog) -> None:
    """No gene of a list is dropped, and "MAPK1/3" is not MAPK13."""
    entity = one(f"inhibitors of {text} in cells", catalog)
    assert (entity.mention, entity.names) == (text, names)
    for name in names:
        assert one(name, catalog).aliases <= entity.aliases
        assert one(name, catalog).keys <= entity.keys


def test_what_looks_like_a_list_and_is_a_name_stays_whole(catalog: Catalog) -> None:
    """NKX2-5 is one gene; an unknown list is read as far as it is known."""
    assert read("Nkx2-5", catalog) == [("NKX2-5",)]
    assert read("CDK4/99", catalog) == [("CDK4",)]


# What is no name


@pytest.mark.parametrize("word", ["cat", "rest", "max", "set", "stop", "impact"])
def test_english_words_are_genes_in_capitals_only(word: str, catalog: Catalog) -> None:
    """In small letters, or with a capital at the start, they are words."""
    assert entities_in(f"the {word} of the figure", catalog) == ()
    assert entities_in(f"{word.capitalize()} of the day", catalog) == ()
    assert one(word.upper(), catalog).mention == word.upper()
    assert one(f"the role of {word.upper()} in cells", catalog).kind is Kind.GENE


def test_a_word_that_is_hardly_ever_printed_as_a_gene_is_a_word(catalog: Catalog) -> None:
    """One figure prints "Killer" for a gene, and a dozen use it otherwise."""
    assert entities_in("natural killer cells", catalog) == ()


def test_in_a_sentence_of_capitals_they_say_nothing(catalog: Catalog) -> None:
    """Names are still read, words are not, and mentions are as they were typed."""
    text = "WHICH OF THE INTEGRINS CAN SET OFF IL-6 OR TNF AND REST AT MAX SPEED"
    assert [e.mention for e in entities_in(text, catalog)] == ["INTEGRINS", "IL-6", "TNF"]
    assert read("MAX REST CAT", catalog) == [("MAX",), ("REST",), ("CAT",)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?",
        "What is it about?",
        "a b c d",
        "12 and 38",
        "in the figure",
        "Ca2+ waves",
        "Ca²⁺ and Mg2+",
        "Ca(2+) and Fe3+",
        "AT1R",
        "at G1",
        "factor VIII",
        "Nav1.7",
        "PI(3,4)P2",
        "pro-inflammatory",
        "type II cells",
        "top 3 figures",
        "GA",
        "PSII",
    ],
)
def test_other_words_are_left_alone(text: str, catalog: Catalog) -> None:
    """Words, letters, numbers, ions, Roman numbers and parts of longer names are no names."""
    assert entities_in(text, catalog) == ()


def test_a_part_of_a_longer_name_is_not_read(catalog: Catalog) -> None:
    """ "IL" is not read in "IL-6", nor LOX in "5-LOX", which is another gene; a Greek letter may follow a name."""
    assert read("IL-6", catalog) == [("IL6",)]
    assert read("5-LOX and LOX", catalog) == [("ALOX5",), ("LOX",)]
    assert read("p38α", catalog) == [("p38",)]
    assert read("CD4+ T cells with CD3+", catalog) == [("CD4",), ("CD3",)]


# Substances


def test_substances_are_found_by_what_is_printed(catalog: Catalog) -> None:
    """ "Lactate" is printed, and lactic acid what it was matched to."""
    entity = one("Where does lactate go?", catalog)
    assert (entity.kind, entity.names) == (Kind.CHEMICAL, ("Lactic Acid",))
    assert str(entity) == "lactate = Lactic Acid (chemical)"
    assert read("glucose and DMAPP", catalog) == [("Glucose",), ("3,3-dimethylallyl pyrophosphate",)]


def test_a_long_form_is_read_by_its_abbreviation(catalog: Catalog) -> None:
    """Hydrogen peroxide is what figures print as H2O2, and C/EBP homologous protein the gene they call CHOP."""
    assert read("hydrogen peroxide", catalog) == [("Hydrogen Peroxide",)]
    assert read("C/EBP homologous protein", catalog) == [("DDIT3",)]
    assert read("glucose transporter 1", catalog) == [("SLC2A1",)]


# Abbreviations


def test_what_captions_explain_wins_over_a_gene(catalog: Catalog) -> None:
    """LPS is lipopolysaccharide, of which the corpus has no entry, and IPP a chemical that it has."""
    assert read("LPS activates TLR4", catalog) == [("TLR4",)]
    entity = one("IPP", catalog)
    assert (entity.kind, entity.names) == (Kind.CHEMICAL, ("isopentenyl pyrophosphate",))
    assert entities_in("PK of yeast", catalog) == ()


def test_a_gene_wins_where_captions_disagree_or_mean_it(catalog: Catalog) -> None:
    """CAT is catalase; APC is explained in two ways; CHOP and GLUT1 are explained as the proteins they are."""
    assert read("CAT, APC, CHOP and GLUT1", catalog) == [("CAT",), ("APC",), ("DDIT3",), ("SLC2A1",)]


def test_an_explanation_chooses_among_genes(catalog: Catalog) -> None:
    """PC-1 is an alias of three genes, and the captions explain it as polycystin 1."""
    assert read("PC-1", catalog) == [("PKD1",)]


# Several in one text


def test_entities_come_in_order_and_once(catalog: Catalog) -> None:
    """The first mention counts; names of the same gene are one entity."""
    entities = entities_in("TLR4, then IL-6, then Tlr4 and interleukin 6, then TNF", catalog)
    assert [(e.mention, e.names) for e in entities] == [("TLR4", ("TLR4",)), ("IL-6", ("IL6",)), ("TNF", ("TNF",))]


def test_the_longest_name_is_read(catalog: Catalog) -> None:
    """Overlapping names: the insulin receptor is not insulin."""
    assert read("insulin receptor substrate 1 binds the insulin receptor", catalog) == [("IRS1",), ("INSR",)]
    assert read("IL-6/STAT3", catalog) == [("IL6",), ("STAT3",)]
    assert read("beta-2 microglobulin and beta-catenin", catalog) == [("B2M",), ("CTNNB1",)]


def test_mentioned_atoms_are_the_words_of_the_mentions(catalog: Catalog) -> None:
    """Words that no entity covers are not among them."""
    entities = entities_in("IL-6 acts on TNF-α in joints", catalog)
    assert mentioned_atoms(entities) == {"il", "6", "tnf", "alpha"}


# How figures name it


def test_complexes_named_after_a_gene_count_as_naming_it(catalog: Catalog) -> None:
    """Who looks for mTOR finds mTORC1; a gene with a short symbol has no such names."""
    aliases = one("mTOR", catalog).aliases
    assert {"mtor", "mtorc 1", "mtorc 2"} <= aliases
    assert "ap 1" not in one("FOS", catalog).aliases


@pytest.mark.parametrize(
    "text", ["TP53", "IL6", "TNF", "INS", "MTOR", "TLR4", "NF-kB", "CDK4/6", "lactate", "RELA", "catalase", "KIT"]
)
def test_aliases_can_be_told_from_words(text: str, catalog: Catalog) -> None:
    """A text is not searched for single letters, two letters that stand apart, bare numbers, or English words."""
    entity = one(text, catalog)
    assert entity.aliases
    for alias in entity.aliases - {name_key(text)}:
        joined = alias.replace(" ", "")
        assert len(joined) > 2
        assert not joined.isdigit()
        assert reads_as_name(alias)
        assert joined not in STOPWORDS


def test_names_of_others_are_no_aliases(catalog: Catalog) -> None:
    """What mostly means another gene, or something else, is no name of the gene in a text."""
    assert "yap" not in one("YY1AP1", catalog).aliases
    assert "erk" not in one("EPHB2", catalog).aliases
    assert {"p 53", "tp 53"} <= one("TP53", catalog).aliases
    assert "cat" not in one("catalase", catalog).aliases


def test_a_rare_alias_in_letters_is_no_alias(catalog: Catalog) -> None:
    """LATS1 was once called "warts", which no figure prints for it; an alias with a number is looked for."""
    aliases = one("LATS1", catalog).aliases
    assert "warts" not in aliases
    assert "lats 1" in aliases
    assert "erk 1" in one("MAPK3", catalog).aliases


def test_keys_and_aliases_hold_what_was_typed(catalog: Catalog) -> None:
    """What was typed is looked for too, however it is spelled, with Latin letters for Greek ones."""
    entity = one("TNF-α", catalog)
    assert {"tnf alpha", "tnf a", "tnfa"} <= entity.aliases
    assert "tnfa" in entity.keys
    assert "pstat 3" in one("pSTAT3", catalog).aliases


# Any text


TEXTS = st.text(max_size=120) | st.lists(
    st.sampled_from(
        """TNF-α IL-1β NF-κB YAP pERK CDK4/6 LPS IPP CAT cat MAX rest Ca2+ 5-LOX AT1R p38α APCs integrins ERK1/2 and
        the (IL-6) HLA-A/B, TEAD1-4 ZAP LCK PC-1 mTOR VIII Nav1.7 lactate hydrogen peroxide""".split()
    )
    | st.sampled_from([" ", "-", "/", ", ", "(", ")", "α", "s", "1", ". "]),
    max_size=25,
).map("".join)


@given(text=TEXTS)
@settings(max_examples=200, deadline=None)
@example(text="NF-ŒºB and ﬁbres, İL-6, ǅ, IL‐6‑STAT3")
@example(text="A/B/C α/β 1/2 1-2 -/- +/+ CD4+CD8+")
def test_any_text_is_read(text: str, catalog: Catalog) -> None:
    """Every entity is mentioned in the text, in order, without overlap, and stands for something."""
    at = 0
    seen = set()
    for entity in entities_in(text, catalog):
        at = text.index(entity.mention, at) + len(entity.mention)
        assert entity.names
        assert entity.label
        assert entity.keys
        assert mentioned_atoms([entity]) == set(atoms(entity.mention))
        seen.add((entity.kind, entity.names, entity.is_family))
    assert len(seen) == len(entities_in(text, catalog))


# Speed


def test_a_long_question_is_understood_in_moments(catalog: Catalog) -> None:
    """A question of thirty words takes milliseconds; the bound is generous, for busy machines."""
    question = (
        "How do TNF-α and IL-1β, released by macrophages after LPS binds TLR4, activate NF-κB and the p38 MAPK in the"
        " knee, and does that lead to MMP13, cartilage loss and death?"
    )
    assert len(question.split()) >= 30
    times = []
    for _ in range(7):
        began = time.perf_counter()
        understand(question, catalog)
        times.append(time.perf_counter() - began)
    assert min(times) < 0.060


def test_time_grows_with_the_text_alone(catalog: Catalog) -> None:
    """The longest question is read in moments, whatever it repeats."""
    for text in ("IL-6/" * 800, "p38 " * 1_000, "α" * 4_000, "(" * 4_000, "CDK4/6" + "/6" * 1_900, "A-" * 2_000):
        began = time.perf_counter()
        entities_in(text, catalog)
        assert time.perf_counter() - began < 5, text[:10]
