import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { ok, unwrap } from '../../base/fault.ts';
import { makeLog } from '../../base/log.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { askHelper, helperAccess } from '../../client/capture/ask.ts';
import type { Captured } from '../../client/capture/capture.ts';
import { startHelper } from '../../client/capture/helper.ts';
import { parseHelperConfig } from '../../client/capture/helper-config.ts';
import { testAuthority } from '../../client/capture/testing/helper-files.ts';
import type { Send } from '../../client/response/cluster/send.ts';
import { openEvidence, verifyChain } from '../../client/response/evidence/chain.ts';
import { Desk } from '../../client/response/quarantine/desk.ts';
import { nodeCopy } from '../../client/response/quarantine/node-copy.ts';
import { madePod } from '../../client/response/testing/made-facts.ts';
import { pauseWhileRunning, startMember } from '../../lab/rig/member.ts';
import { cgroupRoot, podLike } from './testing/pod-like.ts';

const testudo = fileURLToPath(new URL('../../cli/testudo.ts', import.meta.url));

/** Thousands of files, a name that writes to a terminal, a socket, a secret, and a line said again and again. */
const intruder = [
  'use IO::Socket::INET; $| = 1; my $secret = "never-" . "written-to-disk";',
  'my @open; for (1 .. 2000) { open(my $f, "<", "/usr/bin/env"); push @open, $f }',
  'my $s = IO::Socket::INET->new(Listen => 1, LocalAddr => "0.0.0.0", LocalPort => 4711);',
  '$0 = "evil\\n\\e[2Jname"; if (!fork) { while (1) { select(undef, undef, undef, 0.05) } }',
  'while (1) { print "here $secret\\n"; select(undef, undef, undef, 0.02) }',
].join(' ');

describe('the node helper and containers of crun', () => {
  let folder: string;
  let cgroups: Awaited<ReturnType<typeof cgroupRoot>>;
  let settings: string[];
  let access: Parameters<typeof askHelper>[0];
  let stranger: Parameters<typeof askHelper>[0];
  let sensor: Parameters<typeof askHelper>[0];
  const parent = `testudo-test-${process.pid}`;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'testudo-node-helper-'));
    cgroups = await cgroupRoot();
    const ours = await testAuthority(folder, 'ours');
    const theirs = await testAuthority(folder, 'theirs');
    const { authorityFile } = ours;
    const own = await ours.files('testudo-node-helper', 'server');
    settings = [
      ...[`dataDirectory=${join(folder, 'data')}`, 'listen=127.0.0.1:0', `authorityFile=${authorityFile}`],
      ...[`certificateFile=${own.certificateFile}`, `keyFile=${own.keyFile}`, 'memoryBytesMax=4000000'],
      ...[`cgroups.root=${cgroups.root}`, `cgroups.parent=${parent}`],
    ];
    const asked = { authorityFile, memoryBytes: 0 };
    access = helperAccess.parse({ ...asked, ...(await ours.files('testudo-agent', 'client')) });
    stranger = helperAccess.parse({ ...asked, ...(await theirs.files('testudo-agent', 'client')) });
    sensor = helperAccess.parse({ ...asked, ...(await ours.files('testudo-sensor', 'client')) });
  });
  afterAll(async () => {
    await cgroups.close();
    await rm(folder, { recursive: true, force: true });
  });

  const helper = async () => {
    const started = unwrap(
      await startHelper(unwrap(parseHelperConfig({ settings })), { log: makeLog('silent'), timers: systemTimers }),
    );
    onTestFinished(() => started.close());
    const ask = (path: '/capture' | '/thaw', question: object, as = access) =>
      askHelper({ ...as, port: started.port }, '127.0.0.1', path, question, systemTimers);
    return { started, ask };
  };
  const pod = async (program = intruder) => {
    const one = await podLike(cgroups.root, parent, program);
    onTestFinished(() => one.remove());
    await one.says(3);
    return one;
  };
  const until = async (holds: () => Promise<boolean>) => {
    while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10));
  };

  it('makes a pod stand still, copies what its processes are within bounds, and lets it go on when it is asked to', async () => {
    const [{ ask }, one] = [await helper(), await pod()];
    const request = { uid: one.uid, holdMs: 120_000, memoryBytes: 4_000_000 };
    const captured = unwrap(await ask('/capture', request)) as unknown as Captured;
    expect(await one.isFrozen()).toBe(true);
    expect(captured).toMatchObject({ uid: one.uid, isFrozenByUs: true, count: 2, changed: 0, isCut: false });
    const [main] = captured.processes.toSorted((a, b) => b.fdCount - a.fdCount);
    const digest = createHash('sha256')
      .update(await readFile('/usr/bin/perl'))
      .digest('hex');
    expect(main?.executable).toMatchObject({ path: '/usr/bin/perl', digest: `sha256:${digest}` });
    expect([main?.fds.length, (main?.fdCount ?? 0) > 2_000, main?.uid]).toEqual([1_024, true, '65534']);
    expect(main?.command).toMatch(/^evil\\x0a\\x1b\[2Jname/);
    expect(main?.maps).toContain('[heap]');
    const tcp = captured.sockets.filter(({ protocol }) => protocol === 'tcp').map(({ line }) => line);
    expect(tcp.some((line) => line.includes(`00000000:${(4711).toString(16).toUpperCase()}`))).toBe(true);
    const memory = captured.memory.pieces.map(({ bytes }) => Buffer.from(bytes, 'base64').toString('latin1')).join('');
    expect(memory).toContain('never-written-to-disk');
    expect(captured.memory.bytes).toBeLessThanOrEqual(4_000_000);
    expect(await ask('/thaw', { uid: one.uid })).toEqual({ ok: true, value: { thawed: true } });
    await until(async () => !(await one.isFrozen()));
    await one.says(3);
  });

  it('lets a pod go at its deadline, and freezes nothing for anybody but the agent', async () => {
    const [{ ask }, one] = [await helper(), await pod()];
    const request = { uid: one.uid, holdMs: 120_000, memoryBytes: 0 };
    expect(await ask('/capture', request, sensor)).toMatchObject({
      fault: { code: 'HELPER_REFUSED', message: expect.stringContaining('NOT_THE_AGENT') },
    });
    expect(await ask('/capture', request, stranger)).toMatchObject({ fault: { code: 'HELPER_UNREACHABLE' } });
    expect(await ask('/capture', { ...request, uid: '../..' })).toMatchObject({ fault: { code: 'HELPER_REFUSED' } });
    expect(await one.isFrozen()).toBe(false);
    const held = await ask('/capture', { ...request, holdMs: 100 });
    // A machine that is busy enough has let it go before it stood still.
    if (!held.ok) expect(held.fault.message).toContain('FREEZE_TIMED_OUT');
    await until(async () => !(await one.isFrozen()));
    await one.says(3);
  });

  it('survives that a process is killed or the container deleted while it is frozen', async () => {
    const [{ ask }, one] = [await helper(), await pod()];
    const request = { uid: one.uid, holdMs: 120_000, memoryBytes: 0 };
    const before = unwrap(await ask('/capture', request)) as unknown as Captured;
    const child = before.processes.toSorted((a, b) => b.pid - a.pid)[0]?.pid as number;
    process.kill(child, 'SIGKILL');
    await until(async () => {
      const now = unwrap(await ask('/capture', request)) as unknown as Captured;
      return now.processes.every(({ pid }) => pid !== child);
    });
    expect(await one.isFrozen()).toBe(true);
    await one.remove();
    expect(await ask('/thaw', { uid: one.uid })).toEqual({ ok: true, value: { thawed: true } });
    expect(await ask('/capture', request)).toMatchObject({
      fault: { message: expect.stringContaining('POD_NOT_HERE') },
    });
  });

  it('is killed with a pod frozen, at each step, and thaws it at its next start', async () => {
    const one = await pod();
    for (const step of ['freeze-written', 'frozen']) {
      const logFile = join(folder, `${step}.log`);
      const args = [testudo, 'node-helper', ...settings.flatMap((setting) => ['--set', setting])];
      const member = await startMember({ name: step, args, env: { TESTUDO_FAILPOINT: step }, logFile });
      onTestFinished(() => member.stop());
      let port: number | undefined;
      while (port === undefined) {
        port = /"port":(\d+)/.exec(await readFile(logFile, 'utf8'))?.[1] as number | undefined;
        if (port === undefined) await pauseWhileRunning([member], 20);
      }
      const question = { uid: one.uid, holdMs: 120_000, memoryBytes: 0 };
      await askHelper({ ...access, port: Number(port) }, '127.0.0.1', '/capture', question, systemTimers);
      await member.exited;
      if (step === 'frozen') await until(() => one.isFrozen());
      const { started } = await helper();
      await until(async () => !(await one.isFrozen()));
      await one.says(3);
      await started.close();
    }
  });

  it('puts what it copied into the sealed record of a quarantine, and lets go once the pod is isolated', async () => {
    const [{ started }, one] = [await helper(), await pod()];
    const dataDirectory = join(folder, 'agent');
    const dataKey = Buffer.alloc(32, 5);
    const fact = madePod('web-1', { uid: one.uid });
    const object = { metadata: { uid: one.uid, name: 'web-1' }, status: { hostIP: '127.0.0.1' } };
    // What an API server would say: the pod, and lists of nothing.
    const send: Send = async ({ path }) =>
      ok({
        status: 200,
        text: JSON.stringify({ items: path.includes('/pods?') ? [object] : [] }),
        retryAfterSeconds: null,
      });
    const desk = await Desk.open({
      ...{ dataDirectory, dataKey, cluster: 'eu-1', send, timers: systemTimers },
      orders: { done: async () => undefined },
      shared: { seen: () => undefined, keep: async () => ok(undefined) },
      nodeCopy: nodeCopy({ ...access, port: started.port, holdSeconds: 120 }, systemTimers),
    });
    const action = { kind: 'own', id: 'record/1', pod: fact, workload: 'web', sightings: [], because: {} } as const;
    expect(await desk.perform({ ...action, do: 'record' })).toMatchObject({ ok: true });
    expect(await one.isFrozen()).toBe(true);
    const { records, problems } = await verifyChain(join(dataDirectory, 'evidence'));
    expect(problems).toEqual([]);
    const content = unwrap(openEvidence(records[0] as never, dataKey)) as { node: Captured };
    expect(content.node).toMatchObject({ uid: one.uid, count: 2, isFrozenByUs: true });
    expect(JSON.stringify(content.node)).toContain('/usr/bin/perl');
    expect(await desk.perform({ kind: 'own', id: 'judge/1', do: 'judge', pod: fact })).toMatchObject({ ok: true });
    await until(async () => !(await one.isFrozen()));
    // Where no helper answers the record says so, and the quarantine goes on.
    await started.close();
    expect(await desk.perform({ ...action, do: 'record' })).toMatchObject({ ok: true });
    const again = await verifyChain(join(dataDirectory, 'evidence'));
    expect(unwrap(openEvidence(again.records.at(-1) as never, dataKey))).toMatchObject({
      node: { unavailable: expect.stringContaining('HELPER_UNREACHABLE') },
    });
  });
});
