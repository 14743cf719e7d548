import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { ok, type Result, refuse } from '../../base/fault.ts';

/** A pod's cgroup on this node: all of its containers are below it. */
export type PodCgroup = Readonly<{ uid: string; path: string; inode: bigint }>;

export type PodCgroupFaultCode = 'POD_UID_MALFORMED' | 'POD_NOT_HERE' | 'CGROUP_REFUSED';

const uidPattern = /^(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32})$/;
const classes = ['', 'burstable', 'besteffort'] as const;

/** Where the kubelet makes it, below the root: by its cgroupfs driver and by systemd's, for each class of service. */
export function placesOf(uid: string, parent: string): readonly string[] {
  const slice = uid.replaceAll('-', '_');
  return classes.flatMap((name) => [
    join(parent, 'kubepods', name, `pod${uid}`),
    name === ''
      ? join(parent, 'kubepods.slice', `kubepods-pod${slice}.slice`)
      : join(parent, 'kubepods.slice', `kubepods-${name}.slice`, `kubepods-${name}-pod${slice}.slice`),
  ]);
}

/**
 * Finds it by the pod's uid alone, which says where to look: nothing is searched, and nothing that a pod calls itself is read. A
 * symbolic link on the way is refused: no cgroup file system has one, so `root` would not be what it is taken for.
 */
export async function findPodCgroup(
  root: string,
  uid: string,
  parent: string,
): Promise<Result<PodCgroup, PodCgroupFaultCode>> {
  if (!uidPattern.test(uid)) return refuse('POD_UID_MALFORMED', "expected a pod's uid as the API server writes it");
  for (const place of placesOf(uid, parent)) {
    let path = root;
    let inode: bigint | undefined;
    for (const part of place.split('/')) {
      path = join(path, part);
      const found = await lstat(path, { bigint: true }).catch(() => undefined);
      if (found?.isSymbolicLink()) return refuse('CGROUP_REFUSED', `${path} is a symbolic link, so no cgroup`);
      if (!found?.isDirectory()) {
        inode = undefined;
        break;
      }
      inode = found.ino;
    }
    if (inode !== undefined) return ok({ uid, path, inode });
  }
  return refuse(
    'POD_NOT_HERE',
    `this node runs no pod ${uid}, or its kubelet has its cgroups elsewhere (cgroups.parent)`,
  );
}
