"""A gateway's configuration, from a resolved machine: everything merged, quantities as numbers, names final."""

from typing import Any

from plantwright_api.v1alpha1 import DataContract, Plant, codetables
from plantwright_api.v1alpha1.base import SecretRef
from plantwright_api.v1alpha1.datacontract import ContractField, CrossFieldRule
from plantwright_api.v1alpha1.plant import WEEKDAYS, Break, HttpSink, MqttSink, Schedule, Shift, Sink, minute_of_day
from plantwright_api.wire import config as wire
from plantwright_operator import quantities
from plantwright_operator.model import REPLAY_ANNOTATION, Facts, Resolved, ResolvedSignal

LONGEST_REQUEST = 128
"""Characters of a request to replay that tell it from others."""
BUFFER_FILE = f"{wire.BUFFER_DIR}/buffer.db"
LARGEST_FILE = 2**48
"""Bytes that SQLite can hold; whether there is such a volume is the cluster's to say."""


def build(resolved: Resolved, facts: Facts) -> wire.GatewayConfig:
    """The gateway's configuration, without its hash."""
    machine, plant = resolved.machine, resolved.plant
    kept = {signal.signal.name for signal in resolved.signals}
    return wire.GatewayConfig(
        machines=[
            wire.Machine(
                uid=facts.gateway_uid,
                name=machine.metadata.name,
                namespace=machine.metadata.namespace,
                plant=plant.metadata.name,
                location=wire.Location(
                    enterprise=plant.spec.enterprise,
                    site=plant.spec.site,
                    area=machine.spec.location.area,
                    line=machine.spec.location.line,
                ),
                source=_source(resolved, facts),
                contracts=[_contract(contract) for contract in resolved.contracts],
                signals=[_signal(signal, resolved) for signal in resolved.signals],
                sinks=[_sink(sink, facts.plant_machines) for sink in plant.spec.mes.sinks],
                buffer=_buffer(resolved, facts),
                profile=f"{resolved.profile.family()} {resolved.profile.spec.version}",
                asset=wire.Asset(**machine.spec.asset.model_dump(include=set(wire.Asset.__struct_fields__))),
                calendar=_calendar(plant),
                state=_state(resolved, kept),
                parts=_parts(resolved, kept),
                context=_context(resolved, kept),
                replay=machine.metadata.annotations.get(REPLAY_ANNOTATION, "")[:LONGEST_REQUEST],
                pseudonym_secret=_name(_pseudonym_secret(resolved)),
            )
        ]
    )


def secrets(resolved: Resolved) -> tuple[str, ...]:
    """Names of the Secrets that the gateway's pod mounts, sorted."""
    plant = resolved.plant.spec
    security, defaults = resolved.machine.spec.endpoint.security, plant.gateway.opcua
    refs: list[SecretRef | None] = []
    if resolved.endpoint.protocol == "OPCUA":
        refs += [security.certificate_secret_ref or defaults.certificate_secret_ref]
        refs += [security.trust_secret_ref or defaults.trust_secret_ref]
        refs += [security.credentials_secret_ref, security.user_certificate_secret_ref]
    refs += [ref for _, service in plant.mes.services() for ref in service.secret_refs()]
    refs.append(_pseudonym_secret(resolved))
    return tuple(sorted({ref.name for ref in refs if ref is not None}))


def _pseudonym_secret(resolved: Resolved) -> SecretRef | None:
    """None for a machine that makes no pseudonyms: a key is mounted only where it is needed."""
    settings = resolved.plant.spec.pseudonymisation
    return (
        settings.secret_ref
        if settings and (resolved.pseudonymised or resolved.plant.spec.context.pseudonymise_persons)
        else None
    )


def _source(resolved: Resolved, facts: Facts) -> wire.ModbusSource | wire.OpcUaSource:
    acquisition, endpoint = resolved.profile.spec.acquisition, resolved.endpoint
    if endpoint.protocol == "ModbusTCP":
        modbus = resolved.profile.spec.modbus
        return wire.ModbusSource(
            host=endpoint.address or endpoint.host,
            port=endpoint.port,
            timeout_ms=acquisition.timeout_milliseconds,
            max_registers_per_request=modbus.max_registers_per_request,
            max_gap_registers=modbus.max_gap_registers,
            max_requests_per_second=facts.requests_per_second,
        )
    security, defaults = resolved.machine.spec.endpoint.security, resolved.plant.spec.gateway.opcua
    return wire.OpcUaSource(
        url=resolved.machine.spec.endpoint.url,
        timeout_ms=acquisition.timeout_milliseconds,
        publishing_interval_ms=acquisition.publishing_interval_milliseconds,
        mode=acquisition.mode,
        max_items_per_request=acquisition.max_items_per_request,
        max_requests_per_second=facts.requests_per_second,
        security_mode=security.mode,
        security_policy=security.policy,
        certificate_secret=_name(security.certificate_secret_ref or defaults.certificate_secret_ref),
        trust_secret=_name(security.trust_secret_ref or defaults.trust_secret_ref),
        credentials_secret=_name(security.credentials_secret_ref),
        user_certificate_secret=_name(security.user_certificate_secret_ref),
        history_backfill=acquisition.history_backfill,
    )


def _contract(contract: DataContract) -> wire.Contract:
    return wire.Contract(
        name=contract.family(),
        version=contract.spec.version,
        fields=[_field(field) for field in contract.spec.fields],
        freshness_seconds=contract.spec.freshness_seconds,
        rules=[_rule(rule) for rule in contract.spec.rules],
        completeness_percent=contract.spec.completeness_percent,
        completeness_window_seconds=contract.spec.completeness_window_seconds,
        retention_days=contract.spec.retention_days,
    )


def _field(field: ContractField) -> wire.ContractField:
    return wire.ContractField(
        name=field.name,
        type=field.type,
        unit=field.unit,
        required=field.required,
        minimum=_number(field.minimum),
        maximum=_number(field.maximum),
        max_length=field.max_length,
        enum=list(field.enum or []),
        on_violation=field.on_violation,
        min_length=field.min_length,
        pattern=field.pattern,
        max_change_per_second=_number(field.max_change_per_second),
        freshness_seconds=field.freshness_seconds,
        actions={each.rule: each.action for each in field.actions},
        pseudonymise=field.pseudonymise,
    )


def _rule(rule: CrossFieldRule) -> wire.CrossFieldRule:
    return wire.CrossFieldRule(
        name=rule.name, expression=rule.expression, message=rule.message, on_violation=rule.on_violation
    )


def _signal(resolved: ResolvedSignal, machine: Resolved) -> wire.Signal:
    signal = resolved.signal
    modbus = machine.endpoint.protocol == "ModbusTCP"
    return wire.Signal(
        name=signal.name,
        contract=resolved.contract,
        field=resolved.field,
        interval_ms=_interval(resolved, machine),
        modbus=_modbus(resolved, machine) if modbus else None,
        opcua=wire.OpcUaAddress(node_id=resolved.opcua.node_id) if resolved.opcua and not modbus else None,
        scale=float(resolved.scale),
        offset=float(resolved.offset),
        unit=resolved.unit,
        values=dict(resolved.values),
        expression=signal.expression,
        operand=resolved.operand,
        internal=bool(signal.internal),
        counter=wire.Counter(rollover=signal.counter.rollover) if signal.counter else None,
    )


def _interval(resolved: ResolvedSignal, machine: Resolved) -> int:
    """How often a signal comes, in ms; a computed one as often as the rarest of those on which it rests."""
    default = machine.profile.spec.acquisition.interval_milliseconds
    read = {s.signal.name: s.signal.interval_milliseconds or default for s in machine.signals}
    return max((read[name] for name in resolved.origins), default=read[resolved.signal.name])


def _modbus(resolved: ResolvedSignal, machine: Resolved) -> wire.ModbusAddress | None:
    """The address with orders and unit filled in: the address's own, then the machine's, then the profile's."""
    address, defaults = resolved.modbus, machine.profile.spec.modbus
    if address is None:
        return None
    units = (address.unit_id, machine.machine.spec.endpoint.unit_id, defaults.unit_id)
    return wire.ModbusAddress(
        table=address.table,
        address=address.address,
        type=address.type,
        unit_id=next(unit for unit in units if unit is not None),
        bit=address.bits.first if address.bits else address.bit,
        bit_count=address.bits.count if address.bits else None,
        length=address.length,
        byte_order=address.byte_order or defaults.byte_order,
        word_order=address.word_order or defaults.word_order,
    )


def _sink(sink: Sink, machines: int) -> wire.HttpSink | wire.MqttSink:
    share = _share(sink.max_requests_per_second, machines)
    if sink.http is not None:
        return wire.HttpSink(name=sink.name, max_requests_per_second=share, **_http(sink.http))
    assert sink.mqtt is not None  # noqa: S101  (admission demands one of the two)
    return wire.MqttSink(name=sink.name, max_requests_per_second=share, **_mqtt(sink.mqtt))


def _http(service: HttpSink) -> dict[str, Any]:
    """How a service is reached, as sinks and schedules alike are told."""
    return {
        "url": service.url,
        "token_secret": _name(service.token_secret_ref),
        "ca_secret": _name(service.ca_secret_ref),
        "certificate_secret": _name(service.certificate_secret_ref),
    }


def _mqtt(service: MqttSink) -> dict[str, Any]:
    """How a broker is reached, as sinks and schedules alike are told."""
    return {
        "url": service.url,
        "topic_prefix": service.topic_prefix,
        "credentials_secret": _name(service.credentials_secret_ref),
        "ca_secret": _name(service.ca_secret_ref),
        "certificate_secret": _name(service.certificate_secret_ref),
    }


def _share(limit: int | None, machines: int) -> float | None:
    """One machine's share. Machines are counted up to the next power of two: adding one seldom changes all the others."""
    return None if limit is None else limit / (1 << (max(1, machines) - 1).bit_length())


def _buffer(resolved: Resolved, facts: Facts) -> wire.Buffer:
    """Nine tenths of the volume: the file system and the WAL's growth need the rest."""
    durable = (facts.medium or resolved.buffer.medium) == "PersistentVolumeClaim"
    size = quantities.larger(resolved.buffer.size, facts.claim_size if durable else None)
    return wire.Buffer(
        path=BUFFER_FILE,
        max_bytes=min(int(quantities.parse(size)) * 9 // 10, LARGEST_FILE),
        overflow=resolved.buffer.overflow,
        durable=durable,
    )


def _calendar(plant: Plant) -> wire.Calendar:
    calendar = plant.spec.calendar
    return wire.Calendar(
        time_zone=plant.spec.time_zone,
        shifts=[_shift(shift) for shift in calendar.shifts],
        closures=sorted(calendar.closures),
    )


def _shift(shift: Shift) -> wire.Shift:
    return wire.Shift(
        name=shift.name,
        weekdays=sorted(WEEKDAYS.index(day) for day in shift.days),
        start_minute=minute_of_day(shift.start),
        end_minute=minute_of_day(shift.end),
        breaks=[_break(pause) for pause in shift.breaks],
    )


def _break(pause: Break) -> wire.Break:
    return wire.Break(start_minute=minute_of_day(pause.start), end_minute=minute_of_day(pause.end))


def _state(resolved: Resolved, kept: set[str]) -> wire.StateModel | None:
    state = resolved.profile.spec.state
    if state is None or state.signal not in kept:
        return None
    ready = codetables.states(state.values_from) if state.values_from else {}
    listed = {value.value: value.state for value in state.values}
    infer = state.infer_from
    return wire.StateModel(
        signal=state.signal,
        values={**ready, **listed},
        infer=wire.StateInference(shortest_stop_seconds=infer.shortest_stop_seconds) if infer else None,
        stop_alert_seconds=state.stop_alert_seconds,
    )


def _parts(resolved: Resolved, kept: set[str]) -> wire.PartCounters | None:
    parts = resolved.profile.spec.parts
    if parts is None:
        return None
    return wire.PartCounters(
        good=parts.good if parts.good in kept else None,
        rejected=parts.rejected if parts.rejected in kept else None,
        reworked=parts.reworked if parts.reworked in kept else None,
        rollover=parts.rollover,
        planned_run_time_per_item_seconds=_number(parts.planned_run_time_per_item_seconds),
    )


def _context(resolved: Resolved, kept: set[str]) -> wire.Context | None:
    """None where it is what holds anyway: a plant that says nothing keeps the configuration that it had."""
    plant, told = resolved.plant.spec, resolved.profile.spec.context
    names = told.model_dump() if told else {}
    made = wire.Context(
        signals=wire.ContextSignals(**{name: signal for name, signal in names.items() if signal in kept}),
        schedule=_schedule(plant.mes.schedule),
        clock_tolerance_ms=plant.context.clock_tolerance_milliseconds,
        pseudonymise_persons=plant.context.pseudonymise_persons,
    )
    return None if made == wire.Context() else made


def _schedule(schedule: Schedule | None) -> wire.HttpSchedule | wire.MqttSchedule | None:
    if schedule is None:
        return None
    if schedule.http is not None:
        return wire.HttpSchedule(**_http(schedule.http))
    assert schedule.mqtt is not None  # noqa: S101  (admission demands one of the two)
    return wire.MqttSchedule(**_mqtt(schedule.mqtt))


def _name(ref: SecretRef | None) -> str | None:
    return ref.name if ref is not None else None


def _number(text: str | None) -> float | None:
    return float(text) if text is not None else None
