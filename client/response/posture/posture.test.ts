import { describe, expect, it } from 'vitest';
import { readObjects } from '../../posture/read.ts';
import { postureRules } from '../../posture/rules.ts';
import { findingsOf } from './findings.ts';

const digest = `web@sha256:${'a'.repeat(64)}`;
const good = {
  name: 'c',
  image: digest,
  securityContext: {
    readOnlyRootFilesystem: true,
    allowPrivilegeEscalation: false,
    runAsNonRoot: true,
    capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
  },
  resources: { limits: { cpu: '1', memory: '64Mi' } },
};
const policy = {
  kind: 'NetworkPolicy',
  metadata: { name: 'web', namespace: 'shop' },
  spec: { podSelector: { matchLabels: { app: 'web' } }, policyTypes: ['Ingress', 'Egress'] },
};

function pod(spec: object, name = 'web-1', labels: object = { app: 'web' }) {
  const owner = { kind: 'ReplicaSet', name: 'web-5d4', controller: true };
  const metadata = {
    name,
    namespace: 'shop',
    labels: { 'pod-template-hash': '5d4', ...labels },
    ownerReferences: [owner],
  };
  return { kind: 'Pod', metadata, spec: { containers: [good], ...spec } };
}

const codesOf = (...objects: readonly object[]) => {
  const { pods, policies } = readObjects(objects);
  return findingsOf(pods, policies).map(({ code, detail }) => (detail === '' ? code : `${code} ${detail}`));
};

describe('findingsOf', () => {
  it('finds nothing in a pod that gives an intruder nothing', () => {
    expect(codesOf(pod({}), policy)).toEqual([]);
  });

  it('takes a policy of a manifest, which names no types, for what the server would make of it', () => {
    const { podSelector } = policy.spec;
    const egress = [{ to: [{ podSelector: {} }] }];
    expect(codesOf(pod({}), { ...policy, spec: { podSelector, egress } })).toEqual([]);
    expect(codesOf(pod({}), { ...policy, spec: { podSelector } })).toEqual(['NO_EGRESS_POLICY']);
    const empty = { podSelector, policyTypes: null, ingress: null, egress: null }; // `ingress:`, and nothing behind it.
    expect(codesOf(pod({}), { ...policy, spec: empty })).toEqual(['NO_EGRESS_POLICY']);
    expect(codesOf(pod({}), { ...policy, spec: { podSelector, policyTypes: [], egress } })).toEqual([]);
  });

  it.each([
    ['hostNetwork', pod({ hostNetwork: true }), ['HOST_NETWORK']],
    ['hostPID', pod({ hostPID: true }), ['HOST_PID']],
    ['hostIPC', pod({ hostIPC: true }), ['HOST_IPC']],
    [
      "a node's path, mounted; one that is not mounted is none",
      pod({
        containers: [{ ...good, volumeMounts: [{ name: 'docker' }] }],
        volumes: [
          { name: 'docker', hostPath: { path: '/var/run/docker.sock' } },
          { name: 'other', hostPath: { path: '/' } },
        ],
      }),
      ['HOST_PATH /var/run/docker.sock'],
    ],
    [
      'a token for the API server',
      pod({
        containers: [{ ...good, volumeMounts: [{ name: 'kube-api-access-x' }] }],
        volumes: [{ name: 'kube-api-access-x', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } }],
      }),
      ['TOKEN_MOUNTED'],
    ],
    [
      'a privileged init container',
      pod({
        initContainers: [{ ...good, name: 'init', securityContext: { ...good.securityContext, privileged: true } }],
      }),
      ['PRIVILEGED init'],
    ],
    [
      'added capabilities',
      pod({
        containers: [
          {
            ...good,
            securityContext: { ...good.securityContext, capabilities: { add: ['SYS_ADMIN', 'NET_BIND_SERVICE'] } },
          },
        ],
      }),
      ['CAPABILITY_ADDED c: SYS_ADMIN'],
    ],
    [
      'a container that says nothing at all',
      pod({ containers: [{ name: 'c', image: 'web:1' }] }),
      ['RUNS_AS_ROOT c', 'ESCALATION c', 'WRITABLE_ROOT c', 'NO_MEMORY_LIMIT c', 'NO_CPU_LIMIT c', 'TAG_MUTABLE c'],
    ],
    [
      'root, in spite of what the pod says',
      pod({
        securityContext: { runAsUser: 10 },
        containers: [{ ...good, securityContext: { ...good.securityContext, runAsUser: 0 } }],
      }),
      ['RUNS_AS_ROOT c'],
    ],
    ['no policy that selects it', pod({}, 'db-1', { app: 'db' }), ['NO_INGRESS_POLICY', 'NO_EGRESS_POLICY']],
  ])('finds %s', (_what, object, codes) => {
    expect(codesOf(object, policy)).toEqual(codes);
  });

  it('takes a user that the pod gives for its containers', () => {
    const { runAsNonRoot: _, ...own } = good.securityContext;
    expect(
      codesOf(pod({ securityContext: { runAsUser: 10 }, containers: [{ ...good, securityContext: own }] }), policy),
    ).toEqual([]);
  });

  it('says of pods that are alike once, of the gravest first, and of every finding how it is mended', () => {
    const two = [
      pod({ hostPID: true, containers: [{ ...good, image: 'web:1' }] }),
      pod({ containers: [{ ...good, image: 'web:1' }] }, 'web-2'),
    ];
    const { pods, policies } = readObjects([...two, policy]);
    expect(findingsOf(pods, policies)).toEqual([
      { code: 'HOST_PID', namespace: 'shop', workload: 'web', detail: '', pods: 1 },
      { code: 'TAG_MUTABLE', namespace: 'shop', workload: 'web', detail: 'c', pods: 2 },
    ]);
    for (const { fix, what } of Object.values(postureRules))
      expect([fix.length > 5, what.length > 5]).toEqual([true, true]);
  });

  it('says of the runs of a CronJob once what is true of all of them', () => {
    const run = (name: string) => {
      const { metadata, ...rest } = pod({ hostPID: true }, name, {});
      return { ...rest, metadata: { ...metadata, ownerReferences: [{ kind: 'Job', name, controller: true }] } };
    };
    const { pods } = readObjects([run('backup-29384700'), run('backup-29384760')]);
    const found = findingsOf(pods, []).filter(({ code }) => code === 'HOST_PID');
    expect(found).toEqual([{ code: 'HOST_PID', namespace: 'shop', workload: 'backup', detail: '', pods: 2 }]);
  });

  it('leaves out what it does not understand, and is the same in any order', () => {
    const objects = [pod({ hostIPC: true }), pod({}, 'db-1', { app: 'db' }), policy, { kind: 'Secret' }, null, 7];
    expect(codesOf(...(objects as object[]))).toEqual(codesOf(...(objects.toReversed() as object[])));
    expect(codesOf({ kind: 'Pod' } as object)).toEqual([]);
  });
});
