import { describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { track } from '../../coordinator/testing/federation.ts';
import { CommandLine } from '../testing/command-line.ts';
import { holdToSchema } from '../testing/held-to-schema.ts';

const policy = `
aggregation: { f: 0, before: [], rule: { kind: krum } }
rounds: { goal: { kind: count, updates: 3 }, quorum: { kind: count, updates: 3 }, recruitForMs: 1000, collectForMs: 600000 }
`;

describe('testudo rounds open', { timeout: 600_000 }, () => {
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
