import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { holdToSchema } from '../../../cli/testing/held-to-schema.ts';
import {
  agentAccount,
  apply,
  budgetOf,
  deploymentOf,
  serviceOf,
  statefulSetOf,
} from '../../../tools/testing/kube/agent-account.ts';
import { Kubectl } from '../../../tools/testing/kube/kubectl.ts';
import { agentInside } from '../../../tools/testing/kube/start-agent.ts';
import { EndpointWatch } from '../../../tools/testing/kube/watch-endpoints.ts';
import type { RotationPage } from '../rotation-view.ts';

/** Pods are due within six seconds here, and a replacement may take as long: on a busy machine it takes more than one. */
const fast = [
  ...['rotation.mode=rotate', 'rotation.maxLifetimeMinutes=0.2', 'rotation.replacementSecondsMax=6'],
  ...['rotation.settleSeconds=0'],
];

describe('rotation on a real API server', () => {
  const kubectl = new Kubectl();
  const setUp = async () => {
    const account = await agentAccount(kubectl);
    const { namespace } = account;
    const names = async (app: string) => {
      const { items } = await kubectl.json<{ items: { metadata: { uid: string } }[] }>([
        '-n',
        namespace,
        'get',
        'pods',
        '-l',
        `app=${app}`,
      ]);
      return items.map(({ metadata }) => metadata.uid);
    };
    const until = async (holds: () => Promise<boolean>) => {
      while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 50));
    };
    const endpoints = new EndpointWatch(account.kubernetes, namespace);
    onTestFinished(() => endpoints.close());
    await endpoints.synced;
    return { ...account, account, names, until, endpoints };
  };

  it('replaces the only pod of a Service whose budget asks for one, and never leaves it without', async () => {
    const { account, namespace, names, until, endpoints } = await setUp();
    await apply(kubectl, [
      deploymentOf({ name: 'web', namespace }),
      serviceOf('web', namespace),
      budgetOf('web', namespace, { minAvailable: 1 }),
    ]);
    await until(async () => endpoints.ready('web') === 1);
    endpoints.hold('web', 1);
    const seen = new Set(await names('web'));
    const { agent } = await agentInside(account, 'agent', fast);
    await until(async () => {
      for (const uid of await names('web')) seen.add(uid);
      return seen.size >= 6;
    });
    await agent.close();
    expect(endpoints.least('web')).toBe(1);
    expect(endpoints.samples).toBeGreaterThanOrEqual(10);
    const audit = (await readFile(join(kubectl.address.folder, 'audit.log'), 'utf8')).split('\n');
    const mine = audit.filter((line) => line.includes(`system:serviceaccount:${namespace}:agent`));
    const acts = mine.filter((line) => /"verb":"(?:patch|create)"/.test(line) && line.includes('"resource":"pods"'));
    // Five rotations at least: a release and an eviction each, and at most one try that a budget refused.
    expect(acts.length / (seen.size - 1)).toBeLessThanOrEqual(3);
  });

  it('evicts from a StatefulSet and waits for the replacement, one at a time', async () => {
    const { account, namespace, names, until, endpoints } = await setUp();
    await apply(kubectl, [
      statefulSetOf({ name: 'db', namespace, replicas: 3 }),
      serviceOf('db', namespace),
      budgetOf('db', namespace, { maxUnavailable: 1 }),
    ]);
    await until(async () => endpoints.ready('db') === 3);
    endpoints.hold('db', 2);
    const seen = new Set(await names('db'));
    const { agent } = await agentInside(account, 'agent', fast);
    await until(async () => {
      for (const uid of await names('db')) seen.add(uid);
      return seen.size >= 6;
    });
    await agent.close();
    expect(endpoints.least('db')).toBe(2);
  });

  it('leaves alone what nobody would replace and what its budget keeps, and says why', async () => {
    const { account, namespace, names, until } = await setUp();
    const bare = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'bare', namespace, labels: { app: 'bare' } } };
    const containers = [{ name: 'c', image: 'bare:1' }];
    await apply(kubectl, [
      { ...bare, spec: { automountServiceAccountToken: false, containers } },
      deploymentOf({ name: 'local', namespace, volumes: [{ name: 'v', emptyDir: {} }] }),
      deploymentOf({ name: 'alone', namespace, strategy: { type: 'Recreate' } }),
      deploymentOf({ name: 'kept', namespace, replicas: 2, strategy: { type: 'Recreate' } }),
      budgetOf('kept', namespace, { minAvailable: 2 }),
      deploymentOf({ name: 'two', namespace }),
      budgetOf('two', namespace, { minAvailable: 0 }),
      { ...budgetOf('two', namespace, { minAvailable: 0 }), metadata: { name: 'second', namespace } },
    ]);
    const apps = ['bare', 'local', 'alone', 'kept', 'two'];
    const all = async () => (await Promise.all(apps.map(names))).flat().sort();
    await until(async () => (await all()).length === 6);
    const before = await all();
    const { page } = await agentInside(account, 'agent', fast);
    const reasons = async () => {
      const { pods } = await page<RotationPage>('/rotation');
      return new Map(pods.map(({ pod, reason }) => [/\/([a-z]+)/.exec(pod)?.[1], reason]));
    };
    // As `testudo agent pods --json` prints it.
    holdToSchema(['agent', 'pods', '--json'], JSON.stringify(await page<RotationPage>('/rotation')));
    const expected = { bare: 'KIND', local: 'LOCAL_DATA', alone: 'FLOOR', kept: 'PDB_NONE_LEFT', two: 'PDB_MULTIPLE' };
    await until(async () => {
      const now = Object.fromEntries(await reasons());
      return Object.entries(expected).every(([app, reason]) => now[app] === reason);
    });
    expect(await all()).toEqual(before);
  });
});
