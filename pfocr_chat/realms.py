"""Realms of life that a text is about: plants, animals, bacteria and archaea, fungi, and single-celled parasites.

No process of one realm goes on inside another, so that a question which names two ("lignin in zebrafish
hearts") is answered only by a figure that has both. The words are such as stand for one realm whatever is said of
them; substances and genes that several realms share are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from itertools import pairwise

from pfocr_chat.lexicon import singular, spaced
from pfocr_chat.organisms import ORGANISMS


class Realm(StrEnum):
    """Where a process goes on."""

    PLANT = "plants"
    ANIMAL = "animals"
    BACTERIUM = "bacteria"
    FUNGUS = "fungi"
    PARASITE = "protozoa"


# Parts, processes, signals and diseases: a figure about one of them says it by name.
_PARTS = {
    Realm.PLANT: """
        abscisic anther anthocyanin apoplast apoplastic auxin brassinosteroid calvin cambium camalexin carpel
        casparian cellulose chlorophyll chloroplast cotyledon cutin cytokinin endosperm florigen flowering
        geminivirus gibberellic gibberellin glucosinolate hypocotyl jasmonate jasmonic karrikin leghemoglobin
        lignin mesophyll monolignol nodulation nodule petal petiole phloem photorespiration photosynthesis
        photosynthetic photosystem phototropin phragmoplast phyllotaxis phytoalexin phytochrome plasmodesmata
        plastid pollen potyvirus ribulose ripening rubisco sepal stamen stomata stomatal strigolactone suberin
        tapetum thylakoid tobamovirus trichome tuber vernalization xylem guard/cell mosaic/virus
    """,
    Realm.ANIMAL: """
        adipocyte adipose alveolar alzheimer amygdala artery arteries arthritis asthma astrocyte atherosclerosis
        autism axon bladder bone brain breast cardiac cardiomyocyte cartilage chondrocyte colon colorectal
        cornea cortical cortisol dementia dendrites diabetes diabetic dopamine dopaminergic endometrial
        endometrium endothelial endothelium epilepsy erythrocyte esophagus estrogen fetal fetus fibroblast
        gastric glioblastoma glioma glucagon hair heart heartbeat hepatic hepatocellular hepatocyte hippocampal
        hippocampus hypertension hypothalamus insulin intestinal intestine keratinocyte kidney lactation leptin
        leukemia liver lung lymphocyte lymphoma macrophage mammary melanocyte melanoma menstrual menstruation
        microglia muscle myelin myelination nerve nervous neural neuron neuronal neutrophil obesity
        oligodendrocyte oocyte osteoblast osteoclast osteoporosis ovarian ovary ovulation pancreas pancreatic
        parkinson placenta platelet podocyte pregnancy prostate renal retina retinal sarcoma schizophrenia
        sepsis serotonin silk skin spermatogenesis sperm spinal spleen stroke synapse synaptic testis
        testosterone thymocyte thymus thyroid uterine uterus venom t/cell b/cell nk/cell mast/cell
        dendritic/cell complement/cascade complement/system
    """,
    Realm.BACTERIUM: """
        autoinducer bacteriophage crispr/immunity flagella flagellar flagellum methanogen methanogenesis
        methanogenic peptidoglycan quorum rhizobia rhizobium sporulation
    """,
    Realm.FUNGUS: """
        ascospore conidia conidiation hypha hyphae hyphal mating mycelium mycorrhiza mycorrhizal penicillin
    """,
    Realm.PARASITE: "apicomplexan apicoplast glycosome kinetoplast merozoite rhoptry sporozoite tachyzoite",
}
# The living things themselves, and what stands for any of them.
_LIVES = {
    Realm.PLANT: "crop flower flowered leaf leaves legume plant root seedling shoot",
    Realm.ANIMAL: """
        animal bee blood cancer carcinoma child children embryo embryos eye honeybee infant insect larva larvae
        mammal mammalian men metastasis patient snake spider tumor vertebrate women worm
    """,
    Realm.BACTERIUM: """
        archaea archaeal bacillus bacteria bacterial bacterium coli cyanobacteria cyanobacterial mycobacterial
        mycobacterium prokaryote prokaryotic salmonella streptococcus
    """,
    Realm.FUNGUS: "aspergillus candida fungal fungi fungus penicillium pombe saccharomyces yeast",
    Realm.PARASITE: "leishmania malaria plasmodium protozoa protozoan toxoplasma trypanosoma trypanosome",
}
_GROUPS = {
    "Plants": Realm.PLANT,
    "Animals": Realm.ANIMAL,
    "Bacteria": Realm.BACTERIUM,
    "Archaea": Realm.BACTERIUM,
    "Fungi": Realm.FUNGUS,
    "Protozoa": Realm.PARASITE,
}
_ANY = "any"
"""Stands for a realm's living things, of which one is as good as another."""
_MEETS = re.compile(
    r"\b(?:versus|vs|compar\w+|between|unlike|than|conserved|homolog\w*|ortholog\w*|diet\w*|fed|feed\w*|herb\w*|extracts?"
    r"|derived|infect\w*|pathogen\w*|hosts?|symbio\w*|microbio\w*|probiotic\w*|toxins?|poison\w*|produc\w+|allerg\w*)\b",
    re.IGNORECASE,
)
"""Words of a question that compares realms, or asks of one what another does to it."""


def _read_words() -> dict[str, tuple[Realm, str]]:
    """Every word with its realm, and what it stands for: itself, or any living thing of the realm."""
    found: dict[str, tuple[Realm, str]] = {}
    for organism in ORGANISMS:
        realm = next((_GROUPS[group] for group in organism.groups if group in _GROUPS), None)
        words = [name.lower() for name in organism.names if name.isalpha()]
        found |= {word: (realm, _ANY) for word in words if realm}
    found |= {word: (realm, _ANY) for realm, words in _LIVES.items() for word in words.split()}
    return found | {
        word.replace("/", " "): (realm, word.replace("/", " "))
        for realm, words in _PARTS.items()
        for word in words.split()
    }


_WORDS = _read_words()


def realm_words(text: str) -> dict[Realm, dict[str, str]]:
    """The realms that a text names, each with what it names of them and the word it uses."""
    found: dict[Realm, dict[str, str]] = {}
    words = spaced(text).split()
    for word in (*words, *(f"{first} {second}" for first, second in pairwise(words))):
        if known := _WORDS.get(word) or _WORDS.get(singular(word) or ""):
            realm, meant = known
            found.setdefault(realm, {}).setdefault(meant, word)
    return found


def set_apart(question: str, texts: Iterable[str]) -> tuple[tuple[str, Realm], ...]:
    """The words of a question for realms of which no text has two, with their realms; none where one has.

    A text has a realm if it has one of the parts and processes that the question names of it; if the
    question names only a living thing, any word of that realm does. A question that compares realms, or asks what
    one does to another, asks of each for itself.
    """
    asked = realm_words(question)
    if len(asked) < 2 or _MEETS.search(question):
        return ()
    if any(sum(_has(words, realm, asked[realm]) for realm in asked) > 1 for words in map(realm_words, texts)):
        return ()
    return tuple(
        (next((words[m] for m in words if m != _ANY), words.get(_ANY, "")), realm) for realm, words in asked.items()
    )


def _has(words: Mapping[Realm, Mapping[str, str]], realm: Realm, asked: Mapping[str, str]) -> bool:
    has = words.get(realm, {})
    parts = asked.keys() - {_ANY}
    return bool(parts & has.keys()) if parts else bool(has)
