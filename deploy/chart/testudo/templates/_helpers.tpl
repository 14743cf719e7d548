{{/* Names: the release's, and the role's behind it. */}}
{{- define "testudo.name" -}}
{{- if contains "testudo" .Release.Name -}}{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else -}}{{ printf "%s-testudo" (.Release.Name | trunc 32 | trimSuffix "-") }}{{ end -}}
{{- end -}}

{{/* Given a list: the root and the role. */}}
{{- define "testudo.role" -}}{{ printf "%s-%s" (include "testudo.name" (index . 0)) (index . 1) }}{{- end -}}

{{- define "testudo.selector" -}}
app.kubernetes.io/name: testudo
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "testudo.labels" -}}
{{- $root := index . 0 -}}
{{ include "testudo.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
app.kubernetes.io/part-of: testudo
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "testudo.meta" -}}
name: {{ include "testudo.role" . }}
namespace: {{ (index . 0).Release.Namespace }}
labels: {{- include "testudo.labels" . | nindent 2 }}
{{- end -}}

{{- define "testudo.image" -}}
{{- $root := index . 0 -}}{{- $image := index . 1 -}}
{{- with $root.Values.image.registry }}{{ . }}/{{ end }}{{ $image.repository }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default $root.Chart.AppVersion }}{{ end }}
{{- end -}}

{{/* What every pod has. Given root, role, the role's values, and whether it runs as somebody who is not root. */}}
{{- define "testudo.pod" -}}
{{- $root := index . 0 -}}{{- $role := index . 1 -}}{{- $values := index . 2 -}}
serviceAccountName: {{ include "testudo.role" (list $root $role) }}
automountServiceAccountToken: {{ or (eq $role "agent") (and (eq $role "client") (include "testudo.clientAsks" $root | eq "true")) (and (eq $role "sensor") $root.Values.sensors.enrichment.enabled) }}
enableServiceLinks: false
{{- /* A worker finishes the job in hand. */}}
terminationGracePeriodSeconds: {{ eq $role "worker" | ternary 3600 60 }}
{{- with $root.Values.image.pullSecrets }}
imagePullSecrets: {{- range . }}
  - name: {{ . }}{{ end }}
{{- end }}
{{- with $values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{- define "testudo.podSecurity" -}}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "testudo.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end -}}

{{- define "testudo.probes" -}}
startupProbe:
  httpGet: {path: /healthz, port: health}
  periodSeconds: 2
  failureThreshold: 90
livenessProbe:
  httpGet: {path: /healthz, port: health}
  periodSeconds: 20
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: {path: /readyz, port: health}
  periodSeconds: 5
  timeoutSeconds: 5
{{- end -}}

{{- define "testudo.spread" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: topology.kubernetes.io/zone
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "testudo.selector" . | nindent 8 }}
{{- end -}}

{{/* Whether the client asks the API server anything. */}}
{{- define "testudo.clientAsks" -}}
{{ or .Values.client.hub.enabled .Values.client.enrichment.enabled }}
{{- end -}}

{{/* Whether the agent hears of alerts from the client's hub; otherwise it reads the client's volume. */}}
{{- define "testudo.agentLinked" -}}
{{ and .Values.agent.enabled .Values.agent.quarantine.enabled .Values.client.enabled .Values.client.hub.enabled }}
{{- end -}}

{{/* coordinator.yaml: what the operator says, and where things lie in the pod. */}}
{{- define "testudo.coordinatorConfig" -}}
{{- $values := .Values.coordinator -}}
{{- $service := include "testudo.role" (list . "coordinator") -}}
{{- $inside := list (printf "%s.%s.svc" $service .Release.Namespace) (printf "%s.%s" $service .Release.Namespace) $service -}}
{{- $listen := dict "enrolment" "0.0.0.0:7441" "federation" "0.0.0.0:7442" "health" "0.0.0.0:7443" -}}
{{- $pages := dict -}}
{{- with $values.dashboard }}{{ if .enabled }}
{{- $_ := set $listen "dashboard" (ternary "127.0.0.1:7445" "0.0.0.0:7445" (empty .url)) -}}
{{- if .url }}{{ $_ := set $pages "dashboard" (dict "url" .url) }}{{ end -}}
{{- end }}{{ end -}}
{{- $fixed := merge $pages (dict
  "federation" $values.federation
  "dataDirectory" "/var/lib/testudo/data"
  "listen" $listen
  "masterKey" (dict "file" (printf "/etc/testudo/master-key/%s" $values.masterKey.key))
  "serverNames" (concat $values.serverNames $inside | uniq)) -}}
{{- if $values.redis.secretName }}{{ $_ := set $fixed "workers" (dict "fallbackAfterSeconds" $values.workers.fallbackAfterSeconds) }}{{ end -}}
{{- with $values.redis.sentinels }}{{ $_ := set $fixed "redis" (dict "sentinels" .) }}{{ end -}}
{{- with $values.postgres }}{{ if .address }}
{{- $postgres := dict "address" .address -}}
{{- if .secretName }}{{ $_ := set $postgres "password" (dict "file" (printf "/etc/testudo/postgres/%s" .key)) }}{{ end -}}
{{- $_ := set $fixed "journal" (dict "postgres" $postgres) -}}
{{- end }}{{ end -}}
{{- with $values.blobs.s3 }}{{ if .endpoint }}
{{- $keys := dict
  "accessKeyId" (dict "file" (printf "/etc/testudo/s3/%s" .accessKeyIdKey))
  "secretAccessKey" (dict "file" (printf "/etc/testudo/s3/%s" .secretAccessKeyKey)) -}}
{{- $_ := set $fixed "blobs" (dict "s3" (dict
  "endpoint" .endpoint "bucket" .bucket "prefix" .prefix "credentials" $keys)) -}}
{{- end }}{{ end -}}
{{- toYaml (mergeOverwrite (deepCopy $values.config) $fixed) -}}
{{- end -}}

{{/* relay.yaml: how this coordinator's federation is a member of its parent. */}}
{{- define "testudo.relayConfig" -}}
{{- with .Values.coordinator.relay -}}
{{- $parent := dict "addresses" .parent.addresses -}}
{{- with .parent.enrolAddress }}{{ $_ := set $parent "enrolAddress" . }}{{ end -}}
{{- $fixed := dict
  "coordinator" "/etc/testudo/coordinator/coordinator.yaml"
  "dataDirectory" "/var/lib/testudo/parent"
  "parent" $parent
  "health" (dict "listen" "0.0.0.0:9464")
  "tracks" .tracks -}}
{{- with .joinToken }}{{ if .secretName }}{{ $_ := set $fixed "joinToken" (dict "file" (printf "/etc/testudo/parent-token/%s" .key)) }}{{ end }}{{ end -}}
{{- with .dataKey }}{{ if .secretName }}{{ $_ := set $fixed "dataKey" (dict "file" (printf "/etc/testudo/parent-data-key/%s" .key)) }}{{ end }}{{ end -}}
{{- if .trustAnchor }}{{ $_ := set $fixed "trustAnchor" "/etc/testudo/coordinator/parent-root.json" }}{{ end -}}
{{- toYaml (mergeOverwrite (deepCopy .config) $fixed) -}}
{{- end -}}
{{- end -}}

{{/* door.yaml. Of the database and the bucket what the coordinator is told, by users of its own where these are given. */}}
{{- define "testudo.doorConfig" -}}
{{- $values := .Values.coordinator -}}
{{- $doors := $values.doors -}}
{{- $config := $values.config | default dict -}}
{{- $postgres := pick (dig "journal" "postgres" dict $config) "schema" "tls" "unprotected" -}}
{{- $_ := set $postgres "address" ($doors.postgres.address | default $values.postgres.address) -}}
{{- $key := ternary $doors.postgres.key $values.postgres.key (not (empty $doors.postgres.secretName)) -}}
{{- if or $doors.postgres.secretName $values.postgres.secretName }}{{ $_ := set $postgres "password" (dict "file" (printf "/etc/testudo/postgres/%s" $key)) }}{{ end -}}
{{- $own := ternary $doors.s3 $values.blobs.s3 (not (empty $doors.s3.secretName)) -}}
{{- $s3 := merge (dict
  "endpoint" $values.blobs.s3.endpoint
  "bucket" $values.blobs.s3.bucket
  "prefix" $values.blobs.s3.prefix
  "credentials" (dict
    "accessKeyId" (dict "file" (printf "/etc/testudo/s3/%s" $own.accessKeyIdKey))
    "secretAccessKey" (dict "file" (printf "/etc/testudo/s3/%s" $own.secretAccessKeyKey)))) (deepCopy (dig "blobs" "s3" dict $config)) -}}
{{- $fixed := dict
  "credentials" (printf "/etc/testudo/credentials/%s" $doors.credentials.key)
  "dataDirectory" "/var/lib/testudo/door"
  "listen" (dict "enrolment" "0.0.0.0:7441" "federation" "0.0.0.0:7442" "health" "0.0.0.0:7443")
  "journal" (dict "postgres" $postgres)
  "blobs" (dict "s3" $s3) -}}
{{- toYaml (mergeOverwrite (deepCopy $doors.config) $fixed) -}}
{{- end -}}

{{/* "true" where doors run. */}}
{{- define "testudo.hasDoors" -}}
{{- with .Values.coordinator }}{{ if and .enabled .doors.replicas }}true{{ end }}{{ end -}}
{{- end -}}

{{/* "true" where workers run, however many. */}}
{{- define "testudo.hasWorkers" -}}
{{- with .Values.coordinator }}{{ if and .enabled (or .workers.replicas .workers.keda.enabled) }}true{{ end }}{{ end -}}
{{- end -}}

{{/* Not empty where coordinators and workers share no volume: what must last lies in a database and a bucket. */}}
{{- define "testudo.coordinatorApart" -}}
{{- with .Values.coordinator }}{{ if and .postgres.address .blobs.s3.endpoint }}apart{{ end }}{{ end -}}
{{- end -}}

{{/* The claim of the coordinator's folder: of one pod its own, of two the one that both mount. */}}
{{- define "testudo.coordinatorClaim" -}}
{{- $values := .Values.coordinator -}}
{{- $role := include "testudo.role" (list . "coordinator") -}}
{{- if $values.persistence.existingClaim -}}{{ $values.persistence.existingClaim }}
{{- else if gt (int $values.replicas) 1 -}}{{ $role }}-shared
{{- else -}}data-{{ $role }}-0{{ end -}}
{{- end -}}

{{- define "testudo.clientConfig" -}}
{{- $values := .Values.client -}}
{{- $coordinator := dict "addresses" $values.coordinator.addresses -}}
{{- with $values.coordinator.enrolAddress }}{{ $_ := set $coordinator "enrolAddress" . }}{{ end -}}
{{- $fixed := dict
  "dataDirectory" "/var/lib/testudo/data"
  "coordinator" $coordinator
  "health" (dict "listen" "0.0.0.0:9464") -}}
{{- with $values.joinToken.secretName }}
{{- $_ := set $fixed "joinToken" (dict "file" (printf "/etc/testudo/join-token/%s" $values.joinToken.key)) }}{{ end -}}
{{- with $values.dataKey.secretName }}
{{- $_ := set $fixed "dataKey" (dict "file" (printf "/etc/testudo/data-key/%s" $values.dataKey.key)) }}{{ end -}}
{{- if $values.enrichment.enabled }}{{ $_ := set $fixed "kubernetes" (dict) }}{{ end }}
{{- if $values.hub.enabled }}
{{- $sensor := printf "%s/%s" .Release.Namespace (include "testudo.role" (list . "sensor")) }}
{{- $admission := dict "kind" "tokenReview" "audience" "testudo-hub" "serviceAccount" $sensor }}
{{- if include "testudo.agentLinked" . | eq "true" }}
{{- $_ := set $admission "agentServiceAccount" (printf "%s/%s" .Release.Namespace (include "testudo.role" (list . "agent"))) }}
{{- end }}
{{- $authority := dict
  "certificateFile" (printf "/etc/testudo/hub-authority/%s" $values.hub.authority.certificateKey)
  "keyFile" (printf "/etc/testudo/hub-authority/%s" $values.hub.authority.keyKey) }}
{{- $_ := set $fixed "hub" (dict "listen" "0.0.0.0:7451" "admissionListen" "0.0.0.0:7452" "admission" $admission "authority" $authority) }}
{{- end -}}
{{- with $values.trustAnchor }}
{{- $_ := set $fixed "agent" (dict "trustAnchor" "/etc/testudo/client/root.json") }}{{ end -}}
{{- toYaml (mergeOverwrite (deepCopy $values.config) $fixed) -}}
{{- end -}}

{{/* Authorities of what coordinator, workers and doors connect to: certificates, nothing secret. */}}
{{- define "testudo.authorityMounts" -}}
{{- range .Values.coordinator.authorities }}
- {name: authority-{{ .configMapName | default .secretName }}, mountPath: /etc/testudo/authorities/{{ .configMapName | default .secretName }}, readOnly: true}
{{- end }}
{{- end -}}

{{- define "testudo.authorityVolumes" -}}
{{- range .Values.coordinator.authorities }}
- name: authority-{{ .configMapName | default .secretName }}
  {{- if .configMapName }}
  configMap: {name: {{ .configMapName }}}
  {{- else }}
  secret: {secretName: {{ .secretName }}, defaultMode: 0440}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "testudo.coordinatorEnvironment" -}}
env:
  - {name: MALLOC_ARENA_MAX, value: "2"}
  {{- with .Values.coordinator.redis }}{{ if .secretName }}
  - name: TESTUDO_REDIS_URL
    valueFrom:
      secretKeyRef: {name: {{ .secretName }}, key: {{ .key }}}
  {{- end }}{{ end }}
{{- end -}}

{{- define "testudo.sensorConfig" -}}
{{- $values := .Values.sensors -}}
{{- $host := $values.hubAddress | default (printf "%s.%s.svc" (include "testudo.role" (list . "client")) .Release.Namespace) -}}
{{- $hub := dict
  "address" (printf "%s:7451" $host)
  "admissionAddress" (printf "%s:7452" $host)
  "tokenFile" "/etc/testudo/hub-token/token"
  "authorityFile" "/etc/testudo/hub-authority/ca.crt" -}}
{{- $fixed := dict "dataDirectory" "/var/lib/testudo/data" "hub" $hub "health" (dict "listen" "0.0.0.0:9465") -}}
{{- if $values.enrichment.enabled }}{{ $_ := set $fixed "kubernetes" (dict) }}{{ end }}
{{- if .Values.client.trustAnchor }}{{ $_ := set $fixed "agent" (dict "trustAnchor" "/etc/testudo/sensor/root.json") }}{{ end -}}
{{- $sources := list (dict "kind" "tetragonGrpc" "address" "unix:///node/tetragon.sock") -}}
{{- toYaml (mergeOverwrite (dict "sources" $sources) (deepCopy $values.config) $fixed) -}}
{{- end -}}

{{- define "testudo.nodeHelperConfig" -}}
{{- with .Values.nodeHelper -}}
{{- toYaml (dict
  "dataDirectory" "/var/lib/testudo/data"
  "listen" (printf "0.0.0.0:%d" (int .port))
  "certificateFile" "/etc/testudo/tls/tls.crt"
  "keyFile" "/etc/testudo/tls/tls.key"
  "authorityFile" "/etc/testudo/tls/ca.crt"
  "memoryBytesMax" .memoryBytesMax
  "cgroups" (dict "root" "/node/cgroup" "parent" .cgroupParent)) -}}
{{- end -}}
{{- end -}}

{{/* agent.yaml: what the operator says. Where it may not act it only observes, whatever `config` says. */}}
{{- define "testudo.agentConfig" -}}
{{- $values := .Values.agent -}}
{{- $rotation := deepCopy (get $values.config "rotation" | default dict) -}}
{{- if not $values.mayAct }}{{ $_ := set $rotation "mode" (ternary "off" "observe" (eq (get $rotation "mode" | default "off") "off")) }}{{ end -}}
{{- with $values.secret.secretName }}{{ $_ := set $rotation "secretFile" (printf "/etc/testudo/rotation/%s" $values.secret.key) }}{{ end -}}
{{- $fixed := dict
  "dataDirectory" "/var/lib/testudo/data"
  "namespaces" $values.namespaces
  "rotation" $rotation
  "lease" (dict "namespace" .Release.Namespace "name" (include "testudo.role" (list . "agent")))
  "health" (dict "listen" "0.0.0.0:9466") -}}
{{- if $values.images.keysConfigMap }}
{{- $layouts := list }}
{{- range $values.images.layouts }}{{ $layouts = append $layouts (printf "/var/lib/images/%s" .) }}{{ end }}
{{- $_ := set $fixed "images" (dict "keys" (list "/etc/testudo/image-keys") "layouts" $layouts) }}
{{- end }}
{{- if $values.quarantine.enabled }}
{{- $quarantine := deepCopy (get $values.config "quarantine" | default dict) -}}
{{- if include "testudo.agentLinked" . | eq "true" }}
{{- $host := printf "%s.%s.svc" (include "testudo.role" (list . "client")) .Release.Namespace -}}
{{- $hub := dict
  "address" (printf "%s:7451" $host)
  "admissionAddress" (printf "%s:7452" $host)
  "tokenFile" "/etc/testudo/hub-token/token"
  "authorityFile" "/etc/testudo/hub-authority/ca.crt" -}}
{{- $_ := set $fixed "hub" $hub -}}
{{- else }}
{{- $_ := set $quarantine "releases" "/var/lib/testudo-client/data/hub/releases.json" -}}
{{- $_ := set $quarantine "alerts" (list (printf "/var/lib/testudo-client/data/%s" $values.quarantine.alerts)) -}}
{{- end }}
{{- $_ := set $quarantine "cluster" $values.quarantine.cluster -}}
{{- if not $values.mayAct }}{{ $_ := set $quarantine "cap" "observe" }}{{ end -}}
{{- with .Values.nodeHelper }}{{ if .enabled }}
{{- $_ := set $quarantine "nodeHelper" (dict
  "port" .port
  "holdSeconds" .holdSeconds
  "memoryBytes" .memoryBytesMax
  "certificateFile" "/etc/testudo/node-helper-tls/tls.crt"
  "keyFile" "/etc/testudo/node-helper-tls/tls.key"
  "authorityFile" "/etc/testudo/node-helper-tls/ca.crt") -}}
{{- end }}{{ end -}}
{{- $_ := set $fixed "quarantine" $quarantine -}}
{{- end -}}
{{- toYaml (mergeOverwrite (deepCopy $values.config) $fixed) -}}
{{- end -}}

{{/*
To where names are resolved. A policy sees a packet after the Service's address was translated, so these are the ports of
the DNS pods; NodeLocal DNSCache listens on the node, which no selector names.
*/}}
{{- define "testudo.dnsEgress" -}}
{{- with .Values.networkPolicy.dns -}}
- ports: {{- range .ports }}
    - {protocol: UDP, port: {{ . }}}
    - {protocol: TCP, port: {{ . }}}{{ end }}
  to:
    - namespaceSelector:
        matchLabels: {{- toYaml .namespaceLabels | nindent 10 }}
      podSelector:
        matchLabels: {{- toYaml .podLabels | nindent 10 }}
{{- with .nodeLocalAddress }}
- ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
  to:
    - ipBlock: {cidr: {{ . }}/32}
{{- end }}
{{- end -}}
{{- end -}}

{{- define "testudo.monitoringIngress" -}}
- ports: [{protocol: TCP, port: health}]
  from:
    - namespaceSelector:
        matchLabels: {{- toYaml .Values.networkPolicy.monitoringNamespaceLabels | nindent 10 }}
{{- end -}}

{{/* A role with these rules for the ServiceAccount of a role of ours. Given root, role, rules. */}}
{{- define "testudo.clusterRole" -}}
{{- $root := index . 0 -}}{{- $it := list $root (index . 1) -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ include "testudo.role" $it }}-{{ $root.Release.Namespace }}
  labels: {{- include "testudo.labels" $it | nindent 4 }}
rules: {{- toYaml (index . 2) | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: {{ include "testudo.role" $it }}-{{ $root.Release.Namespace }}
  labels: {{- include "testudo.labels" $it | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: {{ include "testudo.role" $it }}-{{ $root.Release.Namespace }}
subjects:
  - kind: ServiceAccount
    name: {{ include "testudo.role" $it }}
    namespace: {{ $root.Release.Namespace }}
{{- end -}}

{{- define "testudo.storesEgress" -}}
{{- if .Values.coordinator.blobs.s3.endpoint }}
- ports: {{- range .Values.networkPolicy.s3Ports }}
    - {protocol: TCP, port: {{ . }}}{{ end }}
{{- end }}
{{- if .Values.coordinator.postgres.address }}
- ports: {{- range .Values.networkPolicy.postgresPorts }}
    - {protocol: TCP, port: {{ . }}}{{ end }}
{{- end }}
{{- end -}}
