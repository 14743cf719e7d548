import { describe, expect, it } from 'vitest';
import { agentAccount, apply, budgetOf, deploymentOf } from '../../../tools/testing/kube/agent-account.ts';
import { Kubectl } from '../../../tools/testing/kube/kubectl.ts';
import { apiCluster } from './api-cluster.ts';
import type { PodFact } from './facts.ts';
import { projectPod } from './project.ts';

/** What the design took from reading Kubernetes' sources, asked of a real API server with its controllers. */
describe('what the API server answers to what the agent does', () => {
  const kubectl = new Kubectl();
  const setUp = async () => {
    const account = await agentAccount(kubectl);
    const { namespace, send } = account;
    const pods = async (): Promise<PodFact[]> => {
      const { items } = await kubectl.json<{ items: unknown[] }>(['-n', namespace, 'get', 'pods']);
      return items.flatMap((item) => projectPod(item) ?? []);
    };
    const until = async (holds: (pods: PodFact[]) => boolean): Promise<PodFact[]> => {
      for (;;) {
        const found = await pods();
        if (holds(found)) return found;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    const ready = (count: number) => until((all) => all.filter(({ isReady }) => isReady).length >= count);
    /** Waits until so many disruptions are allowed: a budget is seen first, and its pods are counted a moment later. */
    const budget = async (name: string, allowed: number) => {
      type Budget = {
        metadata: { generation: number };
        status?: { observedGeneration?: number; disruptionsAllowed: number };
      };
      for (;;) {
        const { metadata, status } = await kubectl.json<Budget>(['-n', namespace, 'get', 'pdb', name]);
        if (status?.observedGeneration === metadata.generation && status.disruptionsAllowed === allowed) return;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    return { ...account, cluster: apiCluster(send(), () => true), pods, until, ready, budget };
  };

  it('makes one more before it takes one away: a label released, a replacement, and the budget agrees', async () => {
    const { namespace, cluster, ready, until, budget } = await setUp();
    await apply(kubectl, [deploymentOf({ name: 'web', namespace }), budgetOf('web', namespace, { minAvailable: 1 })]);
    const [before] = (await ready(1)) as [PodFact];
    await budget('web', 0);
    expect(await cluster.evictPod(before)).toMatchObject({
      ok: false,
      fault: { code: 'BUDGET_NONE_LEFT' },
      retryAfterMs: null,
    });
    const change = {
      labels: { 'pod-template-hash': null, 'testudo.io/rotating': 'r-1' },
      annotations: { 'testudo.io/x': '1' },
    };
    expect(await cluster.patchPod(before, change)).toMatchObject({ ok: true });
    expect(await cluster.patchPod(before, change)).toMatchObject({ ok: false, fault: { code: 'POD_CHANGED' } });
    const both = await ready(2);
    const released = both.find(({ uid }) => uid === before.uid) as PodFact;
    expect(released).toMatchObject({ owner: null, labels: { app: 'web', 'testudo.io/rotating': 'r-1' } });
    await kubectl.run([
      '-n',
      namespace,
      'wait',
      '--for=jsonpath={.status.disruptionsAllowed}=1',
      'pdb/web',
      '--timeout=10m',
    ]);
    expect(await cluster.evictPod(released, { dryRun: true })).toMatchObject({ ok: true });
    expect(await cluster.evictPod(released)).toMatchObject({ ok: true });
    await until((all) => all.every(({ uid }) => uid !== before.uid));
    expect(await cluster.evictPod(released)).toMatchObject({ ok: false, fault: { code: 'POD_GONE' } });
  });

  it('puts back what was released: the ReplicaSet adopts it again and removes the one too many, the unready first', async () => {
    const { namespace, cluster, ready, until } = await setUp();
    await apply(kubectl, [deploymentOf({ name: 'web', namespace })]);
    const [before] = (await ready(1)) as [PodFact];
    const hash = before.labels['pod-template-hash'] as string;
    // The quota refuses a replacement.
    await kubectl.run(['-n', namespace, 'create', 'quota', 'full', '--hard=pods=1']);
    await cluster.patchPod(before, { labels: { 'pod-template-hash': null } });
    const [released] = (await until(([pod]) => pod?.owner === null)) as [PodFact];
    await cluster.patchPod(released, { labels: { 'pod-template-hash': hash } });
    const after = await until(([pod]) => pod?.owner?.kind === 'ReplicaSet');
    expect(after.map(({ uid }) => uid)).toEqual([before.uid]);
  });

  it('refuses to evict another pod of the same name, two budgets, and what nobody may', async () => {
    const { namespace, cluster, ready, budget } = await setUp();
    const web = budgetOf('web', namespace, { maxUnavailable: 1 });
    await apply(kubectl, [deploymentOf({ name: 'web', namespace }), web]);
    const [pod] = (await ready(1)) as [PodFact];
    await budget('web', 1);
    // Of two budgets of one pod the controller counts only one anew when the pod becomes ready: the other comes after that.
    await apply(kubectl, [{ ...web, metadata: { name: 'second', namespace } }]);
    await budget('second', 1);
    expect(await cluster.evictPod(pod)).toMatchObject({ ok: false, fault: { code: 'BUDGET_MULTIPLE' } });
    await kubectl.run(['-n', namespace, 'delete', 'pdb', 'second']);
    const other = { ...pod, uid: '00000000-0000-0000-0000-000000000000' };
    expect(await cluster.evictPod(other)).toMatchObject({ ok: false, fault: { code: 'POD_CHANGED' } });
    expect(await cluster.patchPod(other, { labels: { a: 'b' } })).toMatchObject({
      ok: false,
      fault: { code: 'POD_CHANGED' },
    });
    await kubectl.run(['-n', namespace, 'delete', 'rolebinding', 'agent']);
    // The API server hears of it a moment later.
    const asked = async () => {
      const said = await cluster.evictPod(pod, { dryRun: true });
      return said.ok ? 'granted' : said.fault.code;
    };
    await expect.poll(asked).toBe('FORBIDDEN');
    const denied = await cluster.evictPod(pod);
    expect(denied).toMatchObject({ ok: false, fault: { code: 'FORBIDDEN' } });
    expect(!denied.ok && denied.fault.message).toContain('cannot create resource "pods/eviction"');
  });

  it('sends nothing once the lease is lost', async () => {
    const { namespace, send, ready } = await setUp();
    await apply(kubectl, [deploymentOf({ name: 'web', namespace })]);
    const [pod] = (await ready(1)) as [PodFact];
    const lost = apiCluster(send(), () => false);
    expect(await lost.evictPod(pod)).toMatchObject({ ok: false, fault: { code: 'NOT_LEADER' } });
    expect((await ready(1)).map(({ uid }) => uid)).toEqual([pod.uid]);
  });
});
