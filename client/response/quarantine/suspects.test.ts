import { describe, expect, it } from 'vitest';
import { releaseOf } from '../rotation/marks.ts';
import { sighting } from '../simulation/sightings.ts';
import { madeAtMs, madeFacts, madePod, madeSet } from '../testing/made-facts.ts';
import { suspectsOf } from './suspects.ts';

const atMs = madeAtMs + 60_000;
const of = (pod: ReturnType<typeof madePod>) => {
  const seen = sighting({ namespace: pod.namespace, pod: pod.name, workload: 'said', track: 'flow', id: 'a-1', atMs });
  return suspectsOf([seen], madeFacts({ pods: [pod] }), atMs)[0]?.how;
};
const ownedBy = (kind: string) => ({ owner: { apiVersion: 'any/v1', kind, name: 'x', uid: 'x' } });

describe('suspectsOf', () => {
  it('isolates what a ReplicaSet replaces, and evicts from a StatefulSet, which a relabelled pod would stall', () => {
    expect(of(madePod('a'))).toEqual({ kind: 'isolate' });
    expect(of(madePod('db-0', ownedBy('StatefulSet')))).toEqual({ kind: 'evict' });
  });

  it('isolates what rotation released of a ReplicaSet, by the name of its Deployment: another one takes its place already', () => {
    const set = madeSet();
    const { labels, annotations } = releaseOf({ uid: 'uid-a' }, set, 'deployment-web', 'h1', atMs);
    const marks = {
      ...{ labels: { ...labels } as Record<string, string>, annotations: { ...annotations } as Record<string, string> },
    };
    const pod = madePod('a', { owner: null, ...marks });
    expect(of(pod)).toEqual({ kind: 'isolate' });
    const seen = sighting({ namespace: 'shop', pod: 'a', workload: 'said', track: 'flow', id: 'a-1', atMs });
    expect(suspectsOf([seen], madeFacts({ pods: [pod] }), atMs)).toMatchObject([{ workload: 'web' }]);
    const others = [{ isDeleting: true }, { namespace: 'other' }, { uid: 'another' }, { owner: null }];
    for (const other of others) {
      const facts = madeFacts({ pods: [pod], replicaSets: [madeSet(other)] });
      expect(suspectsOf([seen], facts, atMs)).toMatchObject([{ how: { kind: 'nothing' } }]);
    }
  });

  it.each([
    ["a DaemonSet's pod", ownedBy('DaemonSet'), "a DaemonSet's pod is not replaced elsewhere"],
    ["a Job's pod", ownedBy('Job'), "a Job's pod is not replaced elsewhere"],
    ['a pod of an owner that nobody knows', ownedBy('Rollout'), "a Rollout's pod is not replaced elsewhere"],
    ['a bare pod', { owner: null }, 'nobody would replace it: it has no controller'],
    ['a mirror pod', { isMirror: true }, 'the kubelet runs it from a file: the API cannot touch it'],
    [
      "a pod on the node's network",
      { isHostNetwork: true },
      "it is on the node's network: no policy holds it; drain the node",
    ],
  ])('leaves alone %s, and says why', (_what, more, because) => {
    expect(of(madePod('a', more))).toEqual({ kind: 'nothing', because });
  });
});
