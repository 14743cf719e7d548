import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  projectBudget,
  projectDeployment,
  projectNode,
  projectPod,
  projectReplicaSet,
  projectStatefulSet,
} from './project.ts';

const metadata = {
  ...{ uid: 'u', name: 'web', namespace: 'shop', resourceVersion: '7', generation: 3 },
  creationTimestamp: '2027-01-01T00:00:00Z',
};
const podOf = (spec: object, status: object = {}, meta: object = {}) =>
  projectPod({ metadata: { ...metadata, ...meta }, spec: { containers: [{ image: 'web:1' }], ...spec }, status });

describe('the projection of a budget', () => {
  const budgetOf = (status: object) => projectBudget({ metadata, spec: { selector: {} }, status });
  const healthy = { disruptionsAllowed: 1, currentHealthy: 3, desiredHealthy: 2 };

  it.each<[string, object, boolean]>([
    ['that its controller has seen', { observedGeneration: 3, ...healthy }, true],
    ['that was changed since', { observedGeneration: 2, ...healthy }, false],
    ['that nobody has looked at', {}, false],
    [
      'that its controller could not reckon',
      {
        ...{ observedGeneration: 3, ...healthy },
        conditions: [{ type: 'DisruptionAllowed', status: 'False', reason: 'SyncFailed' }],
      },
      false,
    ],
    [
      'that is used up, as its controller reckoned',
      {
        ...{ observedGeneration: 3, ...healthy },
        conditions: [{ type: 'DisruptionAllowed', status: 'False', reason: 'InsufficientPods' }],
      },
      true,
    ],
  ])('believes one %s as far as it may: %j', (_what, status, isCurrent) => {
    expect(budgetOf(status)?.isCurrent).toBe(isCurrent);
  });

  it('selects nothing where it says nothing, and everything where its selector is empty', () => {
    expect(projectBudget({ metadata, spec: {} })?.selector).toBeNull();
    expect(budgetOf({})?.selector).toEqual({ matchLabels: {}, matchExpressions: [] });
  });
});

describe('the projection of a deployment', () => {
  const surgeOf = (strategy: object | undefined) =>
    projectDeployment({ metadata, spec: { replicas: 2, ...(strategy === undefined ? {} : { strategy }) } })?.canSurge;

  it.each<[string, object | undefined, boolean]>([
    ['nothing said', undefined, true],
    ['a share', { type: 'RollingUpdate', rollingUpdate: { maxSurge: '1%' } }, true],
    ['a pod', { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } }, true],
    ['no pod', { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0 } }, false],
    ['no share', { type: 'RollingUpdate', rollingUpdate: { maxSurge: '0%' } }, false],
    ['Recreate', { type: 'Recreate' }, false],
    ['Recreate with what is left of another strategy', { type: 'Recreate', rollingUpdate: null }, false],
  ])('takes one more where its strategy has room: %s', (_what, strategy, canSurge) => {
    expect(surgeOf(strategy)).toBe(canSurge);
  });

  it('is in progress unless its controller gave up', () => {
    const progressing = (status: string) =>
      projectDeployment({ metadata, spec: {}, status: { conditions: [{ type: 'Progressing', status }] } });
    expect([progressing('True')?.isProgressing, progressing('False')?.isProgressing]).toEqual([true, false]);
  });
});

describe('the projection of a pod', () => {
  it('sees what keeps it from being replaced', () => {
    const volumes = (volume: object) => podOf({ volumes: [{ name: 'config', configMap: {} }, volume] })?.localData;
    expect([volumes({ emptyDir: {} }), volumes({ hostPath: { path: '/x' } }), volumes({ ephemeral: {} })]).toEqual([
      ...['emptyDir', 'hostPath', 'ephemeral'],
    ]);
    expect(volumes({ persistentVolumeClaim: { claimName: 'c' } })).toBeNull();
    expect(podOf({ hostNetwork: true })?.isHostNetwork).toBe(true);
    const mirror = { annotations: { 'kubernetes.io/config.mirror': 'x', 'testudo.io/a': 'b' } };
    expect(podOf({}, {}, mirror)).toMatchObject({ isMirror: true, annotations: { 'testudo.io/a': 'b' } });
    expect(podOf({}, {}, { deletionTimestamp: '2027-01-01T00:00:09Z' })?.isDeleting).toBe(true);
    const target = (status: string) => podOf({}, { conditions: [{ type: 'DisruptionTarget', status }] })?.isDisrupted;
    expect([target('True'), target('False')]).toEqual([true, false]);
  });

  it('is ready since it became so, and not at all where the kubelet does not say it', () => {
    const ready = (status: string) =>
      podOf(
        {},
        { phase: 'Running', conditions: [{ type: 'Ready', status, lastTransitionTime: '2027-01-01T00:01:00Z' }] },
      );
    expect(ready('True')).toMatchObject({ isReady: true, readySinceMs: Date.UTC(2027, 0, 1, 0, 1) });
    for (const status of ['False', 'Unknown'])
      expect(ready(status)).toMatchObject({ isReady: false, readySinceMs: null });
    expect(podOf({})).toMatchObject({ isReady: false, phase: '' });
  });

  it('knows its controller from others above it', () => {
    const owner = (uid: string, controller?: boolean) => ({
      ...{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: uid, uid },
      ...(controller === undefined ? {} : { controller }),
    });
    expect(podOf({}, {}, { ownerReferences: [owner('a'), owner('b', false), owner('c', true)] })?.owner?.uid).toBe('c');
    expect(podOf({}, {}, { ownerReferences: [owner('a')] })?.owner).toBeNull();
  });
});

it('takes nothing for an object that is none: it is undefined, and nobody acts on it', () => {
  const all = [projectPod, projectBudget, projectDeployment, projectReplicaSet, projectStatefulSet, projectNode];
  const broken = fc.record(
    { metadata: fc.anything(), spec: fc.anything(), status: fc.anything() },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.oneof(fc.anything(), broken), (candidate) => {
      for (const project of all) expect(project(candidate)).toBeUndefined();
    }),
  );
  for (const name of ['uid', 'name', 'resourceVersion', 'creationTimestamp']) {
    for (const project of all) {
      const lacking = { metadata: { ...metadata, [name]: undefined }, spec: { containers: [] }, status: {} };
      expect(project(lacking), name).toBeUndefined();
    }
  }
});
