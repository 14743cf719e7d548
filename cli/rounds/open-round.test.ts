import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { track } from '../../coordinator/testing/federation.ts';
import { CommandLine } from '../testing/command-line.ts';
import { holdToSchema } from '../testing/held-to-schema.ts';

const policy = `
aggregation: { f: 0, before: [], rule: { kind: krum } }
rounds: { goal: { kind: count, updates: 3 }, quorum: { kind: count, updates: 3 }, recruitForMs: 1000, collectForMs: 600000 }
`;

/** A way to the coordinator that can be cut. `said(n)`: so many pieces more have come over it; `asked`: somebody tried it while it was cut. */
async function lineTo(coordinator: string) {
  const open = new Set<Socket>();
  let isCut = false;
  const asked = Promise.withResolvers<void>();
  let pieces = 0;
  let heard = () => {};
  const server = createServer((near) => {
    open.add(near.on('error', () => near.destroy()));
    if (isCut) {
      near.destroy();
      return asked.resolve();
    }
    const far = connect(Number(coordinator.split(':').at(-1)), '127.0.0.1');
    open.add(far.on('error', () => near.destroy()));
    near.on('data', () => {
      pieces += 1;
      heard();
    });
    near.pipe(far).pipe(near);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const cut = (is: boolean) => {
    isCut = is;
    if (is) for (const socket of open) socket.destroy();
  };
  const said = (more: number) =>
    new Promise<void>((resolve) => {
      const goal = pieces + more;
      heard = () => pieces >= goal && resolve();
    });
  onTestFinished(() => {
    cut(true);
    server.close();
  });
  return { address: `127.0.0.1:${(server.address() as { port: number }).port}`, cut, said, asked: asked.promise };
}

describe('testudo rounds open', { timeout: 600_000 }, () => {
  it('waits on for the end while nobody answers, and says once what it says of its credentials', async () => {
    const line = await CommandLine.start({ policy, settings: ['certificates.operatorDays=6'] });
    const { federation } = line;
    const members = await Promise.all(['a', 'b', 'c'].map((name) => federation.enrol(name)));
    for (const member of members) await member.watch([track]);
    const way = await lineTo(federation.coordinator.addresses.federation);
    const words = ['rounds', 'open', 'syscall', '--wait', '--address', way.address, '--reason', 'try'];
    const waiting = line.offline(...words, '--credentials', line.credentials('admin'));
    for (const member of members) await member.invitationTo('r-1');
    await way.said(8); // It was told of its round, and asks for the end twice a second.
    way.cut(true);
    await way.asked;
    way.cut(false);
    for (const member of members) unwrap(await member.submit(new Float32Array(1000).fill(0.01)));
    const done = await waiting;
    expect(done).toMatchObject({ code: 0, out: 'r-1 of syscall is open\nr-1 of syscall: candidate\n' });
    expect(done.error).toMatch(/^warning: .*\n3 connected, 3 needed\nGRPC_UNAVAILABLE: .*; waiting on\n$/);
  });

  it('says who is connected and who is missed, waits for the end, and ends with 1 when there is no model', async () => {
    const line = await CommandLine.start({ policy });
    const { federation } = line;
    const members = await Promise.all(['a', 'b', 'c', 'd'].map((name) => federation.enrol(name)));
    const alone = await line.run('rounds', 'open', 'syscall', '--wait', '--json', '--reason', 'nobody is there');
    expect(alone.code, alone.error).toBe(1);
    expect(JSON.parse(alone.out)).toMatchObject({
      round: 'r-1',
      connected: [],
      missing: ['a', 'b', 'c', 'd'],
      needed: 3,
      phase: 'abandoned',
      abandonedBecause: 'COHORT_TOO_SMALL',
      why: '0 clusters were connected by the deadline; 3 updates are the quorum',
      candidate: null,
    });
    holdToSchema(['rounds', 'open'], alone.out);

    for (const member of members.slice(0, 3)) await member.watch([track]);
    const waiting = line.run('rounds', 'open', 'syscall', '--wait', '--reason', 'try');
    for (const member of members.slice(0, 3)) {
      await member.invitationTo('r-2');
      unwrap(await member.submit(new Float32Array(1000).fill(0.01)));
    }
    const done = await waiting;
    expect(done.error).toBe('3 connected, 3 needed; missed: d\n');
    expect(done).toMatchObject({ code: 0, out: 'r-2 of syscall is open\nr-2 of syscall: candidate\n' });

    const shown = await line.run('rounds', 'show', 'syscall', '1');
    expect(shown.out).toMatch(/^why +0 clusters were connected by the deadline; 3 updates are the quorum$/m);

    const ours = await line.run(
      'audit',
      'list',
      '--who',
      'admin',
      '--kind',
      'roundScheduled',
      '--about',
      'r-2',
      '--json',
    );
    expect(JSON.parse(ours.out)).toMatchObject({
      kind: 'roundScheduled',
      eventJson: expect.stringContaining('"round":"r-2"'),
    });
    expect(await line.run('audit', 'list', '--kind', 'roundSchedulde')).toMatchObject({
      code: 0,
      error: expect.stringContaining('--kind roundSchedulde: no such kind is known here; did you mean roundScheduled?'),
    });
    const newest = (await line.run('audit', 'list', '--rows', '5', '--json')).out.trimEnd().split('\n');
    const sequences = newest.map((entry) => JSON.parse(entry).sequence as number);
    expect(sequences).toEqual(Array.from({ length: 5 }, (_, at) => (sequences[0] as number) - at));
  });
});
