"""Names of a machine's place: CloudEvents source, MQTT topic, metric labels."""

from urllib.parse import quote

from plantwright_api.wire.config import Asset, Location, Machine

SYSTEM_TOPIC = "_gateway"
"""Last topic level of a batch that holds no contract's data: gaps and configurations alone."""


def levels(location: Location, machine: str) -> tuple[str, ...]:
    """The ISA-95 levels from enterprise down to the machine."""
    return (location.enterprise, location.site, location.area, location.line, machine)


def source_of(location: Location, machine: str) -> str:
    """CloudEvents `source`: a path of ISA-95 levels, each percent-encoded."""
    return "/" + "/".join(quote(level, safe="") for level in levels(location, machine))


def topic_of(prefix: str, location: Location, machine: str, contract: str) -> str:
    """Topic in the Unified Namespace: `<prefix>/<enterprise>/<site>/<area>/<line>/<machine>/_<contract>`.

    What MQTT reserves is replaced: the admission rules forbid it already, and a topic is no place to find out otherwise.
    """
    last = f"_{contract}" if contract else SYSTEM_TOPIC
    return "/".join(
        (prefix.strip("/"), *(_topic_level(level) for level in levels(location, machine)), _topic_level(last))
    )


def _topic_level(text: str) -> str:
    return "".join("-" if char in "/+#" or not char.isprintable() else char for char in text) or "-"


def labels_of(machine: Machine) -> dict[str, str]:
    """Labels of every metric of a machine."""
    place = machine.location
    return {"plant": machine.plant, "area": place.area, "line": place.line, "machine": machine.name}


def asset_context(asset: Asset) -> dict[str, str]:
    """What is known of the machine's identity, by camelCase name; nothing for what is not."""
    known = {
        "manufacturer": asset.manufacturer,
        "model": asset.model,
        "serialNumber": asset.serial_number,
        "productInstanceUri": asset.product_instance_uri,
        "assetId": asset.asset_id,
    }
    return {name: text for name, text in known.items() if text}
