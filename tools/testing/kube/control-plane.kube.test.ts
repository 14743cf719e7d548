import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ControlPlane } from './control-plane.ts';
import { Kubectl } from './kubectl.ts';

const deployment = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: { containers: [{ name: 'c', image: 'web:1' }] },
    },
  },
};

describe('the control plane of the tests', () => {
  const kubectl = new Kubectl();

  it('runs what it is given: pods are scheduled and become ready', async () => {
    const namespace = await kubectl.namespace();
    await kubectl.run(['-n', namespace, 'create', '-f', '-'], JSON.stringify(deployment));
    await kubectl.run(['-n', namespace, 'rollout', 'status', 'deployment/web', '--timeout=10m']);
    const { items } = await kubectl.json<{ items: { spec: { nodeName: string } }[] }>(['-n', namespace, 'get', 'pods']);
    expect(new Set(items.map(({ spec }) => spec.nodeName)).size).toBe(2);
  });

  it('refuses fields that it does not know, and pods that Pod Security forbids', async () => {
    const namespace = await kubectl.namespace({ 'pod-security.kubernetes.io/enforce': 'restricted' });
    const unknown = JSON.stringify({ ...deployment, spec: { ...deployment.spec, replicaCount: 2 } });
    const strict = await kubectl.try('kubectl', ['-n', namespace, 'create', '--validate=strict', '-f', '-'], unknown);
    expect(strict).toMatchObject({ code: 1, error: expect.stringContaining('unknown field "spec.replicaCount"') });
    const bare = await kubectl.try('kubectl', ['-n', namespace, 'run', 'bare', '--image=web:1']);
    expect(bare).toMatchObject({ code: 1, error: expect.stringContaining('violates PodSecurity "restricted:latest"') });
  });

  it('is asked by tests themselves for what kubectl would print, and makes what kubectl would', async () => {
    const namespace = await kubectl.namespace();
    await kubectl.create([{ ...deployment, metadata: { name: 'web', namespace } }]);
    await kubectl.run(['-n', namespace, 'rollout', 'status', 'deployment/web', '--timeout=10m']);
    type Got = { items?: Got[]; metadata: { uid: string }; spec?: object; rules?: object };
    const lasting = ({ items, metadata, spec, rules }: Got): unknown =>
      items?.map(lasting) ?? { uid: metadata.uid, spec, rules };
    for (const words of ['pods -l app=web', 'pods -l app=db', 'deploy web', 'clusterrole admin', 'namespace default']) {
      const look = ['-n', namespace, 'get', ...words.split(' ')];
      const printed = JSON.parse(await kubectl.run([...look, '-o', 'json'])) as Got;
      expect(lasting(await kubectl.json<Got>(look)), words).toEqual(lasting(printed));
    }
    const spec = { ...deployment.spec, replicaCount: 2 };
    const unknown = kubectl.create([{ ...deployment, metadata: { name: 'other', namespace }, spec }]);
    await expect(unknown).rejects.toThrow(/unknown field .*spec\.replicaCount/);
    await expect(kubectl.json(['-n', namespace, 'get', 'pod', 'none'])).rejects.toThrow(/pods .*none.* not found/);
  });

  it('lets a service account do what its role says and nothing else, and writes down what it asked for', async () => {
    const namespace = await kubectl.namespace();
    await kubectl.run(['-n', namespace, 'create', 'serviceaccount', 'reader']);
    await kubectl.run(['-n', namespace, 'create', 'role', 'reader', '--verb=list', '--resource=pods']);
    const account = `${namespace}:reader`;
    await kubectl.run(['-n', namespace, 'create', 'rolebinding', 'r', '--role=reader', `--serviceaccount=${account}`]);
    const token = (await kubectl.run(['-n', namespace, 'create', 'token', 'reader'])).trim();
    const as = ['--server', kubectl.address.url, '--token', token, '-n', namespace];
    const authority = [
      '--certificate-authority',
      join(kubectl.address.folder, 'pki', 'ca.crt'),
      '--kubeconfig=/dev/null',
    ];
    // The API server hears of a role a moment after it was made.
    await expect.poll(async () => (await kubectl.try('kubectl', [...authority, ...as, 'get', 'pods'])).code).toBe(0);
    const denied = await kubectl.try('kubectl', [...authority, ...as, 'get', 'secrets']);
    expect(denied.error).toContain('cannot list resource "secrets"');
    const audit = await readFile(join(kubectl.address.folder, 'audit.log'), 'utf8');
    expect(audit).toMatch(new RegExp(`"username":"system:serviceaccount:${account}".*"code":403`));
  });

  it('comes back with everything it had after its API server was killed', async () => {
    const plane = await ControlPlane.start({ programs: kubectl.address.programs, parts: [] });
    try {
      const own = new Kubectl(plane.address);
      await own.run(['create', 'namespace', 'kept']);
      await plane.killApiServer();
      expect((await own.try('kubectl', ['get', 'namespace', 'kept'])).code).not.toBe(0);
      await plane.startApiServer();
      expect(await own.run(['get', 'namespace', 'kept', '-o', 'name'])).toBe('namespace/kept\n');
    } finally {
      await plane.stop();
    }
  });
});
