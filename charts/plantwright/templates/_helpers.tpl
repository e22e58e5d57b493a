{{/* Name of the application: the chart's, or nameOverride. */}}
{{- define "plantwright.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Prefix of every object's name; a release called like the chart is not repeated. 52 leaves room for suffixes. */}}
{{- define "plantwright.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (include "plantwright.name" .) .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "plantwright.name" .) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* Namespace of the operator and all that belongs to it. */}}
{{- define "plantwright.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride }}
{{- end }}

{{/* Name of the operator's Deployment, Lease and PodDisruptionBudget. */}}
{{- define "plantwright.operatorName" -}}
{{- printf "%s-operator" (include "plantwright.fullname" .) }}
{{- end }}

{{/* Name of the operator's service account. */}}
{{- define "plantwright.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "plantwright.operatorName" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* Labels that select the operator's pods; they never change, since a Deployment's selector cannot. */}}
{{- define "plantwright.selectorLabels" -}}
app.kubernetes.io/name: {{ include "plantwright.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{/* Labels of every object of the chart. The chart's own win over commonLabels: selectors rely on them. */}}
{{- define "plantwright.labels" -}}
{{- $own := include "plantwright.selectorLabels" . | fromYaml }}
{{- $_ := set $own "app.kubernetes.io/version" (.Chart.AppVersion | toString) }}
{{- $_ := set $own "app.kubernetes.io/part-of" "plantwright" }}
{{- $_ := set $own "app.kubernetes.io/managed-by" .Release.Service }}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-") }}
{{- merge $own .Values.commonLabels | toYaml }}
{{- end }}

{{/*
An object's metadata. Call with (dict "root" $ "name" … "namespace" … "labels" … "annotations" …); all but root and
name may be left out, and an object without a namespace is one of the cluster. "component" takes the operator's place.
*/}}
{{- define "plantwright.metadata" -}}
name: {{ .name }}
{{- with .namespace }}
namespace: {{ . }}
{{- end }}
labels:
  {{- $own := include "plantwright.labels" .root | fromYaml }}
  {{- with .component }}
  {{- $_ := set $own "app.kubernetes.io/component" . }}
  {{- end }}
  {{- merge $own (default (dict) .labels) | toYaml | nindent 2 }}
{{- with merge (dict) (default (dict) .annotations) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* An image's reference; a digest wins over the tag. Call with (dict "root" $ "image" .Values.image). */}}
{{- define "plantwright.image" -}}
{{- if .image.digest }}
{{- printf "%s@%s" .image.repository .image.digest }}
{{- else }}
{{- printf "%s:%s" .image.repository (default .root.Chart.AppVersion .image.tag | toString) }}
{{- end }}
{{- end }}

{{/* What the operator may do in each namespace that it watches. operator/README.md says what each verb is for. */}}
{{- define "plantwright.operatorRules" -}}
- apiGroups: [plantwright.io]
  resources: [plants, machineprofiles, datacontracts, governancepolicies]
  verbs: [list, watch]
- apiGroups: [plantwright.io]
  resources: [machines]
  verbs: [get, list, watch]
- apiGroups: [plantwright.io]
  resources: [plants/status, machineprofiles/status, machines/status, datacontracts/status, governancepolicies/status]
  verbs: [patch]
# Where OwnerReferencesPermissionEnforcement is on (OpenShift), blockOwnerDeletion asks for this; no finalizer is set.
- apiGroups: [plantwright.io]
  resources: [plants/finalizers, machines/finalizers]
  verbs: [update]
# Children go with their owner, by the garbage collector; only a claim has none and is removed when it is drained.
- apiGroups: [apps]
  resources: [statefulsets]
  verbs: [get, list, watch, create, patch]
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch]
- apiGroups: [""]
  resources: [configmaps]
  verbs: [get, list, watch, create, patch]
- apiGroups: [""]
  resources: [serviceaccounts]
  verbs: [get, list, watch, create, patch]
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch, patch, delete]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end }}
