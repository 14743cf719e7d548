import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { makeLog } from '../../../base/log.ts';
import { runTestudo } from '../../../cli/testing/command-line.ts';
import { apply, budgetOf } from '../../../tools/testing/kube/agent-account.ts';
import { Kubectl } from '../../../tools/testing/kube/kubectl.ts';
import { enforcing, quarantineGround } from '../../../tools/testing/kube/quarantine-ground.ts';
import { loadDataKey } from '../../storage/data-key.ts';
import { startAgent } from '../agent.ts';
import { parseAgentConfig } from '../agent-config.ts';
import { openEvidence, verifyChain } from '../evidence/chain.ts';
import { giveOrder } from './orders.ts';

type Page = Readonly<{
  leader: string | null;
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
    const { agent, config, untilPage } = await agentOn(ground);

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

    const listed = await runTestudo('quarantine', 'list', '--address', `127.0.0.1:${agent.port}`);
    expect(listed.out).toMatch(
      new RegExp(`IN QUARANTINE .*\\n${ground.namespace}/${name} +${uid} .* isolated +sha256:`),
    );
    // Beside it one that does not lead, which knows of no pod: it says so, and who leads.
    const idle = await agentOn(ground, 'two');
    await idle.untilPage(({ leader }) => leader === 'one');
    const asked = await runTestudo('quarantine', 'list', '--address', `127.0.0.1:${idle.agent.port}`);
    expect(asked.out).toContain('THIS AGENT DOES NOT LEAD and knows of no pod; one does: ask that one');
    expect(asked.out).not.toContain('none is in quarantine');
    await idle.agent.close();
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

  it('asks where the policy says so, and does it once it is approved; says who still lets something through', async () => {
    const ground = await quarantineGround(
      kubectl,
      enforcing({ rules: [{ namespace: 'elsewhere', level: 'enforce' }], level: 'ask' }),
    );
    const [suspect] = await ground.ready(3);
    if (suspect === undefined) throw new Error('no pod');
    const { name, uid } = suspect.metadata;
    const dns = { podSelector: {}, policyTypes: ['Egress'], egress: [{ ports: [{ port: 53, protocol: 'UDP' }] }] };
    await apply(kubectl, [
      {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'NetworkPolicy',
        metadata: { name: 'dns', namespace: ground.namespace },
        spec: dns,
      },
    ]);
    const { agent, config, untilPage } = await agentOn(ground);
    await ground.alert(name, ['syscall', 'flow'], '\u001b[2J\u202e$(reboot)\n{{ .Values.secret }}');
    await untilPage(({ suspects }) => suspects[0]?.state === 'waits');
    const address = `127.0.0.1:${agent.port}`;
    const waits = await runTestudo('quarantine', 'list', '--address', address);
    expect(waits.out).toContain(`testudo quarantine approve ${uid}`);
    const asJson = await runTestudo('quarantine', 'list', '--address', address, '--json');
    expect(JSON.parse(asJson.out)).toMatchObject({ suspects: [{ uid, state: 'waits' }] });
    expect((await ground.podOf(name))?.metadata.labels.app).toBe('web');

    const approve = ['quarantine', 'approve', uid, '--data-dir', config.dataDirectory, '--reason', 'looked at it'];
    expect(await runTestudo(...approve)).toMatchObject({ code: 0 });
    const { quarantined } = await untilPage((page) => page.quarantined.some(({ verdict }) => verdict !== null));
    expect(quarantined).toMatchObject([{ uid, verdict: 'partly: dns allows egress' }]);

    const shown = await runTestudo('evidence', 'show', '1', '--data-dir', config.dataDirectory);
    // What an intruder wrote is shown, and moves no terminal.
    expect(shown.out).toContain('$(reboot)');
    for (const character of ['\u001b', '\u202e']) expect(shown.out).not.toContain(character);
    const verified = await runTestudo(
      'evidence',
      'verify',
      '--data-dir',
      config.dataDirectory,
      '--anchor',
      quarantined[0]?.evidence ?? '',
    );
    expect(verified).toMatchObject({ code: 0, out: expect.stringContaining('2 record(s), whole and in order') });
  });

  it('asks disruption budgets first, and waits for room; who takes over meanwhile goes on with what is spent for it already', async () => {
    const ground = await quarantineGround(kubectl, enforcing());
    const [suspect] = await ground.ready(3);
    if (suspect === undefined) throw new Error('no pod');
    const { name, uid } = suspect.metadata;
    await apply(kubectl, [budgetOf('web', ground.namespace, { minAvailable: 3 })]);
    const { agent, untilPage } = await agentOn(ground);
    await ground.until(async () => {
      const { status } = await kubectl.json<{ status?: { currentHealthy?: number } }>([
        '-n',
        ground.namespace,
        'get',
        'pdb',
        'web',
      ]);
      return status?.currentHealthy === 3;
    });
    await ground.alert(name);
    const held = await untilPage(({ suspects }) => suspects[0]?.because.startsWith('BUDGET_NONE_LEFT') === true);
    expect(held.suspects).toMatchObject([{ uid, state: 'begun' }]);
    expect((await ground.podOf(name))?.metadata.labels.app).toBe('web');
    await agent.close();
    // Of this workload one an hour may be begun, and this was it.
    const next = await agentOn(ground, 'two');
    const taken = await next.untilPage(({ suspects }) => suspects[0]?.because.startsWith('BUDGET_NONE_LEFT') === true);
    expect(taken.suspects).toMatchObject([{ uid, state: 'begun' }]);
    await kubectl.run(['-n', ground.namespace, 'delete', 'pdb', 'web']);
    await next.untilPage(({ quarantined }) => quarantined.length === 1);
  });

  it('evicts a pod of a StatefulSet after evidence of it, and leaves alone what nobody would replace', async () => {
    // Three of six pods are flagged here, in three workloads: the breaker would take the model for the fault.
    const breaker = { withinMs: 3_600_000, workloadsMax: 10, podShareMax: 1 };
    const ground = await quarantineGround(kubectl, enforcing({ breaker }));
    const { namespace } = ground;
    const containers = [{ name: 'c', image: 'db:1' }];
    const labels = { app: 'db' };
    const set = {
      serviceName: 'db',
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers } },
    };
    const pod = (name: string, spec: object) => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace },
      spec: { containers, ...spec },
    });
    await apply(kubectl, [
      { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'db', namespace }, spec: set },
      pod('bare', {}),
      pod('on-the-node', { hostNetwork: true }),
    ]);
    const before = await ground.until(async () => {
      const found = await ground.podOf('db-0');
      return (
        found?.status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true && found
      );
    });
    const { config, untilPage } = await agentOn(ground);
    for (const name of ['bare', 'on-the-node', 'db-0']) await ground.alert(name);
    const page = await untilPage(({ suspects }) =>
      ['bare', 'on-the-node'].every((name) => suspects.some(({ pod }) => pod === name)),
    );
    const because = (name: string) => page.suspects.find(({ pod }) => pod === name)?.because;
    expect(because('bare')).toContain('nobody would replace it');
    expect(because('on-the-node')).toContain("on the node's network");
    const after = await ground.until(async () => {
      const found = await ground.podOf('db-0');
      return found !== undefined && found.metadata.uid !== before.metadata.uid && found;
    });
    expect(after.metadata.labels.app).toBe('db');
    const { records } = await verifyChain(join(config.dataDirectory, 'evidence'));
    expect(records.map(({ head }) => head.subject.uid)).toEqual([before.metadata.uid]);
    // The alerts were of the pod that is gone: the one of its name is another.
    expect((await untilPage(({ suspects }) => suspects.every(({ pod }) => pod !== 'db-0'))).quarantined).toEqual([]);
  });

  it('takes a model that flags pod after pod for the fault, and does nothing until an operator resumes', async () => {
    const ground = await quarantineGround(kubectl, enforcing());
    const pods = await ground.ready(3);
    const { config, untilPage } = await agentOn(ground);
    for (const pod of pods) await ground.alert(pod.metadata.name, ['syscall']);
    const open = await untilPage(({ breaker }) => breaker !== null);
    expect(open.breaker).toMatchObject({ track: 'syscall', version: 3, why: expect.stringContaining('3 of 3 pods') });
    for (const pod of pods) await ground.alert(pod.metadata.name, ['flow']);
    const held = await untilPage(
      ({ suspects }) => suspects.length === 3 && suspects.every(({ state }) => state === 'held'),
    );
    expect(held.quarantined).toEqual([]);
    const resume = ['quarantine', 'resume', '--data-dir', config.dataDirectory, '--reason', 'the model is a good one'];
    expect(await runTestudo(...resume)).toMatchObject({ code: 0 });
    // From here on the budget of the workload holds: one an hour, however many are suspect.
    const after = await untilPage(({ quarantined }) => quarantined.length > 0);
    expect(after.breaker).toBeNull();
    const spent = await untilPage(({ suspects }) =>
      suspects.some(({ because }) => because.includes('of this workload in a hour')),
    );
    expect(spent.quarantined).toHaveLength(1);
  });

  it('a new leader with a folder of its own knows what others spent, and a breaker that they left open', async () => {
    const first = enforcing();
    const breaker = { ...first.breaker, workloadsMax: 5, podShareMax: 1 };
    const ground = await quarantineGround(kubectl, { ...first, breaker });
    const [one, other] = await ground.ready(3);
    if (one === undefined || other === undefined) throw new Error('no pods');
    const leader = await agentOn(ground, 'one');
    await ground.alert(one.metadata.name);
    await leader.untilPage(({ quarantined }) => quarantined.some(({ uid }) => uid === one.metadata.uid));
    await leader.agent.close();

    const next = await agentOn(ground, 'two');
    await ground.alert(other.metadata.name);
    const held = await next.untilPage(({ suspects }) =>
      suspects.some(({ uid, state }) => uid === other.metadata.uid && state !== 'quiet'),
    );
    expect(held.suspects.find(({ uid }) => uid === other.metadata.uid)).toMatchObject({
      state: 'held',
      because: expect.stringMatching(/^1 quarantine\(s\) of this workload in a hour are spent/),
    });
    // Every pod of three flagged: more than a share of nothing allows.
    await ground.sign({ ...first, breaker: { ...breaker, podShareMax: 0.000_001 } }, 2);
    for (const { metadata } of await ground.ready(3)) await ground.alert(metadata.name);
    const opened = await next.untilPage((page) => page.breaker !== null);
    await next.agent.close();
    const third = await agentOn(ground, 'three');
    // It hears the same alerts, and opens none of its own: the time is the other's.
    const found = await third.untilPage((page) => page.breaker !== null);
    expect(found.breaker).toEqual(opened.breaker);
  });
});
