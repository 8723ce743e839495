"""Organisms: one name for all spellings, records that belong to it, and where a text names one."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from timing import least_seconds

from pfocr_chat.lexicon import name_key
from pfocr_chat.organisms import ORGANISMS, canonical, find_organisms, same_organism, spellings_of

GROUPS = {group for organism in ORGANISMS for group in organism.groups}


def named(text: str, recorded: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """What is found in a text, with the words for it."""
    return [(span.name, text[span.start : span.end]) for span in find_organisms(text, recorded)]


# The table


def test_every_organism_is_in_the_table_once() -> None:
    """No Latin name has two lines, and all are written "Genus species"."""
    assert [name for name, count in Counter(o.latin for o in ORGANISMS).items() if count > 1] == []
    assert [o.latin for o in ORGANISMS if o.latin != o.latin.capitalize()] == []


def test_no_name_stands_for_two_organisms() -> None:
    """An everyday name or a Latin synonym belongs to one line, and is no other line's Latin name."""
    owners = Counter(name_key(name) for o in ORGANISMS for name in {o.latin, *o.names})
    assert [name for name, count in owners.items() if count > 1] == []


def test_one_species_speaks_for_a_genus() -> None:
    """A genus alone means at most one species."""
    owners = Counter(o.genus for o in ORGANISMS if o.speaks_for_genus)
    assert [genus for genus, count in owners.items() if count > 1] == []


def test_every_name_in_the_table_leads_to_its_latin_name() -> None:
    """Latin name, synonyms and everyday names, in any case, are one organism, which belongs to its groups."""
    for organism in ORGANISMS:
        for name in (organism.latin, *organism.names):
            read = {canonical(name), canonical(name.upper()), canonical(f" {name.lower()} ")}
            assert read == {organism.latin}
            assert all(same_organism(group, name) for group in organism.groups)


# One name


@pytest.mark.parametrize(
    ("latin", "spellings"),
    [
        ("Homo sapiens", ("Homo sapiens", "homo sapiens", "H. sapiens", "human", "Humans", "Homo sapiens (human)")),
        ("Mus musculus", ("mouse", "mice", "Murine", "M. musculus", "Mus musculus domesticus", "Mus", "MOUSE")),
        ("Rattus norvegicus", ("rat", "rats", "Rattus", "R. norvegicus", "Rattus norvegicus (Norway rat)")),
        ("Danio rerio", ("zebrafish", "Zebra fish", "D. rerio", "Danio", "Danio rerio AB")),
        ("Drosophila melanogaster", ("D. melanogaster", "D.melanogaster", "Drosophila", "Drosophlia melanogaster")),
        ("Drosophila melanogaster", ("Drosophila melanogastor", "Drosophlia", "Drosophila S2 cells", "Drosophila sp.")),
        ("Drosophila melanogaster", ("fruit fly", "fruit flies", "Fly")),
        ("Caenorhabditis elegans", ("C. elegans", "C elegans", "worm", "Caenorabditis elegans", "C. elegans N2")),
        ("Arabidopsis thaliana", ("Arabidopsis", "A. thaliana", "thale cress", "Arabidopsis thaliana (L.) Heynh.")),
        ("Arabidopsis thaliana", ("Arabidopsis thalania", "Arabidospis", "Arabidopsis thaliana Col-0")),
        ("Oryza sativa", ("Oryza sativa L.", "rice", "Oryza sativa ssp. japonica", "O. sativa", "Oryza")),
        ("Saccharomyces cerevisiae", ("Yeast", "S. cerevisiae", "baker's yeast", "bakers yeast", "budding yeast")),
        ("Saccharomyces cerevisiae", ("Sacharomyces cerevisae", "Yeast S288C", "Saccharomyces")),
        ("Schizosaccharomyces pombe", ("fission yeast", "S. pombe")),
        ("Escherichia coli", ("E. coli", "E.coli", "e coli", "E. coli K-12", "Escherichia coli str. K-12 MG1655")),
        ("Xenopus laevis", ("Xenopus", "Xenopus Oocyte", "frog", "African clawed frogs")),
        ("Bos taurus", ("cow", "bovine", "Wagyu cattle", "Bos taurus (cattle)")),
        ("Canis lupus familiaris", ("dog", "Canis familiaris", "canine", "Canis lupus")),
        ("Physcomitrium patens", ("Physcomitrella patens", "P. patens", "Physcomitrella")),
        ("Komagataella phaffii", ("Pichia pastoris", "P. pastoris")),
        ("Salmonella enterica", ("Salmonella typhimurium", "Salmonella", "S. enterica")),
        ("Plants", ("plant", "Plants", "PLANTS")),
        ("Animals", ("Metazoans", "animal")),
        ("Streptomyces", ("Streptomyces", "Streptomyces sp. AB-1", "streptomyces spp.")),
        ("Trichoplax", ("Trichoplax sp. X1",)),
    ],
)
def test_spellings_are_brought_to_one_name(latin: str, spellings: tuple[str, ...]) -> None:
    """Case, abbreviation, everyday name, authority, strain, subspecies and small mistakes make no difference."""
    assert {spelling: canonical(spelling) for spelling in spellings} == dict.fromkeys(spellings, latin)


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("Camellia oleifera", "Camellia oleifera"),
        ("Drosophila virilis", "Drosophila virilis"),
        ("Caenorhabditis remanei", "Caenorhabditis remanei"),
        ("Aspergillus oryzae RIB40", "Aspergillus oryzae"),
        ("Salvia hispanica L.", "Salvia hispanica"),
        ("Z. imaginarius", "Z. imaginarius"),
        ("Z.imaginarius", "Z. imaginarius"),
        ("Fragaria × ananassa", "Fragaria ananassa"),
    ],
)
def test_latin_names_that_are_not_known_stay(spelling: str, name: str) -> None:
    """A species that the table lacks keeps its name, even in a genus that the table has."""
    assert canonical(spelling) == name


@pytest.mark.parametrize(
    "name",
    [
        "", "  ", "()", "TNF", "insulin", "patients", "Ratites", "Hepatitis E Virus", "Rice stripe virus",
        "tree species", "Human adenovirus 5", "Escherichia coli phage T4", "Drosophila C virus", "42", "α",
    ],
)  # fmt: skip
def test_other_things_have_no_name(name: str) -> None:
    """Viruses, genes and whatever else is no organism."""
    assert canonical(name) is None


def test_an_abbreviation_of_two_species_is_neither() -> None:
    """ "C. sinensis" may be the tea plant or the sweet orange, and a record that says no more may be either."""
    assert canonical("C. sinensis") == "C. sinensis"
    assert same_organism("Camellia sinensis", "C. sinensis")
    assert same_organism("Citrus sinensis", "C. sinensis")


# Records


@pytest.mark.parametrize(
    ("wanted", "recorded"),
    [
        ("Caenorhabditis elegans", "C. elegans"),
        ("C. elegans", "Caenorhabditis elegans"),
        ("worm", "C. elegans"),
        ("Drosophila melanogaster", "Drosophila"),
        ("Drosophila melanogaster", "Drosophlia melanogaster"),
        ("Saccharomyces cerevisiae", "Yeast"),
        ("Mus musculus", "Mus musculus castaneus"),
        ("Streptomyces", "Streptomyces imaginarius"),
        ("Drosophila virilis", "Drosophila  virilis"),
        ("Tannerella forsythia", "T. forsythia"),
        ("T. forsythia", "Tannerella forsythia"),
        ("Hepatitis E virus", "hepatitis  E Virus"),
        ("Plants", "Oryza sativa L."),
        ("Plants", "Plant"),
        ("plants", "Quercus imaginaria"),
        ("Microbes", "Bacteria"),
        ("Microbes", "Yeast"),
        ("Bacteria", "Streptomyces sp. A1"),
        ("Yeasts", "Candida albicans"),
        ("Animals", "Metazoans"),
        ("Mammals", "human"),
        ("mosquito", "Anopheles gambiae"),
        ("fish", "Danio"),
    ],
)
def test_a_record_of_the_organism_is_taken(wanted: str, recorded: str) -> None:
    """Each spelling of the species, its strains, and members of a genus or group that is wanted."""
    assert same_organism(wanted, recorded)


@pytest.mark.parametrize(
    ("wanted", "recorded"),
    [
        ("Homo sapiens", "Mus musculus"),
        ("Caenorhabditis elegans", "Caenorhabditis briggsae"),
        ("Drosophila melanogaster", "Drosophila virilis"),
        ("Schizosaccharomyces pombe", "Yeast"),
        ("Arabidopsis thaliana", "Plants"),
        ("Streptomyces coelicolor", "Streptomyces"),
        ("Plants", "Chlamydomonas reinhardtii"),
        ("Bacteria", "Microbes"),
        ("Plants", "Tobacco mosaic virus"),
        ("Homo sapiens", "Human adenovirus 5"),
        ("T. forsythia", "Tannerella imaginaria"),
        ("human", ""),
    ],
)
def test_a_record_of_another_organism_is_not_taken(wanted: str, recorded: str) -> None:
    """Other species, and groups and genera that are wider than what is wanted."""
    assert not same_organism(wanted, recorded)


def test_the_spellings_of_an_index_are_picked_in_their_order() -> None:
    """What a filter is compared with, as the index has it."""
    recorded = ["Yeast", "Homo sapiens", "S. cerevisiae", "Saccharomyces cerevisiae S288C", "Candida albicans"]
    assert spellings_of("yeast", recorded) == ("Yeast", "S. cerevisiae", "Saccharomyces cerevisiae S288C")
    assert spellings_of("Unknown thing", recorded) == ()


# Texts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("TNF in mice", [("Mus musculus", "mice")]),
        ("E. coli and e.coli", [("Escherichia coli", "E. coli"), ("Escherichia coli", "e.coli")]),
        ("Is it in C. elegans?", [("Caenorhabditis elegans", "C. elegans")]),
        ("Drosophila melanogaster wings", [("Drosophila melanogaster", "Drosophila melanogaster")]),
        ("Drosophlia wings", [("Drosophila melanogaster", "Drosophlia")]),
        ("roots of Arabidopsis thalania", [("Arabidopsis thaliana", "Arabidopsis thalania")]),
        ("rice (Oryza sativa L.)", [("Oryza sativa", "rice"), ("Oryza sativa", "Oryza sativa L.")]),
        ("baker’s yeast", [("Saccharomyces cerevisiae", "baker’s yeast")]),
        ("fission yeast", [("Schizosaccharomyces pombe", "fission yeast")]),
        ("naked mole rats, not rats", [("Heterocephalus glaber", "naked mole rats"), ("Rattus norvegicus", "rats")]),
        ("guinea pig skin", [("Cavia porcellus", "guinea pig")]),
        ("mouse/human", [("Mus musculus", "mouse"), ("Homo sapiens", "human")]),
        ("streptomyces antibiotics", [("Streptomyces", "streptomyces")]),
        ("mice infected with influenza virus", [("Mus musculus", "mice")]),
        ("the mouse's liver", [("Mus musculus", "mouse")]),
        ("Plasmodium in mosquitoes", [("Plasmodium", "Plasmodium"), ("Mosquitoes", "mosquitoes")]),
        ("TNF IN RAT AND MOUSE", [("Rattus norvegicus", "RAT"), ("Mus musculus", "MOUSE")]),
        ("Glycine max seeds", [("Glycine max", "Glycine max")]),
    ],
)
def test_organisms_are_found_in_texts(text: str, expected: list[tuple[str, str]]) -> None:
    """By any spelling, the longest name first, with a mistake in a Latin name."""
    assert named(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "human papillomavirus", "human papilloma virus 16", "Human Immunodeficiency Virus", "human T-cell virus",
        "mouse double minute 2 (MDM2)", "yeast two-hybrid", "yeast 2-hybrid screen", "yeast extract", "rat sarcoma",
        "rabbit antibody", "rabbit polyclonal antibodies", "anti-mouse IgG", "goat anti-rabbit", "mouse IgG2a",
        "bovine serum albumin", "fetal bovine serum", "chicken ovalbumin upstream promoter", "zebrafish-like genes",
        "tobacco mosaic virus", "tomato yellow leaf curl virus", "rice blast", "swine flu", "corn oil",
        "wheat germ agglutinin", "soybean trypsin inhibitor", "human epidermal growth factor receptor 2",
        "human leukocyte antigen", "yeast artificial chromosome", "bovine spongiform encephalopathy",
        "CAT activity", "RAT and FLY are genes", "PIG-A", "Cat-2", "rat1 fibroblasts", "non-human", "TP53_HUMAN",
        "glycine receptors", "TGF-β and beta catenin", "mus and bos", "patients", "populations", "thicken", "quick",
    ],
)  # fmt: skip
def test_names_that_contain_an_organism_do_not_name_it(text: str) -> None:
    """Viruses, reagents, methods, genes in capitals, and words within other words."""
    assert named(text) == []


def test_organisms_of_an_index_are_found_too() -> None:
    """Species that only records know, in full and abbreviated; a single word as the record has it."""
    recorded = ("Camellia oleifera", "Imaginaria", "mouse", "Hepatitis X Virus")
    text = "Camellia oleifera, C. oleifera, Imaginaria, imaginaria and hepatitis X virus in mice"
    assert [name for name, _ in named(text, recorded)] == [
        "Camellia oleifera", "Camellia oleifera", "Imaginaria", "Hepatitis X Virus", "Mus musculus",
    ]  # fmt: skip
    assert [name for name, _ in named(text)] == ["Camellia", "Mus musculus"]


NAMES = [name for o in ORGANISMS for name in (o.latin, o.genus, *o.names)]


@given(
    text=st.text(max_size=200)
    | st.lists(
        st.sampled_from(NAMES) | st.sampled_from(["of", "L.", "sp.", "virus", "(", "ſ", "ﬁ", "\ud800", "x"])
    ).map(" ".join)
)
@example(text="İ. coli")
@settings(max_examples=300, deadline=None)
def test_any_text_is_read(text: str) -> None:
    """No text raises; what is found lies in order within it, and a name is settled: it is its own canonical name."""
    at = 0
    for span in find_organisms(text, ("Xus yus", "Ⅲ")):
        assert at <= span.start < span.end <= len(text)
        at = span.end
    name = canonical(text)
    assert name is None or name in GROUPS or " " not in name or canonical(name) == name
    assert same_organism(text, text)


@pytest.mark.parametrize(
    "piece",
    ["a", "C. ", "mouse ", "Drosophlia ", "human papilloma ", "Mus Mus ", "drosophila melanogastr ", "(", "-", "ﬁ"],
)
def test_hostile_texts_are_read_quickly(piece: str) -> None:
    """4,000 characters of repetition take less than a fifth of a second."""
    text = (piece * 4_000)[:4_000]
    assert least_seconds(lambda: (find_organisms(text), canonical(text))) < 0.2
