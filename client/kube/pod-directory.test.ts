import { expect, it } from 'vitest';
import { SimulatedTimers } from '../../base/simulation/simulated-timers.ts';
import { projectPod } from './pod.ts';
import { PodDirectory } from './pod-directory.ts';

const locked = { runAsNonRoot: true, allowPrivilegeEscalation: false, readOnlyRootFilesystem: true };

function pod(name: string, spec: object, securityContext: object = locked) {
  const projected = projectPod({
    metadata: {
      ...{ uid: `uid-${name}`, name, namespace: 'shop' },
      ownerReferences: [{ kind: 'StatefulSet', name: 'db', controller: true }],
    },
    spec: { containers: [{ name: 'c', securityContext }], ...spec },
  });
  if (projected === undefined) throw new Error('it is a pod');
  return projected;
}

it('calls the runs of a CronJob one workload, and a Job by its own name', () => {
  const workloadOf = (kind: string, owner: string) =>
    projectPod({
      metadata: { uid: 'u', name: 'p', namespace: 'shop', ownerReferences: [{ kind, name: owner, controller: true }] },
      spec: {},
    })?.workload;
  expect([workloadOf('Job', 'backup-29384700'), workloadOf('Job', 'backup-1763082000')]).toEqual(['backup', 'backup']);
  expect([workloadOf('Job', 'migrate-2026'), workloadOf('StatefulSet', 'db-29384700')]).toEqual([
    'migrate-2026',
    'db-29384700',
  ]);
  // By hand: dates, with hours too, and numbers that are no time of a run.
  for (const name of ['migrate-20261201', 'migrate-2026120118', 'migrate-123456789', 'migrate-12345678', 'n-00000000'])
    expect(workloadOf('Job', name)).toBe(name);
});

it('says what any pod of a workload is exposed by, for as long as it is found, and nothing of others', async () => {
  const timers = new SimulatedTimers();
  const directory = new PodDirectory(10, timers);
  expect(directory.exposedBy('shop', 'db')).toBeUndefined();
  directory.put(pod('db-0', {}));
  expect(directory.exposedBy('shop', 'db')).toEqual([]);
  directory.put(pod('db-1', { hostPID: true }, { ...locked, privileged: true }));
  expect(directory.exposedBy('shop', 'db')).toEqual(['PRIVILEGED', 'HOST_PID']);
  expect(directory.exposedBy('other', 'db')).toBeUndefined();
  // The same pod once more, then gone: its flows are told for a while after it.
  directory.put(pod('db-1', { hostPID: true }));
  expect(directory.exposedBy('shop', 'db')).toEqual(['HOST_PID']);
  directory.remove('uid-db-1');
  expect(directory.exposedBy('shop', 'db')).toEqual(['HOST_PID']);
  await timers.advance(61_000);
  directory.put(pod('db-0', {}));
  expect(directory.exposedBy('shop', 'db')).toEqual([]);
  directory.replace([]);
  await timers.advance(61_000);
  directory.put(pod('web-0', {}));
  directory.remove('uid-web-0');
  await timers.advance(61_000);
  directory.replace([]);
  directory.remove('uid-nobody');
  expect(directory.counts.known).toBe(0);
});
