"""Where a sentence says that something happens: organism, organ, cell type, compartment; and whether records say so.

Pure. A writer may put most things in other words, and embeddings take "in the cytoplasm" for "in the nucleus"; but
where something happens is said of a figure only if its record has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from pfocr_chat.effects import sense_of, stem
from pfocr_chat.lexicon import ENGLISH_LIKE, RELATION_WORDS, STOPWORDS, atoms
from pfocr_chat.organisms import find_organisms, same_organism
from pfocr_chat.records import FigureRecord

_GROUPS = """
    nucleus nuclei nuclear
    nucleolus nucleoli nucleolar
    cytoplasm cytoplasmic cytosol cytosolic
    mitochondrion mitochondria mitochondrial
    chloroplast chloroplasts plastid plastids
    membrane membranes transmembrane surface
    endosome endosomes endosomal
    lysosome lysosomes lysosomal
    peroxisome peroxisomes peroxisomal
    vacuole vacuoles vacuolar
    golgi
    reticulum
    ribosome ribosomes ribosomal
    cilium cilia ciliary
    synapse synapses synaptic presynaptic postsynaptic
    axon axons axonal
    dendrite dendrites dendritic
    liver hepatic hepatocyte hepatocytes hepatocellular
    kidney kidneys renal nephron nephrons podocyte podocytes
    heart hearts cardiac cardiomyocyte cardiomyocytes myocardium myocardial
    brain cerebral cortex cortical neural neuron neurons neuronal nervous
    hippocampus hippocampal
    hypothalamus hypothalamic
    lung lungs pulmonary alveolar airway airways
    skin dermal epidermal epidermis keratinocyte keratinocytes
    bone bones skeletal osteoblast osteoblasts osteoclast osteoclasts
    cartilage chondrocyte chondrocytes
    muscle muscles muscular myocyte myocytes myofiber myofibers
    intestine intestinal gut colon colonic colorectal
    stomach gastric
    pancreas pancreatic islet islets
    breast mammary
    prostate prostatic
    ovary ovaries ovarian
    testis testes testicular
    retina retinal eye eyes ocular photoreceptor photoreceptors
    vessel vessels vascular vasculature endothelium endothelial artery arteries arterial
    blood plasma serum circulation
    adipose fat adipocyte adipocytes
    spleen splenic
    thymus thymic thymocyte thymocytes
    placenta placental trophoblast trophoblasts
    embryo embryos embryonic
    macrophage macrophages monocyte monocytes
    lymphocyte lymphocytes
    platelet platelets
    astrocyte astrocytes glia glial
    microglia microglial
    root roots
    leaf leaves
    shoot shoots
    flower flowers floral
    seed seeds
"""
_GROUP = {word: group.split() for group in _GROUPS.strip().splitlines() for word in group.split()}
_CELL_TYPE = re.compile(r"[a-z]{2,}(?:cyte|blast|clast|phage|phil|glia)s?")
_SLOT = re.compile(
    r"\b(?:in|into|inside|within|across|throughout) (?:the |an? )?((?:[a-z-]+ ){0,2}[a-z-]{4,})(?=[.,;]|$)"
)
_NO_PLACE = frozenset(
    """addition turn detail part parts general order case cases parallel contrast response manner level levels state
    states condition conditions context presence absence concert way ways steps step stage stages fashion number
    minutes hours days weeks months time times abundance expression activity amount result results effect effects
    proportion principle theory vivo vitro situ type types form forms system systems complex complexes""".split()
)


def missing_place(sentence: str, records: Sequence[FigureRecord]) -> str | None:
    """A word of ``sentence`` that says where something happens, and that none of the records has in any form."""
    for organism in find_organisms(sentence):
        if not any(same_organism(organism.name, other) for record in records for other in _organisms_of(record)):
            return sentence[organism.start : organism.end]
    stems = frozenset().union(*(_stems_of(record) for record in records))
    for word in _place_words(sentence):
        if not any(stem(other) in stems for other in (word, *_GROUP.get(word, ()))):
            return word
    return None


def _place_words(sentence: str) -> Iterator[str]:
    for word in atoms(sentence):
        if word in _GROUP or _CELL_TYPE.fullmatch(word):
            yield word
    for slot in _SLOT.finditer(sentence):
        word = atoms(slot.group(1))[-1]
        ordinary = word in STOPWORDS or word in RELATION_WORDS or word in ENGLISH_LIKE or word in _NO_PLACE
        if not ordinary and sense_of(word) is None:
            yield word


@lru_cache(maxsize=512)
def _organisms_of(record: FigureRecord) -> tuple[str, ...]:
    said = (organism.name for text in _texts(record) for organism in find_organisms(text))
    return tuple(dict.fromkeys((*record.organisms, *said)))


@lru_cache(maxsize=512)
def _stems_of(record: FigureRecord) -> frozenset[str]:
    return frozenset(stem(atom) for text in _texts(record) for atom in atoms(text))


def _texts(record: FigureRecord) -> tuple[str, ...]:
    printed = (text for m in record.mentions for text in (m.word, m.name))
    fields = (record.title, record.caption, record.paper_title, *record.keywords, *record.organisms, *printed)
    return tuple(field for field in fields if field)
