"""Define-XML 2.1 of the clinical exports, built with odmlib's model and checked with it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from amlsynth.cohort.tables import TIME_DECIMALS
from amlsynth.dictionary.model import Dictionary
from amlsynth.foundation.version import __version__
from amlsynth.release.adam.dataset_json import item_oid, text_length
from amlsynth.release.adam.tables import Column, Dataset, Study

_CT_VERSION = "2023-12-15"  # of the CDISC terminology package whose codes stand below
# NCI codes of code lists and their values in CDISC controlled terminology.
_TERMINOLOGY = {
    "SEX": ("C66731", {"F": "C16576", "M": "C20197"}),
    "AGEU": ("C66781", {"YEARS": "C29848"}),
    "NY": ("C66742", {"Y": "C49488"}),
}
_CLASSES = {
    "ADSL": ("SUBJECT LEVEL ANALYSIS DATASET", None),
    "ADTTE": ("BASIC DATA STRUCTURE", "TIME-TO-EVENT"),
}
_NAMESPACES = {
    "odm": "http://www.cdisc.org/ns/odm/v1.3",
    "def": "http://www.cdisc.org/ns/def/v2.1",
    "xlink": "http://www.w3.org/1999/xlink",
}
_SCOPE = (
    "ADaM-like: names, labels and structure follow the ADaM Implementation Guide. Variables that it requires "
    "and a synthetic cohort does not have, such as SITEID, RACE, STARTDT and, of cohorts without arms, "
    "TRT01P, are left out and not invented; day variables stand in the place of dates."
)
_STYLESHEET = '<?xml-stylesheet type="text/xsl" href="define.xsl"?>'
_conforming: set[str] = set()  # the documents that were checked here
_NO_DATA = "The variable was not assessed in the original and is missing for every subject."


def define_xml(datasets: Iterable[Dataset], study: Study, d: Dictionary) -> str:
    """Return the Define-XML of the data sets as text.

    Labels that had to be cut for the XPT files stand here in full. The document is checked against
    odmlib's rules for Define-XML 2.1 before it is returned.
    """
    from odmlib.define_2_1 import model as define
    from odmlib.define_2_1.rules import metadata_schema

    datasets = list(datasets)
    moment = f"{study.date.isoformat()}T00:00:00"
    version = _metadata(define, datasets, study, d)
    names = define.GlobalVariables()
    names.StudyName = define.StudyName(_content=study.title)
    names.StudyDescription = define.StudyDescription(_content=study.statement)
    names.ProtocolName = define.ProtocolName(_content=f"{study.name} {study.version}")
    document = define.ODM(
        FileOID=f"{study.name}.{study.version}.define",
        AsOfDateTime=moment,
        CreationDateTime=moment,
        ODMVersion="1.3.2",
        FileType="Snapshot",
        Originator=study.title,
        SourceSystem="amlsynth",
        SourceSystemVersion=__version__,
        Context="Other",
    )
    document.Study = define.Study(OID=f"ST.{study.id}")
    document.Study.GlobalVariables = names
    document.Study.MetaDataVersion = version
    text = _text(document)
    if text not in _conforming:  # a release is verified several times, and its exports made again each time
        checker = metadata_schema.MetadataSchema()  # type: ignore[no-untyped-call]
        document.verify_conformance(checker)
        _conforming.add(text)
    return text


def _text(document: Any) -> str:
    import xml.etree.ElementTree as ET

    from odmlib.ns_registry import NamespaceRegistry

    for prefix, uri in _NAMESPACES.items():  # odmlib writes attributes of registered namespaces only
        is_default = prefix == "odm"
        NamespaceRegistry(prefix=prefix, uri=uri, is_default=is_default)  # type: ignore[no-untyped-call]
    root = document.to_xml()
    for prefix, uri in _NAMESPACES.items():
        root.set("xmlns" if prefix == "odm" else f"xmlns:{prefix}", uri)
    ET.indent(root, " ")
    # XML has no place for these two noncharacters, which a title may hold.
    text = ET.tostring(root, encoding="unicode").translate({0xFFFE: 0xFFFD, 0xFFFF: 0xFFFD})
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{_STYLESHEET}\n{text}\n'


def _metadata(define: Any, datasets: list[Dataset], study: Study, d: Dictionary) -> Any:
    version = define.MetaDataVersion(
        OID=f"MDV.{study.id}.{study.version}",
        Name=f"{study.name} {study.version}",
        Description=f"Analysis data sets of {study.title}; {d.title} {d.version}",
        DefineVersion="2.1.0",
    )
    version.Standards = define.Standards()
    version.Standards.Standard = [
        define.Standard(
            OID="STD.IG", Name="ADaMIG", Type="IG", Version="1.3", Status="Final", CommentOID="COM.SCOPE"
        ),
        define.Standard(
            OID="STD.CT",
            Name="CDISC/NCI",
            Type="CT",
            PublishingSet="SDTM",
            Version=_CT_VERSION,
            Status="Final",
        ),
    ]
    for dataset in datasets:
        version.ItemGroupDef.append(_group(define, dataset))
        for column in dataset.columns:
            version.ItemDef.append(_item(define, dataset, column, study))
        if any(column.name == "PARAMCD" for column in dataset.columns):
            _add_value_level(define, version, dataset)
    lists = {c.code_list: c for dataset in datasets for c in dataset.columns if c.code_list}
    version.CodeList = [_code_list(define, name, column) for name, column in lists.items()]
    version.MethodDef = [
        _method(define, dataset, column)
        for dataset in datasets
        for column in dataset.columns
        if column.method
    ]
    comments = {"COM.SCOPE": _SCOPE}
    if not all(dataset.has_data(column) for dataset in datasets for column in dataset.columns):
        comments["COM.NODATA"] = _NO_DATA
    version.CommentDef = [
        _described(define, define.CommentDef(OID=oid), text) for oid, text in comments.items()
    ]
    return version


def _described(define: Any, element: Any, text: str) -> Any:
    element.Description = define.Description()
    element.Description.TranslatedText = [define.TranslatedText(_content=text, lang="en")]
    return element


def _group(define: Any, dataset: Dataset) -> Any:
    file = dataset.name.lower()
    group = define.ItemGroupDef(
        OID=f"IG.{dataset.name}",
        Name=dataset.name,
        Repeating="No" if dataset.name == "ADSL" else "Yes",
        IsReferenceData="No",
        SASDatasetName=dataset.name,
        Purpose="Analysis",
        Structure=dataset.structure,
        StandardOID="STD.IG",
        ArchiveLocationID=f"LF.{dataset.name}",
    )
    _described(define, group, dataset.label)
    for number, column in enumerate(dataset.columns, start=1):
        reference = define.ItemRef(
            ItemOID=item_oid(dataset.name, column.name),
            OrderNumber=number,
            Mandatory="Yes" if column.key else "No",
        )
        if column.key:
            reference.KeySequence = column.key
        if column.method:
            reference.MethodOID = f"MT.{dataset.name}.{column.name}"
        if not dataset.has_data(column):
            reference.HasNoData = "Yes"
        group.ItemRef.append(reference)
    name, sub = _CLASSES[dataset.name]
    group.Class = define.Class(Name=name)
    if sub:
        group.Class.SubClass = [define.SubClass(Name=sub)]
    group.leaf = define.leaf(ID=f"LF.{dataset.name}", href=f"{file}.xpt")
    group.leaf.title = define.title(_content=f"{file}.xpt")
    return group


def _item(define: Any, dataset: Dataset, column: Column, study: Study) -> Any:
    values = dataset.frame[column.name]
    length, decimals = _size(values, column)
    item = define.ItemDef(
        OID=item_oid(dataset.name, column.name),
        Name=column.name,
        DataType=column.kind,
        Length=length,
        SASFieldName=column.name,
    )
    if column.kind == "float":
        item.SignificantDigits = decimals
    if not dataset.has_data(column):
        item.CommentOID = "COM.NODATA"
    _described(define, item, column.full_label)
    if column.code_list:
        item.CodeListRef = define.CodeListRef(CodeListOID=f"CL.{column.code_list}")
    if column.method:
        origin = define.Origin(Type="Derived", Source="Sponsor")
    else:
        origin = define.Origin(Type="Predecessor")
        _described(define, origin, f"{study.name}.{column.source}: {column.description}")
    item.Origin = [origin]
    return item


def _add_value_level(define: Any, version: Any, dataset: Dataset) -> None:
    """Describe the analysis value by parameter: what it is, and its size in the records of that one."""
    by, of = (next(c for c in dataset.columns if c.name == name) for name in ("PARAMCD", "AVAL"))
    whole = next(item for item in version.ItemDef if item_oid(dataset.name, of.name) == item.OID)
    listed = define.ValueListDef(OID=f"VL.{dataset.name}.{of.name}")
    whole.ValueListRef = define.ValueListRef(ValueListOID=listed.OID)
    for number, (code, label) in enumerate(by.codes, start=1):
        oid, where = f"{whole.OID}.{code}", f"WC.{dataset.name}.{by.name}.{code}"
        values = dataset.frame.loc[dataset.frame[by.name] == code, of.name]
        length, decimals = _size(values, of)
        item = define.ItemDef(
            OID=oid, Name=code, DataType=of.kind, Length=length, SignificantDigits=decimals
        )  # fmt: skip
        _described(define, item, label)
        item.Origin = [define.Origin(Type="Derived", Source="Sponsor")]
        version.ItemDef.append(item)
        reference = define.ItemRef(ItemOID=oid, OrderNumber=number, Mandatory="No")
        reference.MethodOID = f"MT.{dataset.name}.{of.name}"
        reference.WhereClauseRef = [define.WhereClauseRef(WhereClauseOID=where)]
        listed.ItemRef.append(reference)
        clause = define.WhereClauseDef(OID=where)
        check = define.RangeCheck(SoftHard="Soft", ItemOID=item_oid(dataset.name, by.name), Comparator="EQ")
        check.CheckValue = [define.CheckValue(_content=code)]
        clause.RangeCheck = [check]
        version.WhereClauseDef.append(clause)
    version.ValueListDef.append(listed)


def _size(values: Any, column: Column) -> tuple[int, int]:
    """Return length and decimals of the values as they are written."""
    if column.kind == "text":
        return text_length(values), 0
    known = values.dropna().to_numpy()
    digits = len(str(math.floor(max(known, default=0))))
    if column.kind == "integer":
        return digits, 0
    decimals = next((n for n in range(1, TIME_DECIMALS) if (known.round(n) == known).all()), TIME_DECIMALS)
    return digits + 1 + decimals, decimals


def _code_list(define: Any, name: str, column: Column) -> Any:
    code, values = _TERMINOLOGY.get(name, (None, {}))
    # Values beyond the terminology make a list of one's own.
    standard = code is not None and {value for value, _ in column.codes} <= set(values)
    kind = "text" if column.kind == "text" else "integer"
    listed = define.CodeList(OID=f"CL.{name}", Name=name, DataType=kind)
    if standard:
        listed.StandardOID = "STD.CT"
    else:
        listed.IsNonStandard = "Yes"
    for value, label in column.codes:
        item = define.CodeListItem(CodedValue=value)
        item.Decode = define.Decode()
        item.Decode.TranslatedText = [define.TranslatedText(_content=label, lang="en")]
        if standard:
            item.Alias = [define.Alias(Context="nci:ExtCodeID", Name=values[value])]
        listed.CodeListItem.append(item)
    if standard:
        listed.Alias = [define.Alias(Context="nci:ExtCodeID", Name=code)]
    return listed


def _method(define: Any, dataset: Dataset, column: Column) -> Any:
    method = define.MethodDef(
        OID=f"MT.{dataset.name}.{column.name}",
        Name=f"{dataset.name}.{column.name}",
        Type="Computation",
    )
    return _described(define, method, column.method or "")
