import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { makeLog } from '../../../base/log.ts';
import { Kubectl } from '../../../tools/testing/kube/kubectl.ts';
import { enforcing, quarantineGround } from '../../../tools/testing/kube/quarantine-ground.ts';
import { loadDataKey } from '../../storage/data-key.ts';
import { startAgent } from '../agent.ts';
import { parseAgentConfig } from '../agent-config.ts';
import { openEvidence, verifyChain } from '../evidence/chain.ts';
import { giveOrder } from './orders.ts';

type Page = Readonly<{
  breaker: object | null;
  suspects: readonly Readonly<{ uid: string; pod: string; state: string; because: string }>[];
  quarantined: readonly Readonly<{ uid: string; pod: string; verdict: string | null; evidence: string }>[];
}>;

describe('quarantine on a real control plane', { timeout: 600_000 }, () => {
  const kubectl = new Kubectl();

  async function agentOn(ground: Awaited<ReturnType<typeof quarantineGround>>, holder = 'one', cap?: string) {
    const config = unwrap(parseAgentConfig({ settings: ground.settings(holder, cap) }));
    const agent = unwrap(await startAgent(config, { log: makeLog('silent') }));
    onTestFinished(() => agent.close());
    const page = async () => (await (await fetch(`http://127.0.0.1:${agent.port}/quarantine`)).json()) as Page;
    const untilPage = (holds: (page: Page) => boolean) =>
      ground.until(async () => {
        const now = await page();
        return holds(now) && now;
      });
    return { agent, config, page, untilPage };
  }

  it('takes a suspect pod out of its Service and its ReplicaSet, with evidence, and evicts it when it is lifted', async () => {
    const ground = await quarantineGround(kubectl, enforcing());
    const [suspect] = await ground.ready(3);
    if (suspect === undefined) throw new Error('no pod');
    const { name, uid, labels } = suspect.metadata;
    const { config, untilPage } = await agentOn(ground);

    await ground.alert(name, ['syscall']);
    const alone = await untilPage(({ suspects }) => suspects.length > 0);
    expect(alone.suspects).toMatchObject([{ pod: name, state: 'quiet', because: '1 of 2 independent alerts' }]);
    await ground.alert(name, ['flow']);
    const { quarantined } = await untilPage((page) => page.quarantined.some(({ verdict }) => verdict !== null));
    expect(quarantined).toMatchObject([{ pod: name, uid, verdict: 'isolated' }]);

    const isolated = await ground.podOf(name);
    expect(isolated?.metadata.uid).toBe(uid);
    expect(isolated?.metadata.labels).toEqual({ 'testudo.io/quarantined': 'true' });
    expect(JSON.parse(isolated?.metadata.annotations?.['testudo.io/labels-before'] ?? '')).toEqual(labels);
    const replaced = await ground.ready(3);
    expect(replaced.map((pod) => pod.metadata.name)).not.toContain(name);
    await ground.until(async () => {
      const served = await ground.served();
      return served.length === 3 && !served.includes(suspect.status.podIP ?? '');
    });

    const evidence = isolated?.metadata.annotations?.['testudo.io/evidence'] ?? '';
    const folder = join(config.dataDirectory, 'evidence');
    const { records, problems } = await verifyChain(folder, { anchors: [evidence] });
    expect(problems).toEqual([]);
    expect(records.map(({ head }) => head.kind)).toEqual(['quarantine', 'outcome']);
    const dataKey = unwrap(await loadDataKey({ kind: 'beside' }, config.dataDirectory));
    const content = unwrap(openEvidence(records[0] as (typeof records)[0], dataKey));
    // What it was when it was taken, before anything was done to it.
    expect(content).toMatchObject({
      workload: 'web',
      pod: { metadata: { name, uid, labels }, spec: { containers: [{ image: 'web:1' }] } },
      owners: [{ metadata: { name: expect.stringMatching(/^web-/) } }],
      policies: [{ metadata: { name: 'testudo-quarantine' } }],
      alerts: [{ track: 'syscall', text: `${name} did what it never did` }, { track: 'flow' }],
    });

    await giveOrder(config.dataDirectory, { kind: 'lift', uid, by: 'ada', reason: 'seen', atMs: Date.now() });
    await ground.until(async () => (await ground.podOf(name)) === undefined);
    expect((await ground.ready(3)).map((pod) => pod.metadata.uid).sort()).toEqual(
      replaced.map((pod) => pod.metadata.uid).sort(),
    );
  });
});
