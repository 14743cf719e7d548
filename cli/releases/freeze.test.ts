import { describe, expect, it } from 'vitest';
import { operator, track } from '../../coordinator/testing/federation.ts';
import { CommandLine } from '../testing/command-line.ts';

type Frozen = Readonly<{ freezeId: string; sequence: number }>;

describe('testudo freeze', () => {
  it('holds rounds until its end or until it is lifted; a dry run says so and holds nothing', async () => {
    const line = await CommandLine.start();
    const { engine } = line.federation.coordinator;

    const tried = await line.run('freeze', 'syscall', '--until', '2d', '--reason', 'release week', '--dry-run');
    expect(tried).toMatchObject({ code: 0, out: expect.stringContaining('dry run, nothing was changed') });
    expect(engine.state().freezes.size).toBe(0);

    const frozen = await line.json<Frozen>('freeze', 'syscall', '--until', '2d', '--reason', 'release week');
    const [freeze] = engine.state().freezes.values();
    expect(freeze).toMatchObject({
      freezeId: frozen.freezeId,
      tracks: [track],
      setBy: 'admin',
      reason: 'release week',
    });
    const listed = await line.run('freezes');
    expect(listed.out).toContain('release week');

    const opened = await line.run('rounds', 'open', 'syscall', '--reason', 'now');
    expect(opened).toMatchObject({ code: 1, error: expect.stringMatching(new RegExp(`FROZEN.*${frozen.freezeId}`)) });

    const later = await line.run('freeze', '--from', '1d', '--until', '2d', '--reason', 'fair');
    expect(later.out).toMatch(/^every track will be frozen from \S+Z until \S+Z \(freeze /);
    await line.run('unfreeze', /freeze (f-\w+)/.exec(later.out)?.[1] ?? '', '--reason', 'no fair');

    const wrong = await line.run('unfreeze', 'f-000000000000', '--reason', 'over');
    expect(wrong).toMatchObject({ code: 1, error: expect.stringContaining(`there are: ${frozen.freezeId}`) });
    const lifted = await line.run('unfreeze', frozen.freezeId, '--reason', 'over');
    expect(lifted).toMatchObject({ code: 0, out: expect.stringContaining('it was for: release week') });
    expect(await engine.openRound(operator, { track, reason: 'now' })).toMatchObject({ ok: true });
  });

  it('says which rounds it holds back, however many would open before it begins, and that a plan tells no more', async () => {
    const line = await CommandLine.start({ policy: 'aggregation: { f: 0 }\nschedule: { cron: "* * * * *" }\n' });
    for (const name of ['a', 'b', 'c']) await line.federation.enrol(name);
    const later = ['freeze', '--from', '30d', '--until', '31d', '--reason', 'fair', '--dry-run'];
    expect((await line.run(...later)).out).toMatch(/frozen from .*\nrounds that wait, .*\nTRACK +AT\nsyscall +20\d\d-/);
    expect((await line.run('rounds', 'plan', '--days', '7')).error).toContain('no more than 1000 rounds of all tracks');
    expect((await line.run('rounds', 'plan', '--days', '0.1')).error).not.toContain('no more than');
  });

  it('is refused with the legal range: unknown track, end in the past, too long, no reason, too low a role', async () => {
    const line = await CommandLine.start();
    await line.hire('vera', 'viewer');
    const cases: [readonly string[], number, RegExp][] = [
      [['freeze', 'sycall', '--until', '1d', '--reason', 'x'], 1, /TRACK_NOT_FOUND.*did you mean syscall/],
      [['freeze', '--until', '2020-01-01T00:00Z', '--reason', 'x'], 1, /FREEZE_INVALID.*after now/],
      [['freeze', '--until', '60w', '--reason', 'x'], 1, /FREEZE_INVALID.*366 days/],
      [['freeze', '--until', 'tomorrow', '--reason', 'x'], 2, /USAGE.*36h/],
      [['freeze', '--until', '1d'], 2, /--reason/],
    ];
    for (const [words, code, message] of cases) {
      expect(await line.run(...words), words.join(' ')).toMatchObject({ code, error: expect.stringMatching(message) });
    }
    const refused = await line.runAs('vera', 'freeze', '--until', '1d', '--reason', 'x');
    expect(refused).toMatchObject({ code: 1, error: expect.stringContaining('ROLE_INSUFFICIENT') });
    expect(line.federation.coordinator.engine.state().freezes.size).toBe(0);
  });
});
