"""Words of the shop floor, English and German, full and abbreviated, and the concepts they stand for. Data only.

A form is written in lower case, umlauts as ae, oe, ue, ss, without separators; forms of four letters and more are also
found inside German compounds (`schleifspindeldrehzahl`). A row may give several concepts. New words go here, never into
code.
"""

from collections.abc import Mapping
from typing import Final


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


ROWS: Final[Mapping[str, str]] = {
    # quantities
    "speed": "speed drehzahl velo velocity geschwindigkeit rpm spd drehz geschw umdrehung umdrehungen surfacespeed",
    "feed": "feed feedrate vorschub vorsch frt feedspeed bahnvorschub contouringfeed",
    "load": "load last auslastung utilization utilisation ausl auslast belastung",
    "power": "power leistung wirkleistung leist wirkl pwr watt wattage wirkleist leistungsaufnahme activepower "
    "effectivepower activepwr",
    "energy": "energy energie arbeit wirkarbeit enrg wirkenergie activeenergy energiezaehler zaehlerstand zaehlerst kwh "
    "stromverbrauch energieverbrauch",
    "consumption": "consumption verbrauch verbr consumed",
    "temperature": "temperature temperatur temp tmp temps",
    "pressure": "pressure druck press druk",
    "position": "position pos lage abs stellung",
    "force": "force kraft tonnage presskraft presskr clampforce schliesskraft",
    "torque": "torque drehmoment moment",
    "level": "level fuellstand stand niveau lvl oelstand",
    "vibration": "vibration schwingung schwing vib vibr",
    "voltage": "voltage spannung volt",
    "current": "amps ampere strom amperage",
    "flow": "flow durchfluss durchfl volumenstrom flowrate",
    "frequency": "frequency frequenz freq",
    "time": "time zeit duration dauer",
    "hours": "hours stunden std hrs hour stundenzaehler",
    "concentration": "concentration konzentration konz",
    "strokes": "strokes hubzahl hubz stroke hub strokerate",
    "count": "count counter cnt zaehler zaehl anzahl anz quantity qty menge zlr ctr",
    "length": "length laenge radius diameter durchmesser",
    # things
    "part": "part parts piece pieces workpiece workpieces teil teile stueck stk stckz stueckzahl stck werkstueck "
    "werkstuecke pcs products product produkte stueckz shots schuss partcount",
    "cycle": "cycle zyklus takt cyc zykl zyk",
    "cycle time": "cycletime taktzeit zykluszeit taktz zykluszt cycletm zyklzeit zyklz cycleduration tcycle",
    "alarm": "alarm alarms error errors fault faults stoerung stoer stoerungen fehler err flt stoermeldung meldung "
    "notification malfunction diagnostic",
    "warning": "warning warnung warn warnings hinweis",
    "program": "program programm prog ncprogram recipe rezept rez datensatz dataset programme ncprogramm hauptprogramm "
    "mainprogram pgm prg exeprog teileprogramm werkzeugdatensatz",
    "subprogram": "subprogram unterprogramm subroutine upro subprog sub",
    "block": "block satz line zeile seq sequence nblock satznummer step schritt",
    "order": "order auftrag auftr job workorder fertigungsauftrag fa produktionsauftrag jobname joborder betriebsauftrag "
    "orderno",
    "material": "material werkstoff article artikel sachnummer matnr cavities cavity",
    "tool": "tool werkzeug wkz wz tools",
    "door": "door tuer schutztuer guard gate tuere doors schutzt schutzhaube safetygate guarddoor safetydoor haube "
    "schutzgitter",
    "closed": "closed zu geschlossen close geschl shut geschlossene",
    "locked": "locked verriegelt lock verr zugehalten",
    "emergency": "emergency estop nothalt notaus notstop",
    "mode": "mode betriebsart opmode operatingmode operationmode betrart autmode betriebsarten machinemode unitmode "
    "controllermode",
    "state": "state status zustand zust betriebszustand execution stat maschinenstatus maschinenzustand betrzust "
    "runstatus runstate programstatus progstatus programrunstate anlagenzustand machinestate betriebsstatus",
    "override": "override ovr korrektur korrekturschalter ovrd uebersteuerung korr potentiometer",
    "number": "number no nr nummer id code num identifier kennung nummern",
    "name": "name bezeichnung bez title",
    "operating": "operating betrieb betriebs operation running run betr oper lauf laufzeit",
    "operating hours": "betriebsstunden operatinghours betriebsstd betrstd betriebsstundenzaehler bstd runhours bh "
    "operatingtime runtime betriebszeit powerontime operationduration poweronduration einschaltdauer poweron "
    "operatingduration totaltime autotime",
    "automatic": "automatic automatik auto automatisch automatikbetrieb mem memory",
    "manual": "manual hand manuell handbetrieb jog tippen tippbetrieb",
    # where in the machine
    "spindle": "spindle spindel spdl spl spind hauptspindel schleifspindel mainspindle srpm sload stemp",
    "axis": "axis achse ach axes servo achsen achs cutterlocation",
    "rapid": "rapid eilgang rapidtraverse",
    "coolant": "coolant kuehlmittel kuehlschmierstoff kss kuehlm cool kuehl kuehlwasser coolantsystem kuehlschmiermittel",
    "oil": "oil oel hydraulikoel hydroil hydrauliktank",
    "tank": "tank behaelter reservoir",
    "hydraulic": "hydraulic hydraulik hydr hyd hydra hydraulics systemdruck hydrauliksystem",
    "cabinet": "cabinet schaltschrank schrank controlcabinet",
    "motor": "motor engine drive antrieb motors",
    "bearing": "bearing lager kugellager",
    "mould": "mould mold werkzeugtemperierung form tempering",
    "barrel": "barrel zylinder cylinder heizzone zone zones",
    "screw": "screw schnecke",
    "injection": "injection einspritz spritz nachdruck staudruck einspritzung shotpressure",
    "air": "air luft druckluft pneumatic pneumatik",
    "accumulator": "accumulator speicher druckspeicher speich",
    "pump": "pump pumpe kuehlmittelpumpe pumpen",
    "processor": "cpu processor plc controller",
    "ambient": "ambient umgebung raumtemperatur",
    "blade": "blade saegeband saegeblatt band",
    "lubrication": "lubrication schmierung schmier lube",
    "control": "control steuerung",
    # quality of parts
    "good": "good gut io ok passed",
    "rejected": "rejected reject bad ausschuss schlecht nio nok scrap defective failed rejects rej defect aus ng fail",
    "good part": "gutteile gutmenge gutstueck goodparts goodcount",
    "rejected part": "schlechtteile schlechtmenge ausschussteile rejectedparts scrapcount rejectcount",
    "rework": "rework nacharbeit nacharb",
    "sample part": "samples testsamples muster probe",
    "total": "total gesamt ges sum summe overall cumulative accumulated kumuliert totals",
    # what kind of value it is
    "actual": "actual act ist istwert aktuell akt current cur aktiv active aktuelle momentan instantaneous last letzte "
    "letzter letztes measured messwert curr",
    "setpoint": "set soll sollwert setpoint cmd commanded nominal target ziel vorgabe programmed required planned "
    "requested angefordert wanted desired command req ref reference sollmenge auftragsmenge plan gefordert reqd trg",
    "limit": "max min limit grenzwert gw maximum minimum highest lowest peak grenze obergrenze untergrenze lim hoechst "
    "schwelle threshold spitze gwob",
    "average": "average avg mittel mittelwert mean durchschnitt",
    "previous": "old prev previous vorherig alt vorher",
    "next": "next vorwahl naechste naechster preselected preselect naechstes",
    "text": "text msg message txt meldetext beschreibung comment cmt bemerkung texts kommentar",
    "reason": "reason grund cause ursache stopreason standstillreason",
    "start": "start begin beginn ende end",
    "rest": "remaining rest restzeit remain restlebensdauer life standzeit",
    "reactive": "reactive blind blindleistung blindl blindarbeit",
    "apparent": "apparent schein scheinleistung",
    "offset": "offset dnumber correction",
    "enabled": "enabled freigabe enable ein on eingeschaltet",
    "lifebit": "lebensbit heartbeat watchdog lifebit alive",
    "light": "light licht lampe beleuchtung lamp",
}
"""Concept (two of them where there is a space and each stands in the table) -> its forms."""

STOP: Final = _set(
    "the of in for a is and der die das des dem den im am von vom und ist wird since to at ohne mit fuer value wert "
    "istwerte system machine maschine anlage anl data daten whether that rate main haupt selected unit path tag var "
    "variable global channel chan monitoring production producing produced be was are by which"
)
"""Words that say nothing of what a value is."""

HUNGARIAN: Final = _set("f n b s e i r w dw st fb arr str dt lr ui di gvl db hmi g gs gb gn u by ar")
"""Prefixes of types in PLC programs; dropped at the beginning of a camel-case name."""

RELATED: Final[Mapping[tuple[str, str], float]] = {
    ("part", "count"): 0.75,
    ("time", "hours"): 0.5,
    ("hours", "time"): 0.6,
    ("hydraulic", "oil"): 0.4,
    ("oil", "hydraulic"): 0.6,
    ("oil", "tank"): 0.3,
    ("closed", "locked"): 0.5,
    ("number", "name"): 0.6,
    ("name", "number"): 0.4,
    ("energy", "consumption"): 0.7,
    ("power", "consumption"): 0.7,
    ("good", "total"): 0.3,
    ("operating", "automatic"): 0.6,
    ("feed", "speed"): 0.3,
    ("alarm", "warning"): 0.3,
    ("temperature", "cool"): 0.5,
}
"""(wanted, offered) -> how far the one may stand for the other."""

GROUPS: Final[Mapping[str, frozenset[str]]] = {
    "quantity": _set(
        "speed feed load power energy temperature pressure position force torque level vibration voltage current flow "
        "frequency time hours concentration strokes override length count"
    ),
    "place": _set(
        "spindle axis coolant oil hydraulic cabinet motor bearing mould barrel screw injection air accumulator pump "
        "processor ambient blade lubrication tank rapid control"
    ),
    "quality": frozenset(("good", "rejected", "rework", "sample")),
    "thing": _set(
        "alarm warning program subprogram block order material tool door mode state emergency part lifebit light cycle "
        "text reason"
    ),
    "aspect": _set("setpoint limit average previous next start rest reactive apparent offset enabled subprogram"),
}
"""Concepts of one group exclude each other: a spindle's temperature is not the coolant's."""

COMPATIBLE: Final[Mapping[str, frozenset[str]]] = {
    "oil": frozenset({"hydraulic", "tank"}),
    "hydraulic": frozenset({"oil", "tank", "pump", "processor"}),
    "coolant": frozenset({"tank", "pump"}),
    "spindle": frozenset({"motor", "bearing"}),
    "tool": frozenset({"spindle"}),
    "part": frozenset({"count"}),
    "hours": frozenset({"time"}),
    "time": frozenset({"hours"}),
    "load": frozenset({"motor"}),
    "energy": frozenset({"power", "count", "consumption"}),
    "power": frozenset({"consumption"}),
    "override": frozenset({"position"}),
    "cycle": frozenset(),
    "state": frozenset({"operating"}),
    "feed": frozenset({"speed"}),
    "alarm": frozenset({"count"}),
}
"""What may stand beside a wanted concept without contradicting it."""
