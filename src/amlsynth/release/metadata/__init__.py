"""Metadata for machines: what catalogues, search engines and registries read of a release.

Croissant for machine learning tools, RO-Crate for research repositories, DataCite for DOI registries,
schema.org for search engines, and a script for R. All say what datapackage.json and the dictionary say, and
only that. They are plain data: the formats' own libraries take seconds to import and some fetch contexts from
the net, so these check every file in the tests and not in the build.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from amlsynth.dictionary.carried import carried_dictionary
from amlsynth.dictionary.model import dictionary
from amlsynth.foundation.files import write_text
from amlsynth.release.file_names import METADATA_FILES, PACKAGE, R_SCRIPT
from amlsynth.release.metadata.croissant import croissant_record
from amlsynth.release.metadata.datacite import datacite_record
from amlsynth.release.metadata.r_script import r_script
from amlsynth.release.metadata.rocrate import DESCRIPTOR, ro_crate_record
from amlsynth.release.metadata.schema_org import schema_org_record
from amlsynth.release.package import DataPackage

__all__ = ["metadata_texts", "schema_org_record", "write_metadata"]


def write_metadata(folder: Path) -> None:
    """Write the metadata files of a release folder, from its datapackage.json and its other files.

    Every other file but SHA256SUMS has to be there, since RO-Crate lists sizes and checksums. Call it
    again when one of them changes, such as when a DOI was reserved. The same files give the same bytes.
    """
    package = DataPackage.model_validate_json((folder / PACKAGE).read_bytes())
    for name, text in metadata_texts(package, folder).items():
        write_text(folder / name, text)


def metadata_texts(package: DataPackage, folder: Path) -> dict[str, str]:
    """Return the text of each metadata file, by its name."""
    d = carried_dictionary(folder) or dictionary()
    names = sorted(package.files)
    texts = {
        "croissant.json": _json_text(croissant_record(package, d)),
        "datacite.json": _json_text(datacite_record(package)),
        "schema-org.json": _json_text(schema_org_record(package, d)),
        R_SCRIPT: r_script(package, d),
    }
    texts[DESCRIPTOR] = _json_text(ro_crate_record(package, folder, names, texts))
    assert set(texts) == set(METADATA_FILES)
    return texts


def _json_text(content: dict[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"
