{{- define "muster.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "muster.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: muster
{{- end -}}

{{/* Of one role: dict "root" $ "role" "subagent". Never changes: a Deployment's selector cannot. */}}
{{- define "muster.selector" -}}
app.kubernetes.io/name: muster
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .role }}
{{- end -}}

{{- define "muster.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "muster.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end -}}

{{- define "muster.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (.Values.image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* Name of the Secret that holds a credential: the user's, or this release's. */}}
{{- define "muster.secretName" -}}
{{- .existing | default (include "muster.fullname" .root) -}}
{{- end -}}

{{/* What the release's own Secret holds, as YAML; empty: there is none. */}}
{{- define "muster.ownSecrets" -}}
{{- with .Values }}
{{- if and .temporal.apiKey.value (not .temporal.apiKey.existingSecret) }}
{{ .temporal.apiKey.key }}: {{ .temporal.apiKey.value | b64enc }}
{{- end }}
{{- if and .artifacts.accessKeyId (not .artifacts.existingSecret) }}
accessKeyId: {{ .artifacts.accessKeyId | b64enc }}
secretAccessKey: {{ required "artifacts.secretAccessKey goes with artifacts.accessKeyId" .artifacts.secretAccessKey | b64enc }}
{{- end }}
{{- if not .claude.existingSecret }}
{{- if .claude.apiKey }}
claudeApiKey: {{ .claude.apiKey | b64enc }}
{{- end }}
{{- if .claude.authToken }}
claudeAuthToken: {{ .claude.authToken | b64enc }}
{{- end }}
{{- end }}
{{- if and .encryption.keys (not .encryption.existingSecret) }}
{{ .encryption.key }}: {{ .encryption.keys | b64enc }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "muster.isEncrypted" -}}
{{- if or .Values.encryption.keys .Values.encryption.existingSecret -}}true{{- end -}}
{{- end -}}

{{- define "muster.env" -}}
- name: MUSTER_HOME
  value: /var/lib/muster
- name: MUSTER_LOG_LEVEL
  value: {{ .Values.log.level }}
- name: TEMPORAL_ADDRESS
  value: {{ .Values.temporal.address | quote }}
- name: TEMPORAL_NAMESPACE
  value: {{ .Values.temporal.namespace | quote }}
{{- if or .Values.temporal.apiKey.value .Values.temporal.apiKey.existingSecret }}
- name: TEMPORAL_API_KEY
  valueFrom:
    secretKeyRef:
      name: {{ include "muster.secretName" (dict "root" . "existing" .Values.temporal.apiKey.existingSecret) }}
      key: {{ .Values.temporal.apiKey.key }}
{{- end }}
{{- with .Values.temporal.tls }}
{{- if .enabled }}
- name: TEMPORAL_TLS
  value: 'true'
{{- with .serverName }}
- name: TEMPORAL_TLS_SERVER_NAME
  value: {{ . | quote }}
{{- end }}
{{- if .existingSecret }}
{{- if .hasCa }}
- name: TEMPORAL_TLS_SERVER_CA_CERT_PATH
  value: /etc/muster/temporal/ca.crt
{{- end }}
{{- if .hasClientCertificate }}
- name: TEMPORAL_TLS_CLIENT_CERT_PATH
  value: /etc/muster/temporal/tls.crt
- name: TEMPORAL_TLS_CLIENT_KEY_PATH
  value: /etc/muster/temporal/tls.key
{{- end }}
{{- end }}
{{- end }}
{{- end }}
- name: MUSTER_ARTIFACTS
  value: {{ .Values.artifacts.url | quote }}
- name: AWS_REGION
  value: {{ .Values.artifacts.region | quote }}
{{- if or .Values.artifacts.accessKeyId .Values.artifacts.existingSecret }}
{{- $secret := include "muster.secretName" (dict "root" . "existing" .Values.artifacts.existingSecret) }}
- name: AWS_ACCESS_KEY_ID
  valueFrom:
    secretKeyRef: { name: {{ $secret }}, key: accessKeyId }
- name: AWS_SECRET_ACCESS_KEY
  valueFrom:
    secretKeyRef: { name: {{ $secret }}, key: secretAccessKey }
{{- end }}
{{- if include "muster.isEncrypted" . }}
- name: MUSTER_ENCRYPTION_KEYS_FILE
  value: /etc/muster/encryption/keys
{{- end }}
{{- end -}}

{{/* Only what calls Claude has its credential. */}}
{{- define "muster.claudeEnv" -}}
{{- with .Values.claude.baseUrl }}
- name: ANTHROPIC_BASE_URL
  value: {{ . | quote }}
{{- end }}
{{- $name := include "muster.secretName" (dict "root" . "existing" .Values.claude.existingSecret) }}
{{- with .Values.claude }}
{{- if .existingSecret }}
- name: {{ ternary "ANTHROPIC_AUTH_TOKEN" "ANTHROPIC_API_KEY" (eq .existingSecretKey "authToken") }}
  valueFrom:
    secretKeyRef: { name: {{ $name }}, key: {{ .existingSecretKey }} }
{{- else if .authToken }}
- name: ANTHROPIC_AUTH_TOKEN
  valueFrom:
    secretKeyRef: { name: {{ $name }}, key: claudeAuthToken }
{{- else }}
- name: ANTHROPIC_API_KEY
  valueFrom:
    # Without a key of its own in the values, subagents wait for this one to appear.
    secretKeyRef: { name: {{ $name }}, key: claudeApiKey }
{{- end }}
{{- end }}
{{- end -}}
