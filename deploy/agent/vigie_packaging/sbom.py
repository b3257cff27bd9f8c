"""The bill of materials: CycloneDX 1.6, JSON (https://cyclonedx.org/docs/1.6/json/)."""

import json
from collections.abc import Sequence
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from vigie_packaging.components import Component
from vigie_packaging.release import Release

_LICENSED: Final = "Apache-2.0"


def bill_of_materials(
    release: Release, parts: Sequence[Component], name: str = "vigie-agent", packages: str = ""
) -> str:
    """The document of `name`. The same release of the same parts gives the same text.

    `packages` is where, seen from the document, files of the parts lie; empty where none do.
    """
    ours = f"pkg:generic/{name}@{release.version}"
    purls = [part.purl for part in parts]
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, ' '.join([ours, *purls]))}",
        "version": 1,
        "metadata": {
            "timestamp": release.moment.isoformat(),
            "component": {
                "type": "application",
                "bom-ref": ours,
                "name": name,
                "version": release.version,
                "purl": ours,
                "licenses": [{"license": {"id": _LICENSED}}],
            },
        },
        "components": [_component(part, packages) for part in parts],
        "dependencies": [{"ref": ours, "dependsOn": purls}],
    }
    return json.dumps(document, indent=1) + "\n"


def _component(part: Component, packages: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "type": "library",
        "bom-ref": part.purl,
        "name": part.name,
        "version": part.version,
        "purl": part.purl,
    }
    if part.licence.startswith("any-"):  # a word, no expression
        told["licenses"] = [{"license": {"name": part.licence}}]
    elif part.licence:
        told["licenses"] = [{"expression": part.licence}]
    if packages and part.bills:
        told["externalReferences"] = [
            {"type": "bom", "url": f"{packages}/{bill}"} for bill in part.bills
        ]
    return told
