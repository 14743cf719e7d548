import { randomBytes } from 'node:crypto';
import type { Kubectl } from './kubectl.ts';

/** Makes so many volumes for whoever claims one first: nobody provisions any here. */
export async function makeVolumes(kubectl: Kubectl, count: number): Promise<void> {
  const mark = randomBytes(4).toString('hex');
  const items = Array.from({ length: count }, (_, at) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: `volume-${mark}-${at}` },
    spec: {
      accessModes: ['ReadWriteOnce'],
      capacity: { storage: '20Gi' },
      hostPath: { path: `/volume-${mark}-${at}` },
      persistentVolumeReclaimPolicy: 'Retain',
    },
  }));
  await kubectl.create(items);
}
