"""The columns of the core table, for editors and type checkers.

Generated from schema/aml.yaml by `make schema`; do not edit. `AML.t8_21` is the column name "t8.21", and
`DataFrame[AML]` from pandera.typing types a validated frame.
"""

from typing import Annotated

import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series


class AML(pa.DataFrameModel):
    """AML variable dictionary, version 1.0.0: one row a patient."""

    AGE: Series[pd.Int16Dtype] = pa.Field(nullable=True, ge=18, le=110, title="Age at diagnosis")
    """Age in completed years at the diagnosis of AML. Unit: years."""

    SEX: Series[Annotated[pd.CategoricalDtype, ("female", "male"), False]] = pa.Field(
        nullable=True,
        title="Sex",
    )
    """Sex as documented in the trial."""

    AMLSTAT: Series[Annotated[pd.CategoricalDtype, ("de novo", "sAML", "tAML"), False]] = pa.Field(
        nullable=True,
        title="AML status",
    )
    """Origin of the disease: arisen de novo, secondary to an antecedent haematological disorder (sAML), or
    associated with earlier cytotoxic therapy (tAML)."""

    EXAML: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="Extramedullary disease")
    """Manifestation of AML outside bone marrow and blood at diagnosis."""

    WBC: Series[pd.Float64Dtype] = pa.Field(nullable=True, ge=0, le=1000, title="White blood cell count")
    """White blood cell count in peripheral blood at diagnosis. Unit: GPt/l."""

    HB: Series[pd.Float64Dtype] = pa.Field(nullable=True, ge=0, le=15, title="Haemoglobin")
    """Haemoglobin in peripheral blood at diagnosis; 1 g/dl is 0.6206 mmol/l. Unit: mmol/l."""

    PLT: Series[pd.Float64Dtype] = pa.Field(nullable=True, ge=0, le=3000, title="Platelet count")
    """Platelet count in peripheral blood at diagnosis. Unit: GPt/l."""

    CGNK: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="Normal karyotype")
    """No clonal chromosomal aberration in conventional cytogenetics."""

    CGCX: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="Complex karyotype")
    """Complex karyotype: three or more unrelated aberrations without a class-defining one."""

    CR1: Series[pd.Int8Dtype] = pa.Field(
        nullable=True,
        isin=[0, 1],
        title="Complete remission after induction",
    )
    """Complete remission after induction therapy."""

    OSTM: Series[pd.Float64Dtype] = pa.Field(nullable=True, ge=0, le=720, title="Overall survival time")
    """Months of 30.4375 days from diagnosis to death, or to the last time known alive. Unit: months."""

    OSSTAT: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="Overall survival status")
    """1 died, 0 censored at OSTM."""

    EFSTM: Series[pd.Float64Dtype] = pa.Field(nullable=True, ge=0, le=720, title="Event-free survival time")
    """Months of 30.4375 days from diagnosis to the first of induction failure, relapse or death, or to the
    last time known free of them; never beyond OSTM. Unit: months."""

    EFSSTAT: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="Event-free survival status")
    """1 event, 0 censored at EFSTM."""

    ASXL1: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="ASXL1")
    """Mutation of ASXL1, chromatin binding; myelodysplasia-related."""

    BCOR: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="BCOR")
    """Mutation of BCL6 corepressor; myelodysplasia-related."""

    BCORL1: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="BCORL1")
    """Mutation of BCL6 corepressor-like 1."""

    DNMT3A: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="DNMT3A")
    """Mutation of DNA methyltransferase 3 alpha."""

    EZH2: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="EZH2")
    """Mutation of histone methyltransferase of the PRC2 complex; myelodysplasia-related."""

    IDH1: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="IDH1")
    """Mutation of isocitrate dehydrogenase 1."""

    IDH2: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="IDH2")
    """Mutation of isocitrate dehydrogenase 2."""

    KDM6A: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="KDM6A")
    """Mutation of lysine demethylase 6A."""

    TET2: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="TET2")
    """Mutation of methylcytosine dioxygenase TET2."""

    RAD21: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="RAD21")
    """Mutation of cohesin subunit RAD21."""

    SMC1A: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="SMC1A")
    """Mutation of cohesin subunit SMC1A."""

    SMC3: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="SMC3")
    """Mutation of cohesin subunit SMC3."""

    STAG2: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="STAG2")
    """Mutation of cohesin subunit STAG2; myelodysplasia-related."""

    CEBPA: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="CEBPA")
    """Mutation of CCAAT/enhancer binding protein alpha, of any kind."""

    CEBPA_bZIP_inframe: Series[pd.Int8Dtype] = pa.Field(
        alias="CEBPA.bZIP.inframe",
        nullable=True,
        isin=[0, 1],
        title="CEBPA bZIP in-frame",
    )
    """In-frame mutation in the bZIP region of CEBPA; implies CEBPA."""

    CUX1: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="CUX1")
    """Mutation of cut-like homeobox 1."""

    ETV6: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="ETV6")
    """Mutation of ETS variant transcription factor 6."""

    GATA2: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="GATA2")
    """Mutation of GATA binding protein 2."""

    IKZF1: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="IKZF1")
    """Mutation of Ikaros."""

    PHF6: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="PHF6")
    """Mutation of PHD finger protein 6."""

    RUNX1: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="RUNX1")
    """Mutation of runt-related transcription factor 1; myelodysplasia-related."""

    WT1: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="WT1")
    """Mutation of Wilms tumour 1."""

    NPM1: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="NPM1")
    """Mutation of nucleophosmin 1."""

    TP53: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="TP53")
    """Mutation of tumour protein p53."""

    CBL: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="CBL")
    """Mutation of Cbl proto-oncogene."""

    CSF3R: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="CSF3R")
    """Mutation of colony stimulating factor 3 receptor."""

    FLT3I: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="FLT3-ITD")
    """Internal tandem duplication of FLT3 (FLT3-ITD)."""

    FLT3T: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="FLT3-TKD")
    """Mutation in the tyrosine kinase domain of FLT3 (FLT3-TKD)."""

    JAK2: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="JAK2")
    """Mutation of Janus kinase 2."""

    KIT: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="KIT")
    """Mutation of KIT proto-oncogene."""

    KRAS: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="KRAS")
    """Mutation of KRAS proto-oncogene."""

    NOTCH1: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="NOTCH1")
    """Mutation of notch receptor 1."""

    NRAS: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="NRAS")
    """Mutation of NRAS proto-oncogene."""

    PTPN11: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="PTPN11")
    """Mutation of protein tyrosine phosphatase non-receptor type 11."""

    SF3B1: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="SF3B1")
    """Mutation of splicing factor 3b subunit 1; myelodysplasia-related."""

    SRSF2: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="SRSF2")
    """Mutation of serine and arginine rich splicing factor 2; myelodysplasia-related."""

    U2AF1: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="U2AF1")
    """Mutation of U2 small nuclear RNA auxiliary factor 1; myelodysplasia-related."""

    ZRSR2: Series[pd.Int8Dtype] = pa.Field(nullable=True, isin=[0, 1], title="ZRSR2")
    """Mutation of U2 small nuclear ribonucleoprotein auxiliary factor subunit-related protein 2;
    myelodysplasia-related."""

    t8_21: Series[pd.Int8Dtype] = pa.Field(alias="t8.21", nullable=True, isin=[0, 1], title="t(8;21)")
    """t(8;21)(q22;q22.1), RUNX1::RUNX1T1."""

    inv16_t16_16: Series[pd.Int8Dtype] = pa.Field(
        alias="inv16_t16.16",
        nullable=True,
        isin=[0, 1],
        title="inv(16)/t(16;16)",
    )
    """inv(16)(p13.1q22) or t(16;16)(p13.1;q22), CBFB::MYH11."""

    t_9_11: Series[pd.Int8Dtype] = pa.Field(alias="t.9.11", nullable=True, isin=[0, 1], title="t(9;11)")
    """t(9;11)(p21.3;q23.3), MLLT3::KMT2A."""

    t_v_11: Series[pd.Int8Dtype] = pa.Field(alias="t.v.11", nullable=True, isin=[0, 1], title="t(v;11q23)")
    """Rearrangement of KMT2A at 11q23 with a partner other than MLLT3."""

    t_6_9: Series[pd.Int8Dtype] = pa.Field(alias="t.6.9", nullable=True, isin=[0, 1], title="t(6;9)")
    """t(6;9)(p22.3;q34.1), DEK::NUP214."""

    inv_3: Series[pd.Int8Dtype] = pa.Field(alias="inv.3", nullable=True, isin=[0, 1], title="inv(3)/t(3;3)")
    """inv(3)(q21.3q26.2) or t(3;3)(q21.3;q26.2), GATA2, MECOM."""

    minus_5: Series[pd.Int8Dtype] = pa.Field(alias="minus.5", nullable=True, isin=[0, 1], title="-5")
    """Monosomy 5."""

    del_5q: Series[pd.Int8Dtype] = pa.Field(alias="del.5q.", nullable=True, isin=[0, 1], title="del(5q)")
    """Deletion of the long arm of chromosome 5."""

    minus_7: Series[pd.Int8Dtype] = pa.Field(alias="minus.7", nullable=True, isin=[0, 1], title="-7")
    """Monosomy 7."""

    del_7q: Series[pd.Int8Dtype] = pa.Field(alias="del.7q.", nullable=True, isin=[0, 1], title="del(7q)")
    """Deletion of the long arm of chromosome 7."""

    minus_17: Series[pd.Int8Dtype] = pa.Field(alias="minus.17", nullable=True, isin=[0, 1], title="-17")
    """Monosomy 17."""

    abn_17p: Series[pd.Int8Dtype] = pa.Field(alias="abn.17p.", nullable=True, isin=[0, 1], title="abn(17p)")
    """Aberration of the short arm of chromosome 17."""

    class Config:
        name = "aml"
        strict = True
        ordered = True
