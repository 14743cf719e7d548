import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defaultPolicy } from '../../aggregation/policy.ts';
import { unwrap } from '../../base/fault.ts';
import { track } from '../../coordinator/testing/federation.ts';
import { jsonSchemas } from '../overview/wire-schemas.ts';
import { CommandLine } from '../testing/command-line.ts';
import { simulationText } from './simulate.ts';
import { simulateRecorded } from './simulate-recorded.ts';

const policy = `
aggregation: { f: 0, before: [], rule: { kind: krum } }
rounds: { goal: { kind: share, ofEnrolled: 1 }, overSelection: 1, quorum: { kind: count, updates: 3 }, collectForMs: 60000 }
keepInputs: { rounds: 1, hours: 1 }
`;

it('simulate says of a real round what attackers would get from it, for people and for programs', async () => {
  const line = await CommandLine.start({ policy });
  const { federation } = line;
  const members = await federation.round(['a', 'b', 'c']);
  for (const [at, member] of members.entries()) {
    await member.invitationTo('r-1');
    unwrap(await member.submit(new Float32Array(1000).fill(0.01 * (at + 1))));
  }
  const { engine } = federation.coordinator;
  await federation.until(() => engine.state().tracks.get(track)?.models.length === 2);
  const simulate = (...words: readonly string[]) => line.run('simulate', ...words, '-r', 'test');
  const wrong = await Promise.all([simulate('other'), simulate(track, '--liars', 'all')]);
  expect(wrong).toMatchObject([
    { code: 1, error: expect.stringContaining('TRACK_NOT_FOUND') },
    { code: 2, error: expect.stringContaining('--liars: 1 to 50') },
  ]);
  const { out: people, ...said } = await simulate(track, 'r-1');
  expect(said).toEqual({ code: 0, error: '' });
  expect(people).toMatch(
    /^r-1 of syscall: 3 updates of 1000 values, f 0, krum; tried in [0-9.]+ s\nThis round withstands /,
  );
  expect(people).toMatch(/\nmean +\d/);
  expect(people).toMatch(
    /\nWhat the model would be worth under attack was not judged: its rule goes by no .* --recorded /,
  );
  const { out } = await simulate(track, '--json');
  const schema = z.fromJSONSchema(jsonSchemas().get('simulate') as never);
  expect(schema.safeParse(JSON.parse(out)).error?.issues ?? []).toEqual([]);
  expect(JSON.parse(out)).toMatchObject({ round: 'r-1', updateCount: 3, f: 0, complete: true });
}, 600_000);

it('attacks are tried on recorded clusters where no round can be opened, under the policy given', async () => {
  const policy = { ...defaultPolicy(1, { classes: true }) };
  const limits = { members: 30, liarsMax: 1, seed: 'a', secondsMax: 0 };
  const study = unwrap(await simulateRecorded({ policy: { ...policy, f: 4 }, ...limits }));
  expect(study).toMatchObject({ round: 'recorded clusters', updateCount: 22, f: 2, complete: false, attacks: [] });
  expect(study.rules[0]).toMatchObject({ rule: 'declared holders', inForce: true, undisturbed: expect.any(Number) });
  // What recorded clusters learn together tells recorded intrusions apart; one of them away takes little of it.
  const [{ worth = 0, silent: [silence] = [] } = {}] = study.rules;
  expect(worth).toBeGreaterThan(0.8);
  expect(silence).toMatchObject({ liars: 1 });
  expect(Math.abs((silence?.worth ?? 0) - worth)).toBeLessThan(0.05);
  expect(study).toMatchObject({ judgedBy: expect.stringMatching(/^recorded intrusions/), unjudged: '' });
  const needy = { ...policy, rule: { kind: 'fltrust' } } as const;
  expect(await simulateRecorded({ policy: needy, ...limits })).toMatchObject({ fault: { code: 'POLICY_UNFIT' } });
  const few = await simulateRecorded({ policy: { ...policy, rule: { kind: 'krum' } }, ...limits, members: 4 });
  expect(few).toMatchObject({ fault: { message: expect.stringContaining('krum with f 1 of 4') } });
}, 600_000);

describe('what simulate says', () => {
  const cell = (rule: string, liars: number, attack: string, deviation: number, cosine = 0.9, refused = '') => ({
    ...{ rule, liars, attack, deviation, cosine, refused },
  });
  const answer = {
    ...{ round: 'r-7', updateCount: 11, dimension: 40n, f: 2, complete: true, durationMs: 1_500n, build: '1' },
    ...{ judgedBy: '', unjudged: 'no sample' },
    rules: [
      { rule: 'krum', inForce: true, withstood: 1, undisturbed: 0.8, silent: [] },
      { rule: 'mean', inForce: false, withstood: 0, silent: [] },
    ],
    attacks: [
      cell('krum', 1, 'alie', 0.9),
      cell('krum', 1, 'nan', 0.5),
      cell('krum', 2, 'alie', 1.25, -0.5),
      cell('krum', 2, 'nan', 0.5),
      cell('mean', 2, 'alie', 3, -0.2),
      cell('mean', 2, 'nan', 0, 0, 'N_TOO_SMALL'),
    ],
  };

  it('names the attack that wins first, by how far, and that the policy promises more', () => {
    const lines = simulationText('flow', answer).split('\n');
    expect(lines[0]).toBe('r-7 of flow: 11 updates of 40 values, f 2, krum; tried in 1.5 s');
    expect(lines[1]).toBe(
      'This round withstands 1 liar; with 2, "alie" would lead the model 1.3 times as far from the honest as the farthest of them ' +
        'is, and backwards. The policy says f 2: with these updates it promises more than it holds.',
    );
    expect(lines).toContainEqual(expect.stringMatching(/^ATTACK +1 LIAR +2 LIARS$/));
    expect(lines).toContainEqual(expect.stringMatching(/^alie +0\.90 +1\.25 backwards$/));
    expect(lines).toContainEqual(expect.stringMatching(/^krum \(in force\) +1 +0\.80 +1\.25 backwards \(alie\)$/));
    expect(lines).toContainEqual(expect.stringMatching(/^mean +0 +nothing +round lost \(nan\)$/));
  });

  it('says so where nothing that was tried wins, and where time was short', () => {
    const rules = [{ rule: 'krum', inForce: true, withstood: 2, undisturbed: 0.8, silent: [] }];
    const attacks = answer.attacks.slice(0, 2);
    const text = simulationText('flow', { ...answer, rules, attacks, complete: false });
    expect(text).toContain('; the time ended before all was tried: --seconds');
    expect(text).toContain('This round withstands 2 liars, which is as many as every attack was tried with.');
    const one = [{ rule: 'krum', inForce: true, withstood: 1, undisturbed: 0.8, silent: [] }];
    const partly = [...attacks, cell('krum', 2, 'alie', 0.7)];
    const some = simulationText('flow', { ...answer, rules: one, attacks: partly, complete: false });
    expect(some).toContain('This round withstands 1 liar, which is as many as every attack was tried with.');
    const early = simulationText('flow', { ...answer, rules: [{ ...one[0], withstood: 0 }] as never, attacks: [] });
    expect(early).toContain('Nothing can be said: not every attack was tried with one liar.');
  });
});
