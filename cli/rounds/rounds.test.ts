import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { blobFile } from '../../coordinator/testing/blob-file.ts';
import { track } from '../../coordinator/testing/federation.ts';
import type { Digest, RoundId } from '../../proto/ids.ts';
import { CommandLine } from '../testing/command-line.ts';

const policy = `
aggregation: { f: 0, before: [], rule: { kind: krum } }
rounds: { goal: { kind: share, ofEnrolled: 1 }, overSelection: 1, quorum: { kind: count, updates: 3 }, collectForMs: 60000 }
optimiser: { kind: momentum }
keepInputs: { rounds: 3, hours: 24 }
`;

/** Two rounds in which three clusters took part over mutual TLS. */
async function afterTwoRounds(): Promise<CommandLine> {
  const line = await CommandLine.start({ policy });
  const { federation } = line;
  const candidates = () => federation.coordinator.engine.state().tracks.get(track)?.models.length ?? 0;
  const members = await federation.round(['a', 'b', 'c']);
  for (const [at, round] of ['r-1', 'r-2'].entries()) {
    if (at > 0) await federation.openRound();
    for (const member of members) {
      await member.invitationTo(round);
      unwrap(await member.submit(new Float32Array(1000).fill(0.01 * (at + 1))));
    }
    await federation.until(() => candidates() === at + 2);
  }
  return line;
}

type Replayed = Readonly<{
  same: boolean;
  updateCount: number;
  candidate: Readonly<{ recorded: string; recomputed: string }>;
}>;

describe('testudo rounds replay', () => {
  it('says that the candidate is the same to the bit; ends with a refusal when it is not', async () => {
    const line = await afterTwoRounds();
    const { engine } = line.federation.coordinator;
    const replayed = await line.json<Replayed>('rounds', 'replay', 'syscall', 'r-2', '--reason', 'audit of November');
    const digest = engine.state().tracks.get(track)?.models[2]?.digest;
    expect(replayed).toMatchObject({ same: true, updateCount: 3, candidate: { recorded: digest, recomputed: digest } });

    const moments = engine.state().tracks.get(track)?.models[1]?.optimiserState as Digest;
    const path = blobFile(line.federation.config.dataDirectory, moments);
    const bytes = readFileSync(path);
    bytes[2] = (bytes[2] as number) ^ 0x40;
    writeFileSync(path, bytes);
    const differs = await line.run('rounds', 'replay', 'syscall', 'r-2', '--reason', 'again');
    expect(differs).toMatchObject({ code: 1, out: expect.stringContaining('ANOTHER candidate') });

    const unknown = await line.run('rounds', 'replay', 'syscall', 'r-9', '--reason', 'x');
    expect(unknown).toMatchObject({ code: 1, error: expect.stringContaining('ROUND_NOT_FOUND') });
    const entries = unwrap(await engine.audit(1, 10_000)).filter(({ event }) => event.kind === 'replayStarted');
    expect(entries.map(({ actor, event }) => [actor.kind, (event as { reason?: string }).reason])).toEqual([
      ['operator', 'audit of November'],
      ['operator', 'again'],
    ]);
  });
});

describe('testudo tracks head', () => {
  it('lets the next round start from an earlier version, and says what a round that runs is worth', async () => {
    const line = await afterTwoRounds();
    const { federation } = line;
    const { engine } = federation.coordinator;
    const head = () => engine.state().tracks.get(track)?.headVersion;

    const missing = await line.run('tracks', 'head', 'syscall', '9', '--reason', 'x');
    expect(missing).toMatchObject({ code: 1, error: expect.stringContaining('the nearest to 9 is 2') });
    const tried = await line.run('tracks', 'head', 'syscall', '1', '--reason', 'version 2 is poisoned', '--dry-run');
    expect(tried.out).toContain('would start from version 1, before from 2');
    expect(head()).toBe(2);

    await federation.openRound();
    const moved = await line.run('tracks', 'head', 'syscall', '1', '--reason', 'version 2 is poisoned');
    expect(moved).toMatchObject({ code: 0, out: expect.stringMatching(/starts from version 1.*\n.*r-3 runs/) });
    expect(head()).toBe(1);
    const cancelled = await line.run('rounds', 'cancel', 'syscall', 'r-3', '--reason', 'it started from version 2');
    expect(cancelled.code).toBe(0);
    const cancelledRound = () =>
      engine
        .state()
        .tracks.get(track)
        ?.rounds.get('r-3' as RoundId);
    await federation.until(() => cancelledRound()?.pending.length === 0); // Its key is destroyed, too.
    const why = await line.run('rounds', 'show', 'syscall', 'r-3');
    expect(why.out).toMatch(/^why +it started from version 2$/m);
    expect(await line.run('rounds', 'show', 'syscall', '3')).toEqual(why); // A number is that round.
    expect(await line.run('rounds', 'show', 'syscall', '3', '--provenance')).toMatchObject({
      code: 1,
      out: '',
      error: 'PROVENANCE_ABSENT: r-3 of syscall: it gave no candidate\n',
    });
    const provenance = await line.run('rounds', 'show', 'syscall', '2', '--provenance');
    expect(JSON.parse(provenance.out)).toMatchObject({ round: 'r-2' });
    const reopened = await federation.openRound();
    expect(
      engine
        .state()
        .tracks.get(track)
        ?.rounds.get(reopened as never)?.phase,
    ).toMatchObject({
      base: { version: 1 },
    });
  });
});

describe('testudo rounds plan', () => {
  it('warns where clusters that say nothing would stop every round; no reason carries what a terminal obeys', async () => {
    const line = await CommandLine.start({
      policy: 'aggregation: { f: 2 }\nrounds: { collectForMs: 60000 }\nschedule: { cron: "0 3 * * *" }\n',
    });
    const planned = await line.run('rounds', 'plan');
    expect(planned).toMatchObject({
      code: 0,
      error: expect.stringContaining('warning: syscall: f = 2 clusters that say'),
    });
    expect(planned.error).toContain('0 are enrolled and 7 updates are needed; enrol 9 or lower f');
    expect(planned.error).toContain('syscall now: 0 connected, 7 needed, and no round can start');
    const forPrograms = await line.run('rounds', 'plan', '--json');
    expect(JSON.parse(forPrograms.out.split('\n')[0] ?? '')).toMatchObject({
      track: 'syscall',
      opens: true,
      now: { connectedCount: 0, needed: 7, missing: [], schedule: '0 3 * * * UTC' },
    });
    const painted = await line.run('rounds', 'open', 'syscall', '--reason', '\u001b[2Jall is well');
    expect(painted).toMatchObject({ code: 1, error: expect.stringContaining('none of them control') });
    expect(painted.error).not.toContain('\u001b');
  });

  it('says of a track that nothing opens rounds of it, to people and to programs, or that none falls into that time', async () => {
    const line = await CommandLine.start({ policy: 'aggregation: { f: 2 }\n' });
    const planned = await line.run('rounds', 'plan');
    expect(planned).toMatchObject({ code: 0, out: '' });
    expect(planned.error).toContain('syscall: it has no schedule, so that no round opens by itself');
    const { out } = await line.run('rounds', 'plan', '--json');
    expect(
      out
        .trimEnd()
        .split('\n')
        .map((text) => JSON.parse(text)),
    ).toEqual([
      { track: 'syscall', atMs: 0, heldBecause: '', opens: false, now: expect.objectContaining({ schedule: '' }) },
    ]);

    expect(planned.error).not.toContain('freeze');
    await line.run('freeze', 'syscall', '--until', '36h', '-r', 'release week');
    expect((await line.run('rounds', 'plan')).error).toMatch(
      /^syscall: freeze f-\w{12} lets no round open from .+ until .+, by hand neither \(release week\)$/m,
    );
    const opened = await line.run('rounds', 'open', 'syscall', '-r', 'now');
    expect(opened).toMatchObject({ code: 1, error: expect.stringMatching(/^FROZEN: /) });

    const rare = await CommandLine.start({ policy: 'aggregation: { f: 2 }\nschedule: { cron: "0 3 29 2 *" }\n' });
    const within = await rare.run('rounds', 'plan');
    expect(within.error).toContain('syscall: its schedule (0 3 29 2 * UTC) opens no round within 1 day');
    const [text = ''] = (await rare.run('rounds', 'plan', 'syscall', '--json')).out.split('\n');
    expect(JSON.parse(text)).toMatchObject({ opens: false, now: { schedule: '0 3 29 2 * UTC' } });
  });
});
