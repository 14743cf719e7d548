import { describe, expect, it, onTestFinished } from 'vitest';
import {
  agentAccount,
  apply,
  budgetOf,
  deploymentOf,
  statefulSetOf,
} from '../../../tools/testing/kube/agent-account.ts';
import { Kubectl } from '../../../tools/testing/kube/kubectl.ts';
import { apiCluster } from './api-cluster.ts';
import type { PodFact } from './facts.ts';
import { projectPod } from './project.ts';

/** What Kubernetes lets happen to whoever does not know better: the reasons behind what the agent leaves alone. */
describe('what a real control plane does that no agent may count on', () => {
  const kubectl = new Kubectl();
  const setUp = async () => {
    const account = await agentAccount(kubectl);
    const { namespace, send } = account;
    const run = (...args: string[]) => kubectl.run(['-n', namespace, ...args]);
    const podOf = async (name: string) =>
      projectPod(await kubectl.json(['-n', namespace, 'get', 'pod', name])) as PodFact;
    const pods = async () => {
      const { items } = await kubectl.json<{ items: unknown[] }>(['-n', namespace, 'get', 'pods']);
      return items.flatMap((item) => projectPod(item) ?? []);
    };
    const until = async <Value>(look: () => Promise<Value | undefined | false>): Promise<Value> => {
      for (;;) {
        const found = await look();
        if (found !== undefined && found !== false) return found;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };
    const ready = (count: number) =>
      until(async () => {
        const all = (await pods()).filter(({ isReady }) => isReady);
        return all.length >= count && all;
      });
    type Budget = { status?: { observedGeneration?: number; disruptionsAllowed: number; disruptedPods?: object } };
    const budget = async (name: string, isSo: (status: NonNullable<Budget['status']>) => boolean) =>
      until(async () => {
        const { status } = await kubectl.json<Budget>(['-n', namespace, 'get', 'pdb', name]);
        return status?.observedGeneration === 1 && isSo(status) && status;
      });
    return { ...account, run, podOf, pods, until, ready, budget, cluster: apiCluster(send(), () => true) };
  };

  it('evicts a pod that does not run yet, or is not ready, from under a budget that allows nothing', async () => {
    const { namespace, run, cluster, podOf, ready, budget } = await setUp();
    const spec = { containers: [{ name: 'c', image: 'web:1' }], nodeSelector: { nowhere: 'true' } };
    await apply(kubectl, [
      deploymentOf({ name: 'web', namespace, replicas: 2 }),
      { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'pending', namespace, labels: { app: 'web' } }, spec },
    ]);
    const [one, other] = (await ready(2)) as [PodFact, PodFact];
    const unready = { status: { conditions: [{ type: 'Ready', status: 'False' }] } };
    await run('patch', 'pod', one.name, '--subresource=status', '-p', JSON.stringify(unready));
    await apply(kubectl, [budgetOf('web', namespace, { minAvailable: 1 })]);
    await budget('web', ({ disruptionsAllowed }) => disruptionsAllowed === 0);
    const serving = await cluster.evictPod(other);
    expect(serving).toMatchObject({ ok: false, fault: { code: 'BUDGET_NONE_LEFT' } });
    expect(await cluster.evictPod(await podOf('pending'))).toMatchObject({ ok: true });
    expect(await cluster.evictPod(await podOf(one.name))).toMatchObject({ ok: true });
  });

  it('evicts the only pod of a workload without a budget', async () => {
    const { namespace, cluster, ready } = await setUp();
    await apply(kubectl, [deploymentOf({ name: 'web', namespace })]);
    const [pod] = (await ready(1)) as [PodFact];
    expect(await cluster.evictPod(pod)).toMatchObject({ ok: true });
  });

  it('lets a uid that is wrong use up a budget, and keeps that under the name of a pod that nobody evicted', async () => {
    const { namespace, cluster, ready, budget } = await setUp();
    await apply(kubectl, [
      statefulSetOf({ name: 'db', namespace, replicas: 2 }),
      budgetOf('db', namespace, { maxUnavailable: 1 }),
    ]);
    const [pod] = (await ready(2)) as [PodFact];
    await budget('db', ({ disruptionsAllowed }) => disruptionsAllowed === 1);
    const other = { ...pod, uid: '00000000-0000-0000-0000-000000000000' };
    expect(await cluster.evictPod(other)).toMatchObject({ ok: false, fault: { code: 'POD_CHANGED' } });
    const { disruptedPods } = await budget('db', ({ disruptionsAllowed }) => disruptionsAllowed === 0);
    expect(Object.keys(disruptedPods ?? {})).toEqual([pod.name]);
    expect(await cluster.evictPod(pod)).toMatchObject({ ok: false, fault: { code: 'BUDGET_NONE_LEFT' } });
    expect(await ready(2)).toHaveLength(2);
  });

  it('refuses an eviction in a namespace that ends, and says so apart from a right that is missing', async () => {
    const { namespace, cluster, ready, until } = await setUp();
    const ending = await kubectl.namespace();
    const rbac = 'rbac.authorization.k8s.io/v1';
    const name = `evicts-${namespace}`;
    // Rights of the namespace itself would go first.
    await apply(kubectl, [
      {
        ...{ apiVersion: rbac, kind: 'ClusterRole', metadata: { name } },
        rules: [{ apiGroups: [''], resources: ['pods/eviction'], verbs: ['create'] }],
      },
      {
        ...{ apiVersion: rbac, kind: 'ClusterRoleBinding', metadata: { name } },
        subjects: [{ kind: 'ServiceAccount', name: 'agent', namespace }],
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      },
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'stays', namespace: ending, finalizers: ['testudo.io/test'] },
        spec: { containers: [{ name: 'c', image: 'web:1' }] },
      },
      deploymentOf({ name: 'web', namespace }),
    ]);
    onTestFinished(async () => {
      await kubectl.run([
        '-n',
        ending,
        'patch',
        'pod',
        'stays',
        '--type=merge',
        '-p',
        '{"metadata":{"finalizers":null}}',
      ]);
      await kubectl.run(['delete', 'clusterrole,clusterrolebinding', name]);
    });
    const [pod] = (await ready(1)) as [PodFact];
    await kubectl.run(['delete', 'namespace', ending, '--wait=false']);
    const stays = projectPod(await kubectl.json(['-n', ending, 'get', 'pod', 'stays'])) as PodFact;
    // Admission hears of the end a moment later. Asked and not done: a pod that ended would end the test's point with it.
    const refusal = await until(async () => {
      const said = await cluster.evictPod(stays, { dryRun: true });
      return !said.ok && said.fault;
    });
    expect(refusal).toMatchObject({ code: 'NAMESPACE_TERMINATING' });
    expect(await cluster.evictPod(stays)).toMatchObject({ ok: false, fault: { code: 'NAMESPACE_TERMINATING' } });
    expect(await cluster.evictPod({ ...pod, namespace: 'default' }, { dryRun: true })).toMatchObject({
      fault: { code: 'POD_GONE' },
    });
  });

  it('stalls a StatefulSet whose pod was relabelled: the pod keeps the name, and no other can be made', async () => {
    const { namespace, run, cluster, ready, podOf, until } = await setUp();
    await apply(kubectl, [statefulSetOf({ name: 'db', namespace, replicas: 1 })]);
    const [pod] = (await ready(1)) as [PodFact];
    expect(await cluster.patchPod(pod, { labels: { app: null, 'testudo.io/quarantined': 'true' } })).toMatchObject({
      ok: true,
    });
    await until(async () => (await podOf('db-0')).owner === null);
    // Its controller has none left and asks for another, which nobody says: the name is taken.
    await until(async () => (await run('get', 'statefulset', 'db', '-o', 'jsonpath={.status.replicas}')) === '0');
    expect((await podOf('db-0')).uid).toBe(pod.uid);
  });

  it('tells a watch by label that a pod is gone whose label went, though it lives', async () => {
    const { namespace, run, cluster, ready, podOf, until } = await setUp();
    await apply(kubectl, [deploymentOf({ name: 'web', namespace })]);
    const [pod] = (await ready(1)) as [PodFact];
    const watch = (query: string) =>
      run(
        'get',
        '--raw',
        `/api/v1/namespaces/${namespace}/pods?watch=true&resourceVersion=${pod.resourceVersion}&${query}`,
      );
    await cluster.patchPod(pod, { labels: { app: null } });
    const types = (text: string) =>
      text
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as { type: string; object: { metadata: { uid: string } } })
        .filter(({ object }) => object.metadata.uid === pod.uid)
        .map(({ type }) => type);
    // A watch of a second may end before a busy server has said anything: silence is no answer.
    const heard = (query: string) =>
      until(async () => {
        const said = types(await watch(`timeoutSeconds=1&${query}`));
        return said.length > 0 && said;
      });
    expect(await heard('labelSelector=app%3Dweb')).toEqual(['DELETED']);
    expect(await heard('')).not.toContain('DELETED');
    expect((await podOf(pod.name)).uid).toBe(pod.uid);
  });

  it('keeps a token good that is bound to a pod without labels, until the pod itself is gone', async () => {
    const { namespace, run, cluster, ready, until } = await setUp();
    await apply(kubectl, [deploymentOf({ name: 'web', namespace })]);
    const [pod] = (await ready(1)) as [PodFact];
    const bound = ['--bound-object-kind=Pod', `--bound-object-name=${pod.name}`];
    const token = await run('create', 'token', 'default', ...bound);
    const isGood = async () => {
      const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token } };
      const said = await kubectl.run(['create', '-o', 'json', '-f', '-'], JSON.stringify(review));
      return (JSON.parse(said) as { status: { authenticated?: boolean } }).status.authenticated === true;
    };
    await cluster.patchPod(pod, { labels: { app: null, 'testudo.io/quarantined': 'true' } });
    expect(await isGood()).toBe(true);
    await run('delete', 'pod', pod.name, '--grace-period=0', '--force', '--wait=false');
    // Verdicts are kept for ten seconds.
    await until(async () => !(await isGood()));
  });
});
