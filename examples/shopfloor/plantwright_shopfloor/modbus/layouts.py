"""The Modbus maps of the machine types on the shop floor. `examples/03-profiles` describes the same maps as profiles."""

from plantwright_shopfloor.modbus.image import Layout, Point

LATHE = Layout(
    points=(
        Point("sequence", "HoldingRegister", 0, "UInt32"),
        Point("state", "HoldingRegister", 2, "UInt16"),
        Point("goodParts", "HoldingRegister", 3, "UInt16"),
        Point("rejectedParts", "HoldingRegister", 4, "UInt16"),
        Point("alarm", "HoldingRegister", 5, "UInt16"),
        Point("toolNumber", "HoldingRegister", 6, "UInt16"),
        Point("toolWear", "HoldingRegister", 7, "UInt16", 0.1),
        Point("cycleTime", "HoldingRegister", 8, "UInt16", 0.1),
        Point("spindleSpeed", "HoldingRegister", 10, "Float32"),
        Point("feedRate", "HoldingRegister", 12, "Float32"),
        Point("power", "HoldingRegister", 14, "Float32"),
        Point("energy", "HoldingRegister", 16, "Float32"),
        Point("spindleLoad", "HoldingRegister", 18, "UInt16", 0.1),
        Point("vibration", "HoldingRegister", 19, "UInt16", 0.01),
        Point("program", "HoldingRegister", 32, "String", length=16),
        Point("spindleTemperature", "InputRegister", 0, "Int16", 0.1),
        Point("coolantTemperature", "InputRegister", 1, "Int16", 0.1),
        Point("coolantPressure", "InputRegister", 2, "UInt16", 0.01),
        Point("positionX", "InputRegister", 8, "Int32", 0.001),
        Point("positionZ", "InputRegister", 10, "Int32", 0.001),
        Point("probeTemperature", "InputRegister", 12, "Float32"),
        Point("doorClosed", "DiscreteInput", 0, "Bool"),
        Point("coolantOn", "Coil", 0, "Bool"),
    ),
    blocks=(("HoldingRegister", 0, 64), ("InputRegister", 0, 32), ("DiscreteInput", 0, 16), ("Coil", 0, 16)),
)
"""A lathe with generous blocks: gaps may be read along."""

PRESS = Layout(
    points=(
        Point("sequence", "HoldingRegister", 100, "UInt32"),
        Point("state", "HoldingRegister", 102, "UInt16"),
        Point("goodParts", "HoldingRegister", 104, "UInt32"),
        Point("rejectedParts", "HoldingRegister", 106, "UInt32"),
        Point("power", "HoldingRegister", 120, "Float32"),
        Point("energy", "HoldingRegister", 122, "Float32"),
        Point("cycleTime", "HoldingRegister", 130, "UInt16", 0.1),
        Point("coolantTemperature", "InputRegister", 200, "Int16", 0.1),
        Point("coolantPressure", "InputRegister", 201, "UInt16", 0.01),
        Point("doorClosed", "DiscreteInput", 8, "Bool"),
    ),
    word_order="LowWordFirst",
)
"""A press whose controller puts the low word first and refuses every address it does not know."""

LAYOUTS = {"lathe": LATHE, "press": PRESS}
