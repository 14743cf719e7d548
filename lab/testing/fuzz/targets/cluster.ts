import type { Result } from '../../../../base/fault.ts';
import { observedFlow } from '../../../../client/hub/flow-of-tally.ts';
import { verdictOf } from '../../../../client/hub/token-review.ts';
import { projectPod as knownPod } from '../../../../client/kube/pod.ts';
import { readObjects } from '../../../../client/posture/read.ts';
import * as projected from '../../../../client/response/cluster/project.ts';
import { decodeRecord, encodeRecord } from '../../../../client/response/evidence/signed-record.ts';
import { projectPolicy } from '../../../../client/response/quarantine/isolation.ts';
import { decodeEntry, encodeEntry } from '../../../../client/response/rotation/record.ts';
import { alertIn } from '../../../../client/scoring/alert.ts';
import { apiCodec } from '../../../../client/tracks/api/example.ts';
import { decodeRow, encodeRow } from '../../../../client/tracks/feature-rows/feature-row.ts';
import { windowCodec } from '../../../../client/tracks/flow/flow-example.ts';
import { edgeFeatureNames, nodeFeatureNames } from '../../../../client/tracks/flow/graph/feature-names.ts';
import { decodeExample, encodeExample } from '../../../../client/tracks/syscall/traces/example.ts';
import { digestOf } from '../../../../proto/digest.ts';
import { keyPair } from '../../../../proto/release/testing/sample-federation.ts';
import { refused, type Target, textOf } from '../target.ts';
import { jsonOf } from './json-of.ts';

/** What sensors and agents tell a hub, what API servers answer, and what is read back from a disk that others write to. */
function json(
  name: string,
  seeds: readonly unknown[],
  read: (value: unknown) => unknown,
  words: string[] = [],
): Target {
  return {
    name,
    words,
    seeds: () => seeds.map((seed) => Buffer.from(JSON.stringify(seed))),
    inputsInTests: 1_000,
    read(bytes) {
      const value = read(jsonOf(textOf(bytes)));
      return value === undefined ? refused('NOT_READ') : { kind: 'read', value };
    },
  };
}

function codec<Value>(
  name: string,
  seeds: () => readonly Uint8Array[],
  read: (bytes: Uint8Array) => Result<Value>,
  write: (value: Value) => Uint8Array,
): Target {
  return {
    name,
    seeds,
    read(bytes) {
      const decoded = read(bytes);
      return decoded.ok
        ? { kind: 'read', value: decoded.value, again: write(decoded.value) }
        : refused(decoded.fault.code);
    },
  };
}

const metadata = {
  ...{ uid: 'u1', name: 'web-7d9-x', namespace: 'shop', resourceVersion: '7' },
  ...{ creationTimestamp: '2026-01-01T00:00:00Z', labels: { app: 'web', 'pod-template-hash': '7d9' } },
  annotations: { 'testudo.io/a': '1' },
  ownerReferences: [{ kind: 'ReplicaSet', name: 'web-7d9', uid: 'u2', controller: true }],
};
const pod = {
  ...{ kind: 'Pod', metadata },
  spec: { nodeName: 'n1', containers: [{ name: 'a', image: 'i', securityContext: { privileged: true } }] },
  status: {
    ...{ phase: 'Running', podIP: '10.0.0.1', conditions: [{ type: 'Ready', status: 'True' }] },
    containerStatuses: [{ name: 'a', image: 'i', containerID: `containerd://${'0f'.repeat(32)}`, restartCount: 1 }],
  },
};
const replicas = { kind: 'ReplicaSet', metadata, spec: { replicas: 2 }, status: { readyReplicas: 2, replicas: 2 } };
const budget = {
  ...{ kind: 'PodDisruptionBudget', metadata, status: { disruptionsAllowed: 1 } },
  spec: { selector: { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] } },
};
const policy = { kind: 'NetworkPolicy', metadata, spec: { podSelector: {}, policyTypes: ['Ingress'] } };
const node = { kind: 'Node', metadata, spec: { unschedulable: true }, status: { conditions: [] } };

const projections: readonly ((candidate: unknown) => unknown)[] = [
  ...Object.values(projected),
  knownPod,
  projectPolicy,
];

const review = {
  ...{ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview' },
  status: {
    ...{ authenticated: true, audiences: ['hub'], error: '' },
    user: {
      username: 'system:serviceaccount:testudo:sensor',
      extra: { 'authentication.kubernetes.io/node-name': ['n1'] },
    },
  },
};

const flow = {
  ...{ atMs: 1, node: 'n1', id: 'a', sourcePort: 1, destinationPort: 2, protocol: 'tcp', isReply: false, count: 1 },
  source: { kind: 'workload', namespace: 'shop', workload: 'a' },
  destination: { kind: 'world', namespace: '', workload: '' },
  ...{ seenAt: 'client', verdict: 'forwarded' },
};

const alert = {
  ...{ id: 'a-0123456789abcdef', at: '2026-01-01T00:00:00.000Z', track: 'syscall', modelVersion: 3, score: 7.5 },
  ...{ threshold: null, text: 'a text', labels: ['rule'], detail: { a: [1, { b: null }] } },
  subject: { namespace: 'shop', workload: 'web', workloadClass: 'nginx', pod: 'web-0' },
};

const key = keyPair(7);
const slice = {
  ...{ startMs: 1, endMs: 2, nodeCount: 2, edgeCount: 1, clients: Uint32Array.of(0), servers: Uint32Array.of(1) },
  nodeFeatures: Float32Array.from({ length: 2 * nodeFeatureNames.length }, (_, at) => at / 7),
  edgeFeatures: Float32Array.from({ length: edgeFeatureNames.length }, (_, at) => -at / 7),
};
const names = {
  nodes: [
    { kind: 'workload', namespace: 'shop', workload: 'web' },
    { kind: 'world', namespace: '', workload: '' },
  ] as const,
  edges: [{ protocol: 'tcp', port: 443, count: 3, firstMs: 1, lastMs: 2, routes: [], labels: [] }] as const,
};
const call = {
  ...{ server: 'web', caller: '', version: 'v1', method: 'GET', route: '/a/*', status: 200, auth: '', issuer: '' },
  ...{ values: [['id', 'number']] as const, received: 3, sent: 4, fields: ['a'], parent: -1 },
};
const around = {
  ...{ rate: 1, failures: 0, routeFailures: 0, failingSources: 0, switches: 0, subjects: 1, named: [7], objects: [] },
  ...{ previous: '', arrival: '/a' },
};
const chain = { id: 1, atS: 2, subject: 3, source: 4, network: 5, calls: [call], around };
const entry = { sequence: 1, previous: null, atMs: 1, said: { kind: 'epoch', epoch: 1, commitment: '0f'.repeat(32) } };
const sealed = Buffer.from('sealed');
const head = {
  ...{ sequence: 1, previous: null, atMs: 1, cluster: 'eu-1', alerts: ['a-0123456789abcdef'] },
  subject: { namespace: 'shop', pod: 'web-0', uid: 'u1' },
  kind: 'drill' as const,
  sealed: { digest: digestOf(sealed), bytes: sealed.length },
};

export const clusterTargets: readonly Target[] = [
  json(
    'kube-objects',
    [pod, replicas, { ...replicas, kind: 'Deployment' }, budget, policy, node],
    (value) => [projections.map((project) => project(value)), readObjects([value])],
    ['"matchLabels":', '"__proto__":{"a":"b"}', '"labels":{"__proto__":"a"}'],
  ),
  {
    ...json('token-review', [review], (value) => value),
    read(bytes) {
      const by = { audience: 'hub', serviceAccount: 'testudo/sensor', agentServiceAccount: 'testudo/agent' };
      const verdict = verdictOf(by, { status: 200, body: textOf(bytes) });
      return verdict.ok ? { kind: 'read', value: verdict.value } : refused(verdict.fault.code);
    },
  },
  {
    ...json('sensor-flow', [flow], (value) => value, ['"volume":', '"l7":', '"endMs":1']),
    read(bytes) {
      const value = observedFlow(bytes);
      if (value === undefined) return refused('FLOW_MALFORMED');
      return { kind: 'read', value, again: Buffer.from(JSON.stringify(value)) };
    },
  },
  {
    ...json('alert-line', [alert], (value) => value),
    read(bytes) {
      const value = alertIn(textOf(bytes));
      if (value === undefined) return refused('ALERT_MALFORMED');
      return { kind: 'read', value, again: Buffer.from(JSON.stringify(value)) };
    },
  },
  codec(
    'syscall-example',
    () => [
      encodeExample({ workload: 'nginx', calls: Uint16Array.of(1, 2, 3) }),
      encodeExample({ workload: 'é', calls: Uint16Array.of(1, 2), argumentClasses: Uint16Array.of(3, 4) }),
    ],
    decodeExample,
    encodeExample,
  ),
  codec('flow-example', () => [windowCodec.encode({ slice, names })], windowCodec.decode, windowCodec.encode),
  codec('api-example', () => [apiCodec.encode(chain)], apiCodec.decode, apiCodec.encode),
  codec('feature-row', () => [encodeRow({ group: 'dns', fields: { a: '1', b: 'x' } })], decodeRow, encodeRow),
  {
    ...codec(
      'rotation-entry',
      () => [Buffer.from(encodeEntry(entry as Parameters<typeof encodeEntry>[0], key))],
      (bytes) => decodeEntry(textOf(bytes), key.publicKey),
      (entry) => Buffer.from(encodeEntry(entry, key)),
    ),
    isCanonical: true,
  },
  {
    ...codec(
      'evidence-record',
      () => [encodeRecord(head, sealed, key)],
      decodeRecord,
      ({ head, sealed }) => encodeRecord(head, sealed, key),
    ),
  },
];
