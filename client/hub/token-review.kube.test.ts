import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Kubectl } from '../../tools/testing/kube/kubectl.ts';
import { reviewToken } from './token-review.ts';

describe('reviewToken, asked of a real API server', () => {
  const kubectl = new Kubectl();
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'testudo-review-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** A namespace with the hub's account, which may have tokens reviewed, and a sensor's pod on a node. */
  async function prepared() {
    const namespace = await kubectl.namespace();
    const within = (...args: string[]) => kubectl.run(['-n', namespace, ...args]);
    for (const account of ['client', 'sensor', 'other']) await within('create', 'serviceaccount', account);
    const role = `reviewer-${namespace}`;
    await kubectl.run([
      'create',
      'clusterrole',
      role,
      '--verb=create',
      '--resource=tokenreviews.authentication.k8s.io',
    ]);
    await kubectl.run([
      'create',
      'clusterrolebinding',
      role,
      `--clusterrole=${role}`,
      `--serviceaccount=${namespace}:client`,
    ]);
    for (const account of ['sensor', 'other']) {
      const spec = { serviceAccountName: account, containers: [{ name: 'c', image: 'sensor:1' }] };
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: account }, spec };
      await kubectl.run(['-n', namespace, 'create', '-f', '-'], JSON.stringify(pod));
      await within('wait', '--for=condition=Ready', `pod/${account}`, '--timeout=10m');
    }
    const tokenFile = join(folder, namespace);
    await writeFile(tokenFile, await within('create', 'token', 'client'));
    const by = {
      kind: 'tokenReview',
      audience: 'testudo-hub',
      serviceAccount: `${namespace}/sensor`,
      apiServer: new URL(kubectl.address.url).host,
      tokenFile,
      authorityFile: join(kubectl.address.folder, 'pki', 'ca.crt'),
    } as const;
    const token = async (account: string, ...more: string[]) =>
      (await within('create', 'token', account, ...more)).trim();
    const bound = (pod: string) => ['--bound-object-kind=Pod', `--bound-object-name=${pod}`];
    const node = await within('get', 'pod', 'sensor', '-o', 'jsonpath={.spec.nodeName}');
    return { by, token, bound, node, within };
  }

  it("takes the sensor's own token for the node of its pod, and no other token", async () => {
    const { by, token, bound, node } = await prepared();
    const ours = '--audience=testudo-hub';
    const own = await token('sensor', ours, ...bound('sensor'));
    expect(node).toMatch(/^node-\d$/);
    expect(await reviewToken(by, own)).toEqual({ ok: true, value: { kind: 'sensor', name: node } });
    for (const [why, wrong, said] of [
      ['another audience', await token('sensor', '--audience=elsewhere', ...bound('sensor')), 'does not know'],
      ["the API server's audience", await token('sensor', ...bound('sensor')), 'does not know'],
      ['another account', await token('other', ours, ...bound('other')), 'sensors run as'],
      ['no pod', await token('sensor', ours), 'bound to no pod'],
      ['a spoilt signature', `${own.slice(0, -8)}AAAAAAAA`, 'does not know'],
    ] as const) {
      expect(await reviewToken(by, wrong), why).toMatchObject({
        ok: false,
        fault: { code: 'TOKEN_UNKNOWN', message: expect.stringContaining(said) },
      });
    }
  });

  it('says which right is missing where the client may not ask', async () => {
    const { by, token, bound, within } = await prepared();
    await writeFile(by.tokenFile, await within('create', 'token', 'other'));
    const refused = await reviewToken(by, await token('sensor', '--audience=testudo-hub', ...bound('sensor')));
    const message = expect.stringContaining('answered 403 to a TokenReview; the client needs the right');
    expect(refused).toMatchObject({ ok: false, fault: { code: 'REVIEW_FAILED', message } });
  });
});
