import { expect, it } from 'vitest';
import { track } from '../../coordinator/testing/federation.ts';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { CommandLine } from '../testing/command-line.ts';

it('labels are given and taken away, and what is nearly a name that there is wants --force', async () => {
  const line = await CommandLine.start({ labels: { region: 'eu' } });
  await line.federation.enrol('eu-1');
  const why = ['-r', 'test'] as const;
  const label = (...words: readonly string[]) => line.run('clusters', 'label', 'eu-1', ...words, ...why);
  const [set, slip, forced, assigned, labelled] = [
    await label('tier=edge', 'zone=a'),
    await label('regoin=us'),
    await label('regoin=us', 'zone-', '--force', '--json'),
    await line.run('channels', 'assign', track, 'canary', 'eu-l', '--dry-run', ...why),
    await line.run('channels', 'assign', track, 'canary', 'tier=egde', '--dry-run', ...why),
  ];
  expect(set).toMatchObject({
    code: 0,
    out: expect.stringContaining('eu-1 has the labels region=eu, tier=edge, zone=a'),
  });
  const misspelt = ['cluster', 'add', 'eu-2', '--out', tempDir(), '--label', 'regiom=us'];
  expect(await line.run(...misspelt)).toMatchObject({ code: 1, error: expect.stringMatching(/mean region\?/) });
  expect(slip).toMatchObject({ code: 1, error: expect.stringMatching(/^NAME_UNKNOWN: .* did you mean region\?/) });
  expect(JSON.parse(forced.out)).toMatchObject({
    cluster: 'eu-1',
    labels: [
      { key: 'region', value: 'eu' },
      { key: 'regoin', value: 'us' },
      { key: 'tier', value: 'edge' },
    ],
  });
  expect(assigned).toMatchObject({
    code: 1,
    error: expect.stringContaining('no member is called eu-l; did you mean eu-1?'),
  });
  expect(labelled).toMatchObject({ code: 1, error: expect.stringContaining('did you mean tier=edge?') });
  expect(await label('tier=')).toMatchObject({
    code: 2,
    error: expect.stringMatching(/^USAGE: <key=value\|key->: expected key=value, got tier=/),
  });
  const ends = await label('tier=edge-');
  expect(ends).toMatchObject({ code: 1, error: expect.stringContaining('REQUEST_INVALID: labels') });
  const ahead = await line.run('channels', 'assign', track, 'canary', 'eu-2', '--dry-run', '--force', ...why);
  expect(ahead.error).not.toContain('NAME_UNKNOWN');
}, 600_000);

it('a revoked member is shown as such, and takes no labels or classes that would come to nothing', async () => {
  const line = await CommandLine.start({ labels: { region: 'eu' } });
  await line.federation.enrol('eu-1');
  const why = ['-r', 'test'] as const;
  expect((await line.run('clusters', 'show', 'eu-1')).out).toMatch(/^status +enrolled$/m);
  await line.run('clusters', 'quarantine', 'eu-1', ...why);
  expect((await line.run('clusters', 'show', 'eu-1')).out).toMatch(/^status +quarantined$/m);
  await line.run('clusters', 'revoke', 'eu-1', ...why);
  expect((await line.run('clusters', 'show', 'eu-1')).out).toMatch(/^status +revoked\nconnected +no$/m);
  const { seq } = line.federation.coordinator.engine.state();
  for (const words of [
    ['approve', 'eu-1', 'nginx'],
    ['label', 'eu-1', 'tier=edge'],
  ]) {
    const refused = await line.run('clusters', ...words, ...why);
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.error).toMatch(/^CLUSTER_REVOKED: cluster eu-1 was revoked; .*testudo tokens create eu-1 --label/);
  }
  const kinds = (await line.run('audit', 'list', '--from', `${seq + 1}`, '--json')).out;
  expect(kinds).not.toMatch(/classesApproved|labelsSet/);
}, 600_000);

it('what is said of a revoked member is taken, for one that comes back, with a word that it was revoked', async () => {
  const line = await CommandLine.start({ labels: { region: 'eu' } });
  for (const name of ['eu-1', 'eu-2']) await line.federation.enrol(name);
  const why = ['-r', 'test'] as const;
  const acts = (name: string) => [
    ['clusters', 'quarantine', name, ...why],
    ['channels', 'assign', track, 'canary', name, ...why],
    ['pin', name, `${track}@0`, ...why],
    ['pin', 'region=eu', `${track}@0`, ...why],
  ];
  const warned = /^warning: (eu-1 was|all members with region=eu were) revoked; .*testudo tokens create/m;
  await line.run('clusters', 'revoke', 'eu-1', ...why);
  for (const [at, words] of acts('eu-1').entries()) {
    const { code, error } = await line.run(...words);
    expect([words, code, warned.test(error)]).toEqual([words, 0, at < 3]);
  }
  for (const words of acts('eu-2')) expect((await line.run(...words)).error).not.toMatch(warned);
  await line.run('clusters', 'revoke', 'eu-2', ...why);
  expect((await line.run('channels', 'assign', track, 'canary', 'region=eu', ...why)).error).toMatch(warned);
  // What is taken away needs no word.
  expect((await line.run('clusters', 'release', 'eu-1', ...why)).error).not.toMatch(warned);
}, 600_000);
