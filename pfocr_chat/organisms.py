"""Species that pathway figures are about, and the ways in which records and people spell them.

Records write "Caenorhabditis elegans", "C. elegans", "Oryza sativa L.", "Drosophlia melanogaster" or
"Plants"; people write "worm" and "in mice". Both are brought to one name: the Latin one, or that of
a group ("Plants").
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from pfocr_chat.lexicon import atom_spans, name_key

# "# A B" begins organisms of the groups A and B, the narrowest last. "Latin name: other names" is one of them, where a
# capital marks a Latin synonym; with a star, its genus alone means it. "+" lists others by Latin name alone.
_TABLE = """
# Animals Vertebrates Mammals
Homo sapiens: human, humans, human being, human beings, homo sapien
Mus musculus*: mouse, mice, murine, house mouse
Rattus norvegicus*: rat, rats, norway rat, brown rat, Rattus rattus
Bos taurus: cow, cows, cattle, bovine, wagyu cattle, dairy cows, Bos primigenius taurus
Sus scrofa*: pig, pigs, porcine, swine, piglet, piglets
Ovis aries*: sheep, ovine, lamb, lambs
Capra hircus*: goat, goats, caprine
Equus caballus*: horse, horses, equine
Canis lupus familiaris*: dog, dogs, canine, Canis familiaris, Canis lupus
Felis catus*: cat, cats, feline
Oryctolagus cuniculus*: rabbit, rabbits
Cavia porcellus*: guinea pig, guinea pigs
Mesocricetus auratus*: syrian hamster, golden hamster, hamster, hamsters
Cricetulus griseus*: chinese hamster, chinese hamsters
Heterocephalus glaber*: naked mole rat, naked mole rats
Ictidomys tridecemlineatus*: ground squirrel, thirteen lined ground squirrel
Pan troglodytes*: chimpanzee, chimpanzees
Bos indicus: zebu
# Animals Vertebrates Mammals Monkeys
Macaca mulatta*: macaque, macaques, rhesus monkey, rhesus monkeys, rhesus macaque, rhesus macaques, rhesus
Macaca fascicularis: cynomolgus monkey, cynomolgus monkeys, cynomolgus macaque, cynomolgus macaques
Chlorocebus sabaeus: green monkey, green monkeys, african green monkey, african green monkeys, vervet
Callithrix jacchus*: marmoset, marmosets
# Animals Vertebrates Birds
Gallus gallus*: chicken, chickens, chick, chicks, hen, hens, broiler, broilers, Gallus gallus domesticus
Anas platyrhynchos*: duck, ducks
Coturnix japonica*: quail, quails, japanese quail
Taeniopygia guttata*: zebra finch, zebra finches
# Animals Vertebrates Amphibians
Xenopus laevis*: frog, frogs, african clawed frog, african clawed frogs, clawed frog
Xenopus tropicalis: western clawed frog
Ambystoma mexicanum*: axolotl, axolotls
# Animals Vertebrates Fishes
Danio rerio*: zebrafish, zebra fish
Oryzias latipes*: medaka, japanese medaka
Oncorhynchus mykiss*: rainbow trout
Salmo salar*: atlantic salmon
Carassius auratus: goldfish
Cyprinus carpio*: common carp
Ctenopharyngodon idella*: grass carp, Ctenopharyngodon idellus
Oreochromis niloticus*: nile tilapia, tilapia
+ Carassius, Cynoglossus, Dicentrarchus, Epinephelus, Fundulus, Gasterosteus, Ictalurus, Larimichthys, Miichthys
+ Paralichthys, Pimephales, Scophthalmus, Sebastes, Siniperca, Sparus, Takifugu, Tetraodon, Xiphophorus
# Animals Insects
Drosophila melanogaster*: fruit fly, fruit flies, fruitfly, fruitflies, fly, flies, vinegar fly
Apis mellifera*: honey bee, honey bees, honeybee, honeybees, bee, bees
Bombyx mori*: silkworm, silkworms, silk worm, silk worms, silkmoth
Tribolium castaneum*: red flour beetle, flour beetle
Manduca sexta*: tobacco hornworm
Glossina morsitans: tsetse fly, tsetse flies, tsetse
Bactrocera dorsalis: oriental fruit fly
+ Acyrthosiphon, Bemisia, Blattella, Helicoverpa, Locusta, Nasonia, Nilaparvata, Plutella, Schistocerca
# Animals Insects Mosquitoes
Anopheles gambiae: malaria mosquito, malaria mosquitoes
Aedes aegypti: yellow fever mosquito
# Animals Nematodes
Caenorhabditis elegans*: worm, worms, roundworm, roundworms
+ Caenorhabditis briggsae, Pristionchus pacificus*
# Animals
Strongylocentrotus purpuratus*: purple sea urchin, sea urchin, sea urchins
Ciona intestinalis*: sea squirt, sea squirts
Nematostella vectensis*: sea anemone, starlet sea anemone
Schmidtea mediterranea*: planarian, planarians
Schistosoma mansoni: blood fluke
Aplysia californica*: sea slug, sea hare
Ixodes scapularis: deer tick, black legged tick
Litopenaeus vannamei*: whiteleg shrimp, white shrimp, Penaeus vannamei
Crassostrea gigas*: pacific oyster
+ Hydra vulgaris*
# Plants
Arabidopsis thaliana*: thale cress, mouse ear cress
Oryza sativa*: rice
Zea mays*: maize, corn
Triticum aestivum*: wheat, bread wheat
Hordeum vulgare*: barley
Sorghum bicolor*: sorghum
Setaria viridis: green foxtail
Saccharum officinarum*: sugarcane, sugar cane
Brachypodium distachyon*: purple false brome
Solanum lycopersicum: tomato, tomatoes, Lycopersicon esculentum
Solanum tuberosum: potato, potatoes
Nicotiana tabacum: tobacco
Glycine max: soybean, soybeans, soya bean, soy
Medicago truncatula*: barrel medic, barrel clover
Medicago sativa: alfalfa, lucerne
Lotus japonicus: birdsfoot trefoil
Pisum sativum*: pea, peas, garden pea
Phaseolus vulgaris*: common bean
Arachis hypogaea*: peanut, peanuts
Vitis vinifera*: grape, grapes, grapevine, grapevines
Gossypium hirsutum*: cotton, upland cotton
Brassica napus: rapeseed, canola, oilseed rape
Brassica rapa: chinese cabbage, turnip
Brassica oleracea: cabbage, broccoli, cauliflower
Beta vulgaris: sugar beet, sugarbeet
Cucumis sativus: cucumber, cucumbers
Malus domestica*: apple tree, apple trees
Fragaria vesca: woodland strawberry
Populus trichocarpa*: poplar, poplars, black cottonwood
Citrus sinensis: sweet orange
Camellia sinensis: tea plant, tea plants
Panax ginseng: ginseng
Salvia miltiorrhiza: danshen
Artemisia annua: sweet wormwood
Catharanthus roseus*: madagascar periwinkle
Petunia hybrida*: petunia, petunias
Antirrhinum majus*: snapdragon, snapdragons
Physcomitrium patens*: Physcomitrella patens, physcomitrella
Marchantia polymorpha*: liverwort, common liverwort
+ Nicotiana benthamiana, Acacia, Aconitum, Actinidia, Allium, Amborella, Ananas, Aquilegia, Aronia, Azadirachta
+ Betula, Cannabis, Capsicum, Carica, Chrysanthemum, Cicer, Cinnamomum, Coffea, Coptis, Curcuma, Cymbidium, Daucus
+ Dendrobium, Dioscorea, Diospyros, Eucalyptus, Euphorbia, Fagopyrum, Gentiana, Gerbera, Ginkgo, Glycyrrhiza
+ Helianthus, Hevea, Hibiscus, Ipomoea, Jatropha, Juglans, Lactuca, Lilium, Linum, Lonicera, Lupinus, Manihot, Mentha
+ Mimulus, Morus, Musa, Narcissus, Nelumbo, Ocimum, Olea, Papaver, Pennisetum, Phalaenopsis, Picea, Pinus
+ Podophyllum, Prunus, Punica, Pyrus, Quercus, Raphanus, Ricinus, Rosa, Rubus, Salix, Secale, Scutellaria, Sesamum
+ Spinacia, Stevia, Stylosanthes, Taxus, Theobroma, Trifolium, Vaccinium, Vicia, Vigna, Withania
# Algae
Chlamydomonas reinhardtii*: green alga chlamydomonas
+ Phaeodactylum tricornutum*, Thalassiosira pseudonana*, Emiliania huxleyi*, Chlorella vulgaris*
# Microbes Bacteria
Escherichia coli*: colibacillus, e coli k 12
Bacillus subtilis: hay bacillus
Mycobacterium tuberculosis: tubercle bacillus, tubercle bacilli, mtb
Mycobacterium smegmatis: Mycolicibacterium smegmatis
Salmonella enterica*: Salmonella typhimurium, Salmonella enteritidis
Salmonella typhi: Salmonella enterica serovar typhi
Staphylococcus aureus: Staph aureus, staph, mrsa
Streptococcus pneumoniae: pneumococcus
Lactobacillus plantarum: Lactiplantibacillus plantarum
Clostridioides difficile*: Clostridium difficile
Borrelia burgdorferi*: Borreliella burgdorferi
Neisseria meningitidis: meningococcus
Agrobacterium tumefaciens*: Agrobacterium fabrum
Sinorhizobium meliloti*: Rhizobium meliloti, Ensifer meliloti
Rhodobacter sphaeroides*: Cereibacter sphaeroides
Caulobacter crescentus*: Caulobacter vibrioides
Actinobacteria: actinomycetes
Rhizobium: rhizobia
+ Pseudomonas aeruginosa, Pseudomonas putida, Streptococcus pyogenes, Streptomyces coelicolor
+ Streptomyces avermitilis, Corynebacterium glutamicum*, Lactococcus lactis*, Listeria monocytogenes*
+ Clostridium acetobutylicum, Helicobacter pylori*, Campylobacter jejuni*, Vibrio cholerae, Yersinia pestis
+ Legionella pneumophila*, Klebsiella pneumoniae*, Acinetobacter baumannii, Chlamydia trachomatis*
+ Mycoplasma pneumoniae, Haemophilus influenzae*, Myxococcus xanthus*, Zymomonas mobilis*, Shewanella oneidensis*
+ Thermus thermophilus*, Amycolatopsis, Bifidobacterium, Bordetella, Bradyrhizobium, Brucella, Burkholderia
+ Deinococcus, Desulfovibrio, Enterobacter, Enterococcus, Erwinia, Fusobacterium, Geobacter, Gluconobacter
+ Leptospira, Methylobacterium, Micromonospora, Nocardia, Paenibacillus, Porphyromonas, Prevotella, Proteus
+ Ralstonia, Rhodococcus, Rickettsia, Serratia, Shigella, Treponema, Wolbachia, Xanthomonas, Xylella
# Microbes Bacteria Cyanobacteria
Arthrospira platensis*: spirulina
+ Synechocystis, Synechococcus elongatus*, Anabaena
# Microbes Archaea
Methanocaldococcus jannaschii*: Methanococcus jannaschii
+ Sulfolobus acidocaldarius, Haloferax volcanii*
# Microbes Fungi
Aspergillus nidulans: Emericella nidulans
Neurospora crassa*: bread mold, red bread mold
Penicillium chrysogenum: Penicillium rubens
Fusarium graminearum: Gibberella zeae
Magnaporthe oryzae*: rice blast fungus, Pyricularia oryzae
Trichoderma reesei: Hypocrea jecorina
Botrytis cinerea*: gray mold
Ustilago maydis*: corn smut
+ Aspergillus niger, Aspergillus fumigatus, Aspergillus flavus, Fusarium oxysporum, Acremonium, Agaricus, Alternaria
+ Clonostachys, Colletotrichum, Cordyceps, Ganoderma, Metarhizium, Monascus, Mucor, Phaffia
# Microbes Fungi Yeasts
Saccharomyces cerevisiae*: yeast, budding yeast, baker's yeast, bakers yeast, brewer's yeast, brewers yeast
Schizosaccharomyces pombe*: fission yeast
Candida glabrata: Nakaseomyces glabratus
Komagataella phaffii*: Pichia pastoris, methylotrophic yeast
Yarrowia lipolytica*: oleaginous yeast
+ Candida albicans, Cryptococcus neoformans*, Kluyveromyces lactis
# Microbes Protozoa
Plasmodium falciparum: malaria parasite, malaria parasites
Trypanosoma brucei: african trypanosome, african trypanosomes
Trypanosoma: trypanosome, trypanosomes
Giardia lamblia*: Giardia intestinalis, Giardia duodenalis
Dictyostelium discoideum*: slime mold, social amoeba
+ Plasmodium berghei, Plasmodium vivax, Trypanosoma cruzi, Leishmania major, Leishmania donovani, Leishmania infantum
+ Toxoplasma gondii*, Tetrahymena thermophila*, Entamoeba histolytica*, Cryptosporidium parvum*
"""

_GROUP_NAMES = """
Animals: animal, metazoan, metazoans, metazoa; Vertebrates: vertebrate; Mammals: mammal; Monkeys: monkey; Birds: bird,
avian; Amphibians: amphibian; Fishes: fish, teleost, teleosts; Insects: insect; Mosquitoes: mosquito, mosquitos;
Nematodes: nematode; Plants: plant; Algae: alga, microalgae, microalga; Microbes: microbe, microorganism,
microorganisms; Bacteria: bacterium; Cyanobacteria: cyanobacterium; Archaea: archaeon; Fungi: fungus; Yeasts: yeast
species; Protozoa: protozoan, protozoans
"""

# What follows the name of an organism in the name of something else: "human papilloma virus", "yeast two-hybrid".
_PART_OF_NAME = re.compile(
    r"""['’]?s?[ \-]?(?:
      (?:(?!(?:with|by|and|or|in|of|from|for|to|the|against|during|after|infected|cells?)\b)[\w\-]{1,20}[ ]){0,3}
        (?:\w{0,20}virus(?:es)?|(?:bacterio)?phages?)\b
      |immuno-?deficiency|papilloma|sarcoma|leuk[a]?emia\ vir|pox\b|flu\b|influenza|(?:yellow\ )?fever\b|spongiform
      |(?:[\w\-]{1,20}[ ])?(?:anti-?bod(?:y|ies)|anti-?ser(?:um|a)|igg\w{0,4})\b|anti-|(?:calf\ )?serum\b|ovalbumin
      |(?:two|one|three|2|1)[ \-]hybrid|artificial\ chromosome|extracts?\b|peptone
      |double\ minute|leu[ck]ocyte\ antigen|chorionic|epidermal\ growth\ factor\ receptor|ether|protein\ atlas
      |oils?\b|meat\b|milk\b|eggs?\b|germ\ agglutinin|trypsin\ inhibitor|dextrose|gluten|straw\b|blast\b
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_AUTHORITY = re.compile(r" (?:L\.|Linn\.|subsp\. \w{1,30}|var\. \w{1,30})(?=[ ,;:?!)]|$)")
_BINOMIAL = re.compile(r"([A-Z][a-z]{2,}(?= )|[A-Z]\.) ?([a-z]{3,}(?:-[a-z]+)?)(?![\w-])")
_VIRUS = re.compile(r"virus|viridae|viroid|(?:\b|bacterio)phage", re.IGNORECASE)
# Genera that are also everyday words or names of something else.
_NOT_ALONE = frozenset({"beta", "glycine", "homo", "lotus", "proteus"})
_ANY_SPECIES = frozenset({"sp.", "spp.", "sp", "spp", "species"})
_MAX_ATOMS = 5


@dataclass(frozen=True, slots=True)
class Organism:
    """A species, or a genus where ``latin`` has one word; ``groups`` from the widest to the narrowest.

    ``names`` are its other names, a Latin one with a capital. ``speaks_for_genus`` says that its
    genus alone ("Drosophila") means this species.
    """

    latin: str
    names: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    speaks_for_genus: bool = False

    @property
    def genus(self) -> str:
        """The first word of the Latin name."""
        return self.latin.partition(" ")[0]

    @property
    def latin_names(self) -> tuple[str, ...]:
        """The Latin name and its synonyms."""
        return (self.latin, *(name for name in self.names if name[0].isupper()))


@dataclass(frozen=True, slots=True)
class OrganismSpan:
    """Where a text names an organism or a group: ``text[start:end]`` means ``name``."""

    name: str
    start: int = field(compare=False)
    end: int = field(compare=False)


def _read_table() -> Iterator[Organism]:
    groups: tuple[str, ...] = ()
    for line in _TABLE.strip().splitlines():
        if line.startswith("#"):
            groups = tuple(line[1:].split())
        elif line.startswith("+"):
            names = (name.strip() for name in line[1:].split(","))
            yield from (Organism(name.rstrip("*"), (), groups, name.endswith("*")) for name in names)
        else:
            latin, _, others = line.partition(":")
            listed = tuple(name.strip() for name in others.split(","))
            yield Organism(latin.rstrip("*"), listed, groups, latin.endswith("*"))


ORGANISMS = tuple(_read_table())


def _latin_keys(latin: str) -> list[str]:
    """The keys of a Latin name, in full and with its genus cut to a letter."""
    genus, _, epithet = latin.partition(" ")
    return [name_key(latin), *([name_key(f"{genus[0]}. {epithet}")] if epithet else [])]


def _read_names() -> dict[str, str]:
    """What every known spelling stands for; an abbreviation of two species stands for neither."""
    found: dict[str, str] = {}
    for listed in _GROUP_NAMES.split(";"):
        group, _, names = (part.strip() for part in listed.partition(":"))
        found |= dict.fromkeys([name_key(group), *(name_key(name) for name in names.split(","))], group)
    for organism in ORGANISMS:
        for name in (*organism.latin_names, *organism.names):
            found.setdefault(name_key(name), organism.latin)
    short = [(key, o.latin) for o in ORGANISMS for latin in o.latin_names for key in _latin_keys(latin)[1:]]
    meanings = Counter(key for key, _ in set(short))
    found |= {key: latin for key, latin in short if meanings[key] == 1}
    found |= {name_key(o.genus): o.genus for o in ORGANISMS}
    return found | {name_key(o.genus): o.latin for o in ORGANISMS if o.speaks_for_genus}


_NAMES = _read_names()
_GROUPS = {organism.latin: organism.groups for organism in ORGANISMS}
_GROUPS |= {organism.genus: organism.groups for organism in ORGANISMS}
_GROUPS |= {group: o.groups[:at] for o in ORGANISMS for at, group in enumerate(o.groups)}
_GENUS_KEYS = frozenset(name_key(o.genus) for o in ORGANISMS)
_EPITHETS: dict[str, tuple[str, ...]] = {
    genus: tuple(o.latin for o in ORGANISMS if " " in o.latin and name_key(o.genus) == genus) for genus in _GENUS_KEYS
}


def _without_one(word: str) -> set[str]:
    return {word[:at] + word[at + 1 :] for at in range(len(word))}


def _read_cut_genera() -> dict[str, tuple[str, ...]]:
    """The long genera by each form that lacks one letter, to find a misspelt one without comparing all."""
    found: dict[str, tuple[str, ...]] = {}
    for genus in sorted(_GENUS_KEYS - _NOT_ALONE):
        for cut in [genus, *_without_one(genus)] if len(genus) >= 7 else []:
            found[cut] = (*found.get(cut, ()), genus)
    return found


_CUT_GENERA = _read_cut_genera()


def _is_misspelt(word: str, meant: str) -> bool:
    """Whether ``word`` is ``meant`` but for a letter, or two in a long word; letters that changed places are one."""
    allowed = 0 if len(meant) < 5 else 1 if len(meant) < 8 else 2
    if abs(len(word) - len(meant)) > allowed or word[:1] != meant[:1]:
        return False
    before: list[int] = []
    row = list(range(len(meant) + 1))
    for at, letter in enumerate(word, 1):
        new = [at]
        for to, other in enumerate(meant, 1):
            steps = min(row[to] + 1, new[-1] + 1, row[to - 1] + (letter != other))
            if at > 1 and to > 1 and (letter, word[at - 2]) == (meant[to - 2], other):
                steps = min(steps, before[to - 2] + 1)
            new.append(steps)
        before, row = row, new
    return row[-1] <= allowed


def _misspelt_genus(key: str) -> str | None:
    """The known genus that a word is but for one letter."""
    if key in _GENUS_KEYS or not 6 <= len(key) <= 24:
        return None
    near = [genus for cut in [key, *_without_one(key)] for genus in _CUT_GENERA.get(cut, ()) if genus[0] == key[0]]
    return min(near) if near else None


def _species(genus: str, epithet: str) -> str | None:
    """The known species of a genus (both as keys) that an epithet, perhaps misspelt, stands for."""
    for latin in _EPITHETS.get(genus, ()):
        if _is_misspelt(epithet, name_key(latin.split()[1])):
            return latin
    return None


@lru_cache(maxsize=4096)
def canonical(name: str) -> str | None:
    """The one name for a spelling of an organism: its Latin name, or that of a genus or group.

    Letter case, abbreviation ("D. melanogaster"), everyday names, authorities, strains, subspecies
    and small mistakes in Latin names make no difference. A Latin name that is not known stays, as
    "Genus species"; ``None`` for anything else.
    """
    tidy = " ".join(re.sub(r"[(\[][^()\[\]]{0,80}[)\]]|[_×]", " ", name).split())
    if known := _NAMES.get(name_key(tidy)):
        return known
    if not tidy or _VIRUS.search(tidy):
        return None
    words = tidy.split()
    first = name_key(words[0])
    genus = first if first in _GENUS_KEYS else _misspelt_genus(first)
    if known := _NAMES.get(name_key(" ".join(words[:2]))):
        return known  # and a strain or an authority
    if genus and len(words) > 1 and (species := _species(genus, name_key(words[1]))):
        return species
    if genus and (len(words) == 1 or not words[1].islower() or words[1] in _ANY_SPECIES):
        return _NAMES[genus]
    if first in _NAMES and first not in _GENUS_KEYS and re.search(r"\d", " ".join(words[1:])):
        return _NAMES[first]  # and a strain: "Yeast S288C"
    if len(words) > 1 and words[1] in _ANY_SPECIES and words[0].istitle():
        return _NAMES.get(first, words[0])
    binomial = _BINOMIAL.match(tidy)
    return f"{binomial[1]} {binomial[2]}" if binomial else None


def _settled(name: str) -> str:
    return canonical(name) or " ".join(name.split())


def same_organism(wanted: str, recorded: str) -> bool:
    """Whether a record's organism is the one wanted, or belongs to the genus or group wanted."""
    one, other = _settled(wanted), _settled(recorded)
    if one.casefold() == other.casefold() or wanted.split() == recorded.split():
        return True
    genus = other.partition(" ")[0]
    if " " not in one and one.casefold() == genus.casefold():
        return True
    groups = _GROUPS.get(other) or _GROUPS.get(genus, ())
    return one in groups or _abbreviates(one, other) or _abbreviates(other, one)


def _abbreviates(short: str, full: str) -> bool:
    """Whether "T. forsythia" is short for "Tannerella forsythia"."""
    initial, dot, epithet = short.partition(". ")
    return bool(dot) and len(initial) == 1 and full.startswith(initial) and full.partition(" ")[2] == epithet


def spellings_of(wanted: str, recorded: Iterable[str]) -> tuple[str, ...]:
    """Those of the recorded spellings that mean the organism wanted, in their order."""
    return tuple(spelling for spelling in recorded if same_organism(wanted, spelling))


@lru_cache(maxsize=8)
def _recorded_names(recorded: frozenset[str]) -> dict[str, str]:
    """What the spellings of an index stand for, those that are known without it left out."""
    found: dict[str, str] = {}
    for spelling in sorted(recorded):
        meant = _settled(spelling)
        keys = [name_key(spelling), *(_latin_keys(meant) if " " in meant else [])]
        found |= {key: meant for key in keys if key and key not in _NAMES and key not in found}
    return found


def find_organisms(text: str, recorded: Collection[str] = ()) -> tuple[OrganismSpan, ...]:
    """Where ``text`` names organisms, from left to right, the longest name first.

    Names of something else that contain one ("human papillomavirus", "anti-mouse", "zebrafish-like",
    the gene CAT) are left out. ``recorded`` are spellings that the index has, to be found as well.
    """
    more = _recorded_names(frozenset(recorded)) if recorded else {}
    spans = list(atom_spans(text))
    found: list[OrganismSpan] = []
    at = 0
    while at < len(spans):
        meant, width = _named_at(text, spans, at, more)
        if meant:
            start, end = spans[at][1], spans[at + width - 1][2]
            authority = _AUTHORITY.match(text, end)
            end = authority.end() if authority else end
            if not _PART_OF_NAME.match(text, end):
                found.append(OrganismSpan(meant, start, end))
        at += width
    return tuple(found)


def _named_at(text: str, spans: list[tuple[str, int, int]], at: int, more: Mapping[str, str]) -> tuple[str | None, int]:
    """What the longest name that begins at the atom ``at`` means, and how many atoms it has."""
    widest = _run_length(text, spans, at)
    for width in range(widest, 0, -1):
        key = " ".join(atom for atom, _, _ in spans[at : at + width])
        meant = _NAMES.get(key) or more.get(key)
        if meant and _stands_alone(text, spans[at][1], spans[at + width - 1][2], key, is_known=key in _NAMES):
            break
    else:
        width, meant = 1, None
    genus = spans[at][0] if spans[at][0] in _GENUS_KEYS else _misspelt_genus(spans[at][0])
    if width > 1 or not genus or not _stands_alone(text, *spans[at][1:], genus):
        return meant, width
    species = _species(genus, spans[at + 1][0]) if widest > 1 else None
    return (species, 2) if species else (_NAMES[genus], 1)


def _run_length(text: str, spans: list[tuple[str, int, int]], at: int) -> int:
    """How many atoms from ``at`` on may belong to one name."""
    width = 1
    while width < _MAX_ATOMS and at + width < len(spans):
        if text[spans[at + width - 1][2] : spans[at + width][1]] not in {" ", ". ", ".", "-", "’", "'", ""}:
            break
        width += 1
    return width


def _stands_alone(text: str, start: int, end: int, key: str, *, is_known: bool = True) -> bool:
    """Whether ``text[start:end]`` is a word of its own and written like the name of an organism."""
    around = text[max(0, start - 1) : start] + text[end : end + 1]
    if any(c.isalnum() or c in "-‐‑–_" for c in around):
        return False
    if " " in key:
        return True
    written = text[start:end]
    if key in _NOT_ALONE or (len(key) <= 4 and key in _GENUS_KEYS) or not (is_known or written[0].isupper()):
        return False
    return not (written.isupper() and len(written) <= 4) or text.isupper()
