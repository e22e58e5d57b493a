"""Signals of a profile: where a value is found in a machine, and what is made of it."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from plantwright_api.v1alpha1.base import ApiModel, Decimal, ObjectName, SignalName, Text, Unit, list_map, rules
from plantwright_api.v1alpha1.codetables import CodeTable

ModbusTable = Literal["Coil", "DiscreteInput", "InputRegister", "HoldingRegister"]
ModbusType = Literal["Bool", "Int16", "UInt16", "Int32", "UInt32", "Int64", "UInt64", "Float32", "Float64", "String"]
ByteOrder = Literal["BigEndian", "LittleEndian"]
WordOrder = Literal["HighWordFirst", "LowWordFirst"]
NodeId = Annotated[
    str,
    Field(
        min_length=3,
        max_length=1024,
        pattern=r"^((nsu=[^;]+|ns=[0-9]{1,5});)?((i=[0-9]{1,10})|(s=.+)|(g=[0-9a-fA-F-]{36})|(b=[A-Za-z0-9+/=]+))$",
    ),
]


class OpcUaAddress(ApiModel):
    """Where a signal is found in an OPC UA server."""

    node_id: NodeId = Field(
        description="NodeId of the variable; name the namespace by URI (nsu=http://…;s=…), since indexes move."
    )


class BitRange(ApiModel):
    """Some bits of a register, read as one unsigned integer."""

    first: Annotated[int, Field(ge=0, le=15)] = Field(
        description="Lowest bit of the range, 0 is the lowest of the register.", json_schema_extra={"format": "int32"}
    )
    count: Annotated[int, Field(ge=1, le=16)] = Field(
        description="How many bits; first and count together are at most 16.", json_schema_extra={"format": "int32"}
    )

    model_config = ConfigDict(
        json_schema_extra=rules(
            {
                "rule": "self.first + self.count <= 16",
                "message": "a register has 16 bits: first + count is at most 16",
                "fieldPath": ".count",
            },
        )
    )


class ModbusAddress(ApiModel):
    """Where a signal is found in a Modbus device."""

    table: ModbusTable = Field(default="HoldingRegister", description="Which of the four Modbus tables.")
    address: Annotated[int, Field(ge=0, le=65535)] = Field(
        description="Address as it goes over the wire, counted from 0 (register 40001 of old manuals is 0).",
        json_schema_extra={"format": "int32"},
    )
    type: ModbusType = Field(default="UInt16", description="How the registers are read.")
    bit: Annotated[int, Field(ge=0, le=15)] | None = Field(
        default=None,
        description="Bit of the register, 0 is the lowest; needs type Bool.",
        json_schema_extra={"format": "int32"},
    )
    bits: BitRange | None = Field(
        default=None,
        description="Bits of the register that are read as one unsigned integer; needs type UInt16.",
    )
    length: Annotated[int, Field(ge=1, le=246)] | None = Field(
        default=None, description="Length of a String in bytes.", json_schema_extra={"format": "int32"}
    )
    byte_order: ByteOrder | None = Field(
        default=None, description="Order of bytes in a register; absent: the profile's."
    )
    word_order: WordOrder | None = Field(
        default=None, description="Order of registers in a value; absent: the profile's."
    )
    unit_id: Annotated[int, Field(ge=0, le=255)] | None = Field(
        default=None,
        description="Modbus unit; absent: the machine's, then the profile's.",
        json_schema_extra={"format": "int32"},
    )

    model_config = ConfigDict(
        json_schema_extra=rules(
            {
                "rule": "!has(self.length) || self.type == 'String'",
                "message": "length needs type String",
                "fieldPath": ".length",
            },
            {
                "rule": "self.type != 'String' || has(self.length)",
                "message": "type String needs a length in bytes",
                "fieldPath": ".type",
            },
            {
                "rule": "!has(self.bit) || (self.type == 'Bool' && self.table in ['InputRegister', 'HoldingRegister'])",
                "message": "bit needs type Bool and a register table",
                "fieldPath": ".bit",
            },
            {
                "rule": "!has(self.bits) || (self.type == 'UInt16' && self.table in ['InputRegister', 'HoldingRegister'])",
                "message": "bits need type UInt16 and a register table",
                "fieldPath": ".bits",
            },
            {
                "rule": "!(self.table in ['Coil', 'DiscreteInput']) || self.type == 'Bool'",
                "message": "a Coil or DiscreteInput is read as type Bool",
                "fieldPath": ".type",
            },
            {
                "rule": "self.type != 'Bool' || self.table in ['Coil', 'DiscreteInput'] || has(self.bit)",
                "message": "type Bool in a register needs a bit",
                "fieldPath": ".type",
            },
        )
    )


class ValueName(ApiModel):
    """What one code of a machine means."""

    value: Annotated[str, Field(min_length=1, max_length=64)] = Field(description="Value as the machine sends it.")
    name: Annotated[str, Field(min_length=1, max_length=128)] = Field(description="Value as the contract names it.")


SignalType = Literal["Boolean", "Integer", "Number", "String"]


class Counter(ApiModel):
    """How a counter of the machine begins again."""

    rollover: Annotated[int, Field(ge=2, le=9_007_199_254_740_992)] | None = Field(
        default=None,
        description="Number at which the counter begins again at 0, such as 65536; absent: it never does.",
        json_schema_extra={"format": "int64"},
    )


class Signal(ApiModel):
    """One value read from the machine, or computed from others."""

    name: SignalName = Field(description="Name of the signal, unique within the profile.")
    field: SignalName | None = Field(
        default=None, description="Contract field it fills; absent: the field of the same name."
    )
    contract: ObjectName | None = Field(
        default=None, description="Contract the field belongs to; absent: the first of contractRefs."
    )
    opcua: OpcUaAddress | None = Field(default=None, description="Address under protocol OPCUA.")
    modbus: ModbusAddress | None = Field(default=None, description="Address under protocol ModbusTCP.")
    scale: Decimal | None = Field(default=None, description="Factor: value = raw x scale + offset. A decimal string.")
    offset: Decimal | None = Field(default=None, description="Summand: value = raw x scale + offset. A decimal string.")
    unit: Unit | None = Field(
        default=None,
        description="Unit that the machine gives after scale and offset, as a UCUM code; absent: the contract field's. "
        "Where it differs from the field's the value is converted; units of another dimension are refused.",
    )
    values: Annotated[list[ValueName], Field(max_length=256)] = Field(
        default_factory=list,
        description="Names for the machine's codes; they win over those of valuesFrom.",
        json_schema_extra=list_map("value"),
    )
    values_from: CodeTable | None = Field(
        default=None,
        description="Names for the codes of a standard: PackML (OPC 30050, Execute is 6), PackMLTMC (the tobacco "
        "industry's OPC 30060, Execute is 4), MTConnectExecution, MachineryItemState (OPC 40001-1).",
    )
    interval_milliseconds: Annotated[int, Field(ge=50, le=86_400_000)] | None = Field(
        default=None,
        description="How often the signal is read or sampled, in ms; absent: acquisition.intervalMilliseconds.",
        json_schema_extra={"format": "int32"},
    )
    description: Text | None = Field(default=None, description="What the signal is on the machine.")
    expression: Annotated[str, Field(min_length=1, max_length=1024)] | None = Field(
        default=None,
        description="Computes the signal from others instead of reading it: an expression over their names, such as "
        "`integer(split(telegram, ';', 2))`. See docs/guide-mapping.md.",
    )
    internal: bool | None = Field(
        default=None,
        description="Read for the expressions of other signals only: it fills no field and is not delivered.",
    )
    type: SignalType | None = Field(
        default=None,
        description="OPC UA: what expressions take the signal for; absent: the type of the field it fills. A Modbus type "
        "says it already.",
    )
    counter: Counter | None = Field(
        default=None,
        description="The machine's counter wraps or is reset, and the field gets a running total that never falls, over "
        "restarts too. It begins with the first reading.",
    )

    model_config = ConfigDict(
        json_schema_extra=rules(
            {
                "rule": "!has(self.expression) || !(has(self.opcua) || has(self.modbus) || has(self.scale) || "
                "has(self.offset) || has(self.intervalMilliseconds))",
                "message": "a signal with an expression is computed when its operands arrive: leave out opcua, modbus, "
                "scale, offset and intervalMilliseconds",
                "fieldPath": ".expression",
            },
            {
                "rule": "!has(self.internal) || !self.internal || !(has(self.field) || has(self.contract))",
                "message": "an internal signal fills no field: leave out field and contract, or internal",
                "fieldPath": ".internal",
            },
            {
                "rule": "!has(self.type) || has(self.opcua)",
                "message": "type is for signals with an opcua address; modbus.type and expressions say it already",
                "fieldPath": ".type",
            },
            {
                "rule": "!has(self.counter) || !(has(self.valuesFrom) || (has(self.values) && size(self.values) > 0))",
                "message": "a counter counts: leave out values and valuesFrom",
                "fieldPath": ".counter",
            },
        )
    )
