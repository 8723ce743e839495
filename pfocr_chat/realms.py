"""Realms of life that a text is about: plants, animals, bacteria and fungi.

No process of one realm goes on inside another, so that a question which names two ("lignin in zebrafish
hearts") is answered only by a figure that has both. The words are such as stand for one realm whatever is said of
them; substances and genes that several realms share are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

from pfocr_chat.lexicon import spaced


class Realm(StrEnum):
    """Where a process goes on."""

    PLANT = "plants"
    ANIMAL = "animals"
    BACTERIUM = "bacteria"
    FUNGUS = "fungi"


_WORDS = {
    Realm.PLANT: """
        anther anthers anthocyanin apoplast arabidopsis auxin brassinosteroid calvin cellulose chlorophyll
        chloroplast chloroplasts cotyledon flavonol florigen flower flowered flowering flowers gibberellin
        gibberellins hypocotyl jasmonate leaf leaves legume legumes lignin mesophyll monolignol nodulation
        nodule nodules petal petals phloem photorespiration photosynthesis photosynthetic photosystem
        photosystems phragmoplast phyllotaxis phytoalexin phytochrome phytochromes plant plants plastid plastids
        pollen rhizobia rhizobium ribulose ripening root roots rubisco seedling seedlings seeds sepals shoot
        shoots stomata stomatal strigolactone strigolactones thylakoid thylakoids trichome trichomes tuber
        vernalization wheat xylem
    """,
    Realm.ANIMAL: """
        adipocyte adipocytes adipose alveolar alzheimer alzheimers amygdala arteries artery arthritis asthma
        astrocyte astrocytes atherosclerosis axon axons blood bone bones brain breast cardiac cardiomyocyte
        cardiomyocytes cartilage child children chondrocyte chondrocytes colon colorectal cornea cortical
        dendrites dopamine dopaminergic embryo embryos endothelial endothelium epidermis erythrocyte
        erythrocytes eye fibroblast fibroblasts glioblastoma glioma hair heart heartbeat hepatic hepatocyte
        hepatocytes hippocampal hippocampus hormone human humans hypothalamus infant infants insect insects
        insulin intestinal intestine keratinocyte keratinocytes kidney kidneys liver lung lungs lymphocyte
        lymphocytes macrophage macrophages mammalian mammals mammary melanocyte melanocytes melanoma menstrual
        menstruation mice microglia mouse muscle muscles myelin myelination neural neuron neuronal neurons
        neutrophil neutrophils obesity oligodendrocyte oligodendrocytes oocyte oocytes osteoblast osteoblasts
        osteoclast osteoclasts ovarian ovary ovulation pancreas pancreatic parkinson parkinsons patient patients
        placenta platelet platelets podocyte podocytes pregnancy prostate rat rats renal retina retinal
        schizophrenia sepsis serotonin skin sperm spermatogenesis spinal spleen synapse synapses synaptic testis
        thyroid tumor tumors vertebrate vertebrates zebrafish
    """,
    Realm.BACTERIUM: """
        autoinducer autoinducers bacillus bacteria bacterial bacteriophage bacteriophages bacterium coli
        cyanobacteria cyanobacterial flagella flagellar flagellum methanogen methanogenesis methanogenic
        methanogens mycobacterial mycobacterium peptidoglycan prokaryotes prokaryotic quorum salmonella
        streptococcus
    """,
    Realm.FUNGUS: """
        ascospore ascospores aspergillus candida conidia conidiation fungal fungi fungus hyphae hyphal mating
        mycelium mycorrhiza mycorrhizal penicillin penicillium pombe saccharomyces yeast yeasts
    """,
}
_REALMS = {word: realm for realm, words in _WORDS.items() for word in words.split()}
_COMPARES = re.compile(
    r"\b(?:versus|vs|compar\w+|between|unlike|than|conserved|homolog\w*|ortholog\w*)\b", re.IGNORECASE
)


def realm_words(text: str) -> dict[Realm, str]:
    """The realms that a text names, each with the first word for it."""
    found: dict[Realm, str] = {}
    for word in spaced(text).split():
        if realm := _REALMS.get(word):
            found.setdefault(realm, word)
    return found


def set_apart(question: str, texts: Iterable[str]) -> tuple[tuple[str, Realm], ...]:
    """The words of a question for realms of which no text has two, with their realms; none where one has.

    A question that compares realms asks of each for itself.
    """
    asked = realm_words(question)
    if len(asked) < 2 or _COMPARES.search(question):
        return ()
    if any(len(asked.keys() & realm_words(text).keys()) > 1 for text in texts):
        return ()
    return tuple((word, realm) for realm, word in asked.items())
