"""GovernancePolicy: rules in CEL over plants, profiles, machines and contracts, and who is excused from them until when."""

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from plantwright_api.v1alpha1.base import (
    AGE,
    LIST_SET,
    ApiModel,
    CrdNames,
    Date,
    KubernetesObject,
    Label,
    ObjectName,
    Owner,
    PrinterColumn,
    Status,
    Text,
    condition_column,
    list_map,
)
from plantwright_api.v1alpha1.base import (
    rules as cel,
)

GovernedKind = Literal["Plant", "MachineProfile", "Machine", "DataContract"]
Mode = Literal["Enforce", "Warn", "Audit"]
"""Enforce refuses the object; Warn lets it pass and tells who applies it; Audit lets it pass and writes it down."""
Expression = Annotated[str, Field(min_length=1, max_length=2048)]


class PolicyRule(ApiModel):
    """One thing that must hold."""

    name: Label = Field(description="Name of the rule, unique within the policy; reports and exceptions use it.")
    kinds: Annotated[list[GovernedKind], Field(min_length=1, max_length=4)] = Field(
        description="Kinds of objects the rule speaks of.", json_schema_extra=LIST_SET
    )
    when: Expression | None = Field(
        default=None,
        description="CEL, boolean: which objects of these kinds the rule speaks of; absent: all.",
    )
    expression: Expression = Field(
        description="CEL, boolean: what must hold. Variable `object`; for a Machine also `plant`, `profile` and "
        "`contracts` (a list), for a MachineProfile also `contracts`. A rule that uses those is judged by the operator "
        "and by `plantwright lint`, not at admission, which sees one object alone."
    )
    message: Text = Field(description="What is wrong and what cures it: names the field. For the person who applies.")
    message_expression: Annotated[str, Field(min_length=1, max_length=1024)] | None = Field(
        default=None,
        description="CEL, string: a message that quotes the object. Where it has no result or breaks the line, "
        "`message` is used.",
    )
    field_path: Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[A-Za-z0-9_./\[\]-]+$")] | None = Field(
        default=None, description="Field that the rule is about, such as spec.endpoint.url, for programs."
    )
    mode: Mode | None = Field(default=None, description="What a violation leads to; absent: the policy's mode.")


class PolicyException(ApiModel):
    """Objects that one rule of this policy excuses until a date."""

    name: Label = Field(description="Name of the exception, unique within the policy.")
    rule: Label = Field(description="Rule of this policy that is not held against the objects.")
    kind: GovernedKind = Field(description="Kind of the objects; one of the rule's.")
    names: Annotated[list[ObjectName], Field(min_length=1, max_length=32)] = Field(
        description="Names of the objects, each in full.", json_schema_extra=LIST_SET
    )
    namespaces: Annotated[list[Label], Field(max_length=32)] = Field(
        default_factory=list,
        description="Namespaces of the objects; empty: every namespace the policy holds for.",
        json_schema_extra=LIST_SET,
    )
    owner: Owner = Field(description="Who answers for the exception and mends the cause.")
    reason: Text = Field(description="Why it is granted.")
    expires: Date = Field(
        description='Last day (UTC) on which it counts, "YYYY-MM-DD". There is no exception without an end.'
    )


class GovernancePolicySpec(ApiModel):
    """The rules and their exceptions."""

    description: Text | None = Field(default=None, description="What the policy is for.")
    owner: Owner = Field(description="Who decides on the rules and grants exceptions.")
    mode: Mode = Field(
        default="Enforce",
        description="What a violation leads to. Enforce: refused at admission; the operator makes no change of that "
        "machine, and what runs goes on. Warn: told to who applies it. Audit: written down.",
    )
    rules: Annotated[list[PolicyRule], Field(min_length=1, max_length=64)] = Field(
        description="What must hold; all rules of all policies hold together.", json_schema_extra=list_map("name")
    )
    exceptions: Annotated[list[PolicyException], Field(max_length=64)] = Field(
        default_factory=list,
        description="Who is excused until when. Counts for this policy's own rules only, so that a plant cannot excuse "
        "itself from a rule of its catalogue.",
        json_schema_extra=list_map("name"),
    )

    model_config = ConfigDict(
        json_schema_extra=cel(
            {
                "rule": "!has(self.exceptions) || self.exceptions.all(e, "
                "self.rules.exists(r, r.name == e.rule && e.kind in r.kinds))",
                "message": "exceptions[].rule must be one of this policy's rules[].name, and exceptions[].kind one of "
                "that rule's kinds: an exception from another policy's rule is granted in that policy",
                "fieldPath": ".exceptions",
            }
        )
    )


class GovernancePolicyStatus(Status):
    """The observed policy."""


class GovernancePolicy(KubernetesObject):
    """Rules for the other kinds in this namespace and in those whose Plant names it as catalogue; rules add up."""

    kind: Literal["GovernancePolicy"] = "GovernancePolicy"
    spec: GovernancePolicySpec
    status: GovernancePolicyStatus = Field(default_factory=GovernancePolicyStatus)

    crd: ClassVar[CrdNames] = CrdNames(
        plural="governancepolicies",
        singular="governancepolicy",
        short_names=["gpol"],
        description=__doc__ or "",
        columns=[
            PrinterColumn(name="Mode", json_path=".spec.mode"),
            condition_column("Ready", "Ready"),
            PrinterColumn(name="Owner", json_path=".spec.owner.team"),
            condition_column("Message", "Ready", "message", priority=1),
            AGE,
        ],
    )
