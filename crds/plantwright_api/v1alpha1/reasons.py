"""The one catalogue of condition types and reasons, for operator, gateway and the user's guide.

A reason is a word that programs may match on; its meaning and cure are what a person reads. docs/reference/conditions.md
is generated from this table.
"""

from typing import NamedTuple


class ConditionType(NamedTuple):
    """What a condition tells when it is True."""

    name: str
    kinds: str
    meaning: str


CONDITIONS: tuple[ConditionType, ...] = (
    ConditionType("Ready", "all", "This generation is in force. A machine that is switched off stays Ready."),
    ConditionType(
        "Commissioned", "Machine", "Data that meets the contract has been stored by the MES once; stays True."
    ),
    ConditionType("Connected", "Machine", "A session with the machine is up."),
    ConditionType(
        "DataFresh", "Machine", "Data is younger than the contract's freshness, or the machine confirmed it is idle."
    ),
    ConditionType(
        "ContractMet",
        "Machine",
        "Every field the contract requires arrives, and every field that is read is readable and in range.",
    ),
    ConditionType("Buffered", "Machine", "The buffer takes values and has room for the backlog."),
    ConditionType("Durable", "Machine", "Accepted values survive the loss of the pod."),
    ConditionType(
        "ScheduleCurrent",
        "Machine",
        "The MES tells the machine's orders, and they do not contradict each other; absent where the Plant names no schedule.",
    ),
    ConditionType(
        "Secure", "Machine", "The channel to the machine is authenticated and encrypted as far as its protocol can."
    ),
    ConditionType(
        "PolicyMet",
        "Machine",
        "Every rule of every policy in force holds for the machine and what it relies on; absent without policies.",
    ),
    ConditionType(
        "CalendarConsistent",
        "Plant",
        "Shifts and breaks of spec.calendar do not contradict each other. Where they do nothing stops, for it may be meant: "
        "the message says how the time is counted.",
    ),
    ConditionType("Reconciling", "all", "Work is under way; present only while it is."),
    ConditionType("Stalled", "all", "Nothing will change until a person changes something; present only while so."),
)


class Reason(NamedTuple):
    """One reason: the condition it belongs to, what it means and what cures it."""

    name: str
    condition: str
    meaning: str
    cure: str = ""


REASONS: tuple[Reason, ...] = (
    Reason("InForce", "Ready", "The running gateway has this generation's configuration."),
    Reason("Valid", "Ready", "The object is complete and can be used."),
    Reason("Suspended", "Ready", "The object or its plant is suspended.", "Set spec.suspend to false."),
    Reason("Progressing", "Ready", "Objects are applied, the gateway is not there yet."),
    Reason(
        "PlantNotFound", "Ready", "spec.plantRef names no Plant of this namespace.", "Apply the Plant or mend the name."
    ),
    Reason(
        "ProfileNotFound",
        "Ready",
        "spec.profileRef names no profile in this namespace or the plant's catalogue, or none in its version range.",
        "Apply the profile, mend the name or widen the range.",
    ),
    Reason(
        "ContractNotFound",
        "Ready",
        "The profile's contractRefs names no contract in the plant's namespace or catalogue, or none in its range.",
        "Apply the contract, mend the name or widen the range.",
    ),
    Reason(
        "LocationNotFound", "Ready", "spec.location names no area or line of the Plant.", "Add the line to the Plant."
    ),
    Reason(
        "ProtocolMismatch",
        "Ready",
        "The endpoint's scheme is not the profile's protocol.",
        "Use opc.tcp:// or modbus+tcp://.",
    ),
    Reason("FieldNotFound", "Ready", "A signal fills a field its contract does not have.", "Mend signals[].field."),
    Reason(
        "TypeMismatch",
        "Ready",
        "A signal's type cannot fill the contract's type.",
        "Mend signals[].modbus.type or the contract.",
    ),
    Reason(
        "UnitMismatch",
        "Ready",
        "A signal's unit measures something else than the contract field's, so that no conversion exists.",
        "Name the unit that the machine gives after scale and offset, or fill another field.",
    ),
    Reason(
        "ExpressionInvalid",
        "Ready",
        "A signal's expression cannot be used: it names what is not there, goes in a circle or does not fit its field.",
        "As the message says; mend signals[].expression.",
    ),
    Reason("UnitUnknown", "Ready", "A unit is no UCUM code that we know.", "As the message suggests."),
    Reason("RequiredFieldMissing", "Ready", "No signal fills a required field.", "Add a signal for the field."),
    Reason(
        "AddressMissing",
        "Ready",
        "A signal has no address for the protocol.",
        "Set signals[].opcua or signals[].modbus.",
    ),
    Reason(
        "PseudonymKeyNotNamed",
        "Ready",
        "A contract asks for pseudonyms, and the Plant names no Secret to make them with.",
        "Set spec.pseudonymisation.secretRef of the Plant.",
    ),
    Reason(
        "InvalidSpec", "Ready", "The object passed admission and cannot be used all the same.", "As the message says."
    ),
    Reason(
        "EndpointBudgetExceeded",
        "Ready",
        "More machines name this host and port than the device takes sessions or requests per second.",
        "Read them through one Machine, or raise acquisition.maxSessions if the device takes more.",
    ),
    Reason(
        "PolicyViolated",
        "Ready",
        "A rule of a policy that is enforced does not hold; nothing is changed, and what runs goes on.",
        "As the message says, or ask the policy's owner for an exception.",
    ),
    Reason("AllRulesHold", "PolicyMet", "No rule is violated."),
    Reason("Excused", "PolicyMet", "A rule does not hold and an exception is in force.", "Mend it before the date."),
    Reason("RulesViolated", "PolicyMet", "Rules do not hold; the message names them and their modes.", "As it says."),
    Reason("NameConflict", "Ready", "Another object owns a child of this name.", "Rename the Machine."),
    Reason(
        "WaitingForApproval",
        "Ready",
        "The plant's rollout mode is Manual.",
        "Annotate plantwright.io/approve-revision.",
    ),
    Reason("WaitingForSlot", "Ready", "rollout.maxConcurrent gateways restart already."),
    Reason("PodNotScheduled", "Ready", "The cluster has no node for the gateway.", "Add room; see the pod's events."),
    Reason(
        "NodeLost",
        "Ready",
        "The gateway's node does not answer; the machine is stranded, its buffer is safe with the node or its volume.",
        "Bring the node back; or, once it is certainly off, taint it node.kubernetes.io/out-of-service.",
    ),
    Reason(
        "ImagePullFailed", "Ready", "The gateway's image cannot be pulled.", "Mend spec.gateway.image or the registry."
    ),
    Reason("GatewayCrashing", "Ready", "The gateway's container ends again and again.", "See its log."),
    Reason("GatewayNotReady", "Ready", "The gateway's pod runs and is not ready.", "See the pod's events and log."),
    Reason("ApplyFailed", "Ready", "The API server refused an object.", "As the message says."),
    Reason("GatewaySilent", "Connected", "The gateway's pod does not answer /status.", "See the pod's log."),
    Reason("GatewayNotReady", "Connected", "The gateway does not run yet."),
    Reason("SessionUp", "Connected", "The machine answers."),
    Reason("Connecting", "Connected", "The first attempt is under way."),
    Reason(
        "Unreachable", "Connected", "Nothing answers at the endpoint.", "Check spec.endpoint.url, cabling, firewall."
    ),
    Reason(
        "ConnectionRefused", "Connected", "The host refuses the port.", "Check the port and whether the server runs."
    ),
    Reason("HostNotFound", "Connected", "The host name cannot be resolved.", "Mend spec.endpoint.url."),
    Reason(
        "AddressForbidden",
        "Connected",
        "The host name leads to a loopback, link-local or metadata address, or to the API server.",
        "Mend spec.endpoint.url, or the name in DNS.",
    ),
    Reason(
        "Timeout",
        "Connected",
        "The machine accepts and does not answer in time.",
        "See acquisition.timeoutMilliseconds.",
    ),
    Reason(
        "TooManySessions", "Connected", "The server has no session left.", "Close another client or raise its limit."
    ),
    Reason("SecretNotFound", "Connected", "A Secret or one of its keys is missing.", "Create the Secret."),
    Reason(
        "CertificateNotTrusted", "Connected", "The server's certificate is not trusted.", "Add it to trustSecretRef."
    ),
    Reason(
        "CertificateRejected",
        "Connected",
        "The server does not trust the gateway's certificate.",
        "Trust it at the server.",
    ),
    Reason("CertificateExpired", "Connected", "A certificate is out of its time.", "Renew it."),
    Reason(
        "SecurityModeUnavailable",
        "Connected",
        "The server does not offer the security that is asked for.",
        "Configure the server.",
    ),
    Reason("CredentialsRejected", "Connected", "The server refuses the login.", "Mend credentialsSecretRef."),
    Reason("ProtocolError", "Connected", "What answers does not speak the protocol.", "Check host and port."),
    Reason("Flowing", "DataFresh", "Data arrives, or the machine confirmed that nothing changed."),
    Reason("NotConnected", "DataFresh", "No session, so no data."),
    Reason("NoData", "DataFresh", "A session is up and nothing has arrived yet."),
    Reason(
        "Stale", "DataFresh", "The last data is older than the contract's freshness.", "Check the machine's program."
    ),
    Reason("AllFieldsValid", "ContractMet", "Every required field arrives, readable and in range."),
    Reason("NotYetChecked", "ContractMet", "No data has been checked yet."),
    Reason("SignalUnreadable", "ContractMet", "The machine refuses an address.", "Mend the node id or register."),
    Reason(
        "OutOfRange", "ContractMet", "A value lies outside its field's range.", "Check the machine or the contract."
    ),
    Reason(
        "NotInEnum", "ContractMet", "A value is none of its field's.", "Name it in signals[].values or the contract."
    ),
    Reason("WrongType", "ContractMet", "A value cannot be read as its field's type.", "Mend the address or the type."),
    Reason(
        "NotComputable",
        "ContractMet",
        "A signal's expression has no value: it divides by zero, or a text does not hold what is looked for.",
        "Check the machine, or mend signals[].expression of the profile.",
    ),
    Reason("NotANumber", "ContractMet", "A value is NaN or infinite.", "Check the sensor."),
    Reason("RequiredMissing", "ContractMet", "A required field did not arrive.", "Check its signal."),
    Reason("TooLong", "ContractMet", "A string is longer than its field allows.", "Mend the contract or the machine."),
    Reason(
        "TooShort", "ContractMet", "A string is shorter than its field allows.", "Mend the contract or the machine."
    ),
    Reason(
        "PatternMismatch",
        "ContractMet",
        "A string does not match its field's pattern.",
        "Mend the pattern or the machine.",
    ),
    Reason(
        "ChangesTooFast",
        "ContractMet",
        "A value changed by more than its field allows in the time.",
        "Check the sensor, or raise maxChangePerSecond.",
    ),
    Reason(
        "Incomplete",
        "ContractMet",
        "Required fields were missing or wrong for a larger share of the planned time than completenessPercent allows.",
        "Check the machine and its network; it is met again once enough of the window is complete.",
    ),
    Reason("FieldStale", "ContractMet", "A field is older than its own freshnessSeconds.", "Check its signal."),
    Reason(
        "RuleViolated",
        "ContractMet",
        "A rule over several fields does not hold; the rule's name stands behind a colon where data carries this.",
        "See spec.rules of the contract.",
    ),
    Reason(
        "Blocked",
        "ContractMet",
        "Kept back because another field of the contract breaks a rule whose action is Block.",
        "Mend that field.",
    ),
    Reason(
        "NoPseudonymKey",
        "ContractMet",
        "A value must leave as a pseudonym only, and there is no key to make it: the Secret that Plant "
        "spec.pseudonymisation names is missing, or its `key` has fewer than 32 bytes. The value is quarantined.",
        "Apply the Secret; the next values are delivered.",
    ),
    Reason("RoomLeft", "Buffered", "The buffer takes values."),
    Reason("NearlyFull", "Buffered", "The backlog fills more than nine tenths of the buffer.", "Bring the MES back."),
    Reason("Full", "Buffered", "The buffer is full; see spec.gateway.buffer.overflow.", "Bring the MES back."),
    Reason("MesUnreachable", "Buffered", "A sink does not take data; values are kept.", "See the sink's error."),
    Reason("MesRejects", "Buffered", "A sink refuses data as wrong.", "See the sink's error."),
    Reason("NotWritable", "Buffered", "The buffer cannot be written.", "See the volume."),
    Reason("PersistentVolumeClaim", "Durable", "The buffer lies on a claim."),
    Reason("EmptyDir", "Durable", "The buffer lies on an emptyDir.", "Use medium PersistentVolumeClaim."),
    Reason("Told", "ScheduleCurrent", "The MES has told the machine's orders and answers."),
    Reason("NotTold", "ScheduleCurrent", "The MES has not told any schedule yet; values carry no order."),
    Reason(
        "ScheduleUnavailable",
        "ScheduleCurrent",
        "The MES tells no newer schedule, for the reason in the message; the one that was told last holds on.",
        "Bring the MES back, or mend spec.mes.schedule of the Plant.",
    ),
    Reason(
        "ScheduleContradicts",
        "ScheduleCurrent",
        "Entries of the schedule cannot be true: orders overlap (the later one holds), end before they begin or have times that "
        "are none (they hold at no time).",
        "Mend the entries that the message names, in the MES.",
    ),
    Reason("AroundTheClock", "CalendarConsistent", "The Plant has no shifts: all time is planned."),
    Reason("Consistent", "CalendarConsistent", "No shift overlaps another, and every break lies within its shift."),
    Reason(
        "GapBetweenShifts",
        "CalendarConsistent",
        "True, and for information: there is time of no shift between two that begin on one date, or up to an hour of it between "
        "any two. It is not planned, and parts made then stand in a row without a shift.",
        "Let one shift end where the next begins, unless the plant is closed in between.",
    ),
    Reason(
        "ShiftsOverlap",
        "CalendarConsistent",
        "Two shifts share time. It is planned once, and what happens then is the later shift's.",
        "Let one shift end where the other begins, unless a hand-over is meant.",
    ),
    Reason(
        "ShiftWithoutWork",
        "CalendarConsistent",
        "Its breaks take all of a shift: no time of it is planned.",
        "Shorten them.",
    ),
    Reason(
        "BreakOutsideShift",
        "CalendarConsistent",
        "A break lies beside its shift and takes no time from it, or ends after it and takes the rest of it.",
        "Mend the break's times; a break that ends at or before its start ends on the next day.",
    ),
    Reason("FirstValueStored", "Commissioned", "The MES stored data that meets the contract."),
    Reason("NothingStoredYet", "Commissioned", "The MES has not stored a value that meets the contract."),
    Reason("SignAndEncrypt", "Secure", "OPC UA with SignAndEncrypt."),
    Reason(
        "CertificateEndsSoon",
        "Secure",
        "Protected, and a certificate that this rests on ends within 14 days; the message names it.",
        "Renew it in its Secret (cert-manager does so by itself); it is taken up without a restart.",
    ),
    Reason("SignOnly", "Secure", "OPC UA with Sign: readable on the wire."),
    Reason("InsecureAllowed", "Secure", "OPC UA without security, by allowInsecure.", "Remove mode: None."),
    Reason("ProtocolHasNone", "Secure", "Modbus TCP knows no security; the NetworkPolicy is its conduit."),
)


class Word(NamedTuple):
    """A reason that data carries, as the `reason` of a gap or the flag of a field, and what it means."""

    name: str
    meaning: str


GAP_REASONS: tuple[Word, ...] = (
    Word("GatewayRestarted", "The gateway was not reading: it had ended, or this is its first look since then."),
    Word("SubscriptionLost", "The OPC UA server dropped the subscription or went quiet about it; it was made anew."),
    Word("NotificationsLost", "OPC UA notifications went missing and the server does not have them any more."),
    Word("QueueOverflow", "The OPC UA server's queue lost values of this signal before they were fetched."),
    Word("SignalUnreadable", "The machine refused the address for a while."),
    Word("Full", "The buffer was full, so nothing was read."),
    Word("SessionRenewed", "The OPC UA session was made anew for a changed Secret; polls in between were missed."),
)
"""Why a stretch was not observed, besides the reasons of Connected (no session) that a gap carries as well."""

SAMPLE_REASONS: tuple[Word, ...] = (
    Word("BadValue", "The machine itself calls the value bad, or sends none."),
    Word("UncertainValue", "The machine itself calls the value uncertain."),
    Word("ImplausibleTime", "The machine's time stamp lies outside 1970 to 2262; the next best time was taken."),
)
"""Why a value is not Good as it comes from the machine, besides the reasons of ContractMet."""

CONDITION_NAMES = frozenset(condition.name for condition in CONDITIONS)
REASON_NAMES = frozenset(reason.name for reason in REASONS)
