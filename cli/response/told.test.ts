import { appendFile, cp, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { refuse, unwrap } from '../../base/fault.ts';
import { pause } from '../../base/pause.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { MovedTimers } from '../../base/testing/moved-timers.ts';
import { startClient } from '../../client/client.ts';
import { readClientConfig } from '../../client/config.ts';
import { parseAddress } from '../../client/link/address.ts';
import { type Evidence, EvidenceChain } from '../../client/response/evidence/chain.ts';
import { readReceipts, receiptFile } from '../../client/response/evidence/receipts.ts';
import { HubFollower } from '../../client/response/hearing/hub-follower.ts';
import type { HubSettings } from '../../client/response/hearing/hub-settings.ts';
import { type Breaker, closedBreaker, resumed } from '../../client/response/ladder/breaker.ts';
import { Quarantine } from '../../client/response/quarantine/quarantine.ts';
import { type ReportedBreaker, Teller } from '../../client/response/quarantine/teller.ts';
import { madeFacts, madePod } from '../../client/response/testing/made-facts.ts';
import { track } from '../../coordinator/testing/federation.ts';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { parseClusterId } from '../../proto/ids.ts';
import { alertLines, enforcing, quarantineFiles } from '../../tools/testing/kube/quarantine-ground.ts';
import { CommandLine, runTestudo } from '../testing/command-line.ts';

const log = pino({ level: 'silent' });
const north = parseClusterId('north');
const { signal } = new AbortController();
const dataKey = Buffer.alloc(32, 7);

const evidence = (number: number): Evidence => ({
  ...{ atMs: number, kind: 'quarantine', cluster: 'north', alerts: [] },
  subject: { namespace: 'shop', pod: `secret-pod-${number}`, uid: `uid-${number}` },
  content: { number },
});

/** A client that is a hub and a member, and what an agent needs to reach it. */
async function hubSettingsOf(line: CommandLine, folder: string): Promise<HubSettings> {
  const { addresses } = line.federation.coordinator;
  await writeFile(join(folder, 'north.token'), await line.federation.token('north'));
  for (const name of ['sensor', 'agent']) await writeFile(join(folder, name), name.padEnd(40, '-'));
  const config = {
    dataDirectory: 'north-data',
    coordinator: { addresses: [addresses.federation], enrolAddress: addresses.enrolment, reconnectSecondsMax: 0.2 },
    joinToken: { file: 'north.token' },
    tracks: [{ id: 'syscall', folder: 'syscall' }],
    sources: [],
    hub: {
      ...{ listen: '127.0.0.1:0', admissionListen: '127.0.0.1:0' },
      admission: { kind: 'file', path: 'sensor', agentPath: 'agent' },
    },
    health: { listen: null },
  };
  await writeFile(join(folder, 'north.yaml'), JSON.stringify(config));
  const client = unwrap(await startClient(unwrap(readClientConfig(join(folder, 'north.yaml'))), { log }));
  onTestFinished(() => client.close());
  await line.federation.until(({ clusters }) => clusters.has(north));
  const address = (port: number | undefined) => unwrap(parseAddress(`127.0.0.1:${port}`));
  return {
    ...{ address: address(client.hub?.ports.sensors), admissionAddress: address(client.hub?.ports.admission) },
    authorityFile: join(folder, 'north-data', 'hub', 'authority.pem'),
    ...{ tokenFile: join(folder, 'agent'), reconnectSecondsMax: 0.1 },
  };
}

async function hubOf(line: CommandLine, folder: string): Promise<HubFollower> {
  const there = Promise.withResolvers<void>();
  const follower = new HubFollower(
    await hubSettingsOf(line, folder),
    { name: 'agent-0', cluster: north },
    {
      ...{ timers: systemTimers, unit: Math.random, rootVersion: () => 0, onAlerts: () => undefined },
      onSet: async () => undefined,
      onState: (away) => (away === null ? there.resolve() : undefined),
    },
  );
  onTestFinished(() => follower.close());
  await there.promise;
  return follower;
}

it('the coordinator receipts where a chain of evidence ends, and hears of a breaker until somebody resumes', {
  timeout: 600_000,
}, async () => {
  const line = await CommandLine.start();
  const folder = tempDir();
  const hub = await hubOf(line, folder);
  const agent = join(folder, 'agent-data');
  const state = () => line.federation.coordinator.engine.state();
  const heads = () => (state().clusters.get(north)?.evidence ?? []).map(({ record }) => record);

  let breaker: Breaker = closedBreaker;
  let reported: ReportedBreaker | null = null;
  /** Tells what is there to tell, as an agent that has just started does. */
  const tell = async (chain: EvidenceChain, done: () => boolean) => {
    const told = Promise.withResolvers<void>();
    const teller = await Teller.open({
      ...{ timers: systemTimers, log, receiptFile: join(agent, receiptFile), calls: () => hub.responses },
      evidence: () => ({ end: chain.last, signer: chain.publicKey }),
      breaker: () => ({ breaker, reported }),
      onReported: async (now) => {
        reported = now;
        if (done()) told.resolve();
      },
    });
    const unfollow = line.federation.coordinator.engine.follow(() => done() && told.resolve());
    teller.wake();
    if (!done()) await told.promise;
    const isReceipted = async () =>
      (await readReceipts(join(agent, receiptFile))).some(({ receipt }) => receipt.digest === chain.last.digest);
    while (!(await isReceipted())) await pause(systemTimers, 10, signal);
    await teller.close();
    unfollow();
  };
  const verify = (...more: string[]) => runTestudo('evidence', 'verify', '-d', agent, ...more);

  const chain = await EvidenceChain.open(join(agent, 'evidence'), dataKey);
  await chain.append(evidence(1));
  await chain.append(evidence(2));
  await tell(chain, () => heads().length === 1);
  const last = await chain.append(evidence(3));
  const verified = await verify();
  expect(verified).toMatchObject({ code: 0, error: '' });
  expect(verified.out).toMatch(
    /^3 record\(s\), whole.*\n1 to 2 are receipted: .* at \d+; 3 to 3 are not receipted yet$/m,
  );
  await tell(chain, () => heads().length === 2);
  // An agent that lost its receipts asks again, and gets the same: nothing is journalled twice.
  await rm(join(agent, receiptFile));
  const again = await Teller.open({
    ...{ timers: systemTimers, log, receiptFile: join(agent, receiptFile), calls: () => hub.responses },
    ...{ evidence: () => ({ end: chain.last, signer: chain.publicKey }), breaker: () => ({ breaker, reported }) },
    onReported: async () => undefined,
  });
  again.wake();
  while (!(await verify()).out.includes('1 to 3 are receipted')) await pause(systemTimers, 10, signal);
  await again.close();
  expect(heads()).toEqual([2, 3]);

  // Nothing of what was found leaves the cluster: a name of a pod stands in no entry.
  const audit = await line.run(
    'audit',
    'list',
    '--kind',
    'evidenceJournaled',
    '--about',
    'north',
    '--rows',
    '100000',
    '--json',
  );
  expect(audit.out.trim().split('\n')).toHaveLength(2);
  expect(audit.out).toContain(last);
  expect(audit.out).not.toContain('secret-pod');
  const journal = join(folder, 'journal.jsonl');
  await writeFile(journal, audit.out);

  // Taken away with everything that names it but the coordinator's journal.
  await rename(join(agent, 'evidence'), join(folder, 'taken'));
  expect(await verify()).toMatchObject({ code: 1, error: expect.stringContaining('EVIDENCE_MISSING') });
  const fresh = await EvidenceChain.open(join(agent, 'evidence'), dataKey);
  await fresh.append(evidence(1));
  expect(await verify()).toMatchObject({ code: 1, error: expect.stringContaining('record 3 stands in the journal') });
  await rm(join(agent, receiptFile));
  expect(await verify()).toMatchObject({ code: 0 });
  expect(await verify('--journal', journal)).toMatchObject({
    code: 1,
    error: expect.stringMatching(/record 3 stands in the journal[\s\S]*record 2 stands in the journal/),
  });
  // Written anew under its own key, and shorter: the journal knows it otherwise.
  await rm(join(agent, 'evidence'), { recursive: true });
  await mkdir(join(agent, 'evidence'));
  await cp(join(folder, 'taken', 'evidence.key'), join(agent, 'evidence', 'evidence.key'));
  const forged = await EvidenceChain.open(join(agent, 'evidence'), dataKey);
  await forged.append(evidence(9));
  const asked = await hub.responses?.journalEvidence(
    { signer: Buffer.from(forged.publicKey), record: 1n, digest: forged.last.digest ?? '' },
    signal,
  );
  expect(asked).toMatchObject({ ok: false, fault: { code: 'EVIDENCE_CONFLICT' } });
  // No key, or one that anybody can sign for: no chain can be its.
  for (const signer of [Buffer.alloc(31), Buffer.alloc(32), Buffer.from(`01${'00'.repeat(31)}`, 'hex')]) {
    const refused = await hub.responses?.journalEvidence(
      { signer, record: 1n, digest: forged.last.digest ?? '' },
      signal,
    );
    expect(refused).toMatchObject({ ok: false, fault: { code: 'KEY_INVALID' } });
  }
  expect(heads()).toEqual([2, 3]);
  await rm(join(agent, 'evidence'), { recursive: true });
  await rename(join(folder, 'taken'), join(agent, 'evidence'));
  expect(await verify('--journal', journal)).toMatchObject({ code: 0 });

  const counts = { flaggedPods: 6, pods: 8, workloads: 4, withinMs: 600_000 };
  breaker = { ...closedBreaker, open: { track, version: 0, atMs: Date.now(), why: 'too many', counts } };
  await tell(chain, () => reported !== null);
  const shown = await line.run('releases', 'show', `${track}@0`);
  expect(shown.out).toMatch(/BREAKER OPEN IN[^\n]*\nnorth +6 of 8 pods +4 /);
  expect((await line.run('status')).out).toContain('BREAKER_OPEN');
  breaker = resumed(breaker, Date.now());
  await tell(chain, () => reported === null);
  expect((await line.run('releases', 'show', `${track}@0`)).out).not.toContain('BREAKER OPEN IN');
});

it('the coordinator hears how the agent stands: in counts, and with names where the cluster agreed', {
  timeout: 600_000,
}, async () => {
  const line = await CommandLine.start();
  const folder = tempDir();
  const settings = await hubSettingsOf(line, folder);
  const files = await quarantineFiles(folder, enforcing({ level: 'ask' }));
  const pod = madePod('web-1', { uid: '0b6f2c1e-5d1b-4c0e-9a44-1f7f6f0d2a11', createdAtMs: Date.now() - 3_600_000 });
  const facts = madeFacts({ pods: [pod, madePod('web-2')] });
  const alert = (text: string) => appendFile(files.alerts, alertLines('shop', 'web-1', ['syscall', 'flow'], text));
  const { responses } = line.federation.coordinator.engine;

  /** An agent's quarantine over the hub, and how to wait until the coordinator was told something of it. */
  const agentThatShares = async (share: 'counts' | 'names') => {
    const timers = new MovedTimers();
    const dataDirectory = join(folder, `agent-${share}`);
    let state: unknown;
    const step = () => {
      state = quarantine.part.step(state, facts, timers.now()).state;
    };
    const quarantine = new Quarantine({
      config: { cluster: north, cap: 'ask', share, releases: files.releases, alerts: [files.alerts] },
      ...{ hub: { settings, name: 'agent-0' }, dataDirectory, timers, log, leads: () => true, leader: () => 'agent-0' },
      shared: { seen: () => undefined, keep: async () => ({ ok: true, value: undefined }) },
      send: async () => refuse('KUBE_UNREACHABLE', 'no API server here'),
      ...{ wake: () => undefined, onCounts: () => undefined, onHub: () => undefined, rotation: () => undefined },
    });
    state = quarantine.part.first;
    onTestFinished(() => quarantine.close());
    unwrap(await quarantine.open());
    const until = async (holds: (told: NonNullable<ReturnType<typeof responses.of>>['quarantine']) => boolean) => {
      for (;;) {
        step();
        const told = responses.of(north)?.quarantine;
        if (told !== undefined && holds(told)) return told;
        // Ten times as fast as it is: what is told goes out each ten seconds, and alerts must not be forgotten before it has.
        timers.pass(100);
        await pause(systemTimers, 10, signal);
      }
    };
    return { quarantine, dataDirectory, until };
  };

  await alert('web-1 did what it never did');
  const counting = await agentThatShares('counts');
  const counted = await counting.until(({ waitsCount }) => waitsCount === 1);
  expect(counted).toMatchObject({ cap: 'ask', policyFault: '', sharesNames: false, proposals: [] });
  await counting.quarantine.close();
  expect((await line.run('status')).out).toContain('QUARANTINE_WAITS');

  const { quarantine, dataDirectory, until } = await agentThatShares('names');
  const waits = await until(({ sharesNames, waitsCount }) => sharesNames && waitsCount === 1);
  const named = { uid: pod.uid, namespace: 'shop', pod: 'web-1', workload: 'web', action: 'isolate', outcome: '' };
  expect(waits.proposals).toMatchObject([named]);
  const decline = ['quarantine', 'decline', pod.uid, '-d', dataDirectory, '-r', 'a load test'];
  expect(await runTestudo(...decline)).toMatchObject({ code: 0 });
  const declined = await until(({ waitsCount }) => waitsCount === 0);
  const decided = { pod: 'web-1', outcome: 'declined', decidedBy: userInfo().username, reason: 'a load test' };
  expect(declined).toMatchObject({ quietCount: 1, proposals: [decided] });
  expect(quarantine.page().suspects).toMatchObject([{ because: expect.stringMatching(/^0 of 2 .* declined it$/) }]);
  // Later alerts ask anew.
  await alert('and again');
  expect(await until(({ waitsCount }) => waitsCount === 1)).toMatchObject({ proposals: [named, decided] });
  // What was found stays where it was found.
  expect(JSON.stringify(responses.of(north))).not.toContain('never did');
});
