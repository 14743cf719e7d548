import { expect, it } from 'vitest';
import { z } from 'zod';
import { unwrap } from '../../base/fault.ts';
import { knownAttack } from '../../client/alerts/testing/alerts.ts';
import { track } from '../../coordinator/testing/federation.ts';
import { ownShapes } from '../overview/own-shapes.ts';
import { jsonSchemas, readContract } from '../overview/wire-schemas.ts';
import { CommandLine, type Ended } from '../testing/command-line.ts';
import { verbShapes } from './verb-shapes.ts';

const policy = `
aggregation: { f: 0, before: [], rule: { kind: krum } }
rounds: { goal: { kind: share, ofEnrolled: 1 }, overSelection: 1, quorum: { kind: count, updates: 3 }, collectForMs: 60000 }
schedule: { cron: "0 * * * *" }
`;

it('what verbs print for programs is what their schemas say, names in the place of numbers', async () => {
  const line = await CommandLine.start({ policy });
  const { federation } = line;
  const members = await federation.round(['a', 'b', 'c']);
  for (const member of members) {
    await member.invitationTo('r-1');
    unwrap(await member.submit(new Float32Array(1000).fill(0.01)));
  }
  const { engine } = federation.coordinator;
  await federation.until(() => engine.state().tracks.get(track)?.models.length === 2);
  expect(await line.run('freeze', '--until', '1h', '--reason', 'test')).toMatchObject({ code: 0 });

  const commands: Readonly<Record<string, readonly string[]>> = {
    'channels list': [track],
    'clusters reputation': [track],
    'clusters show': ['a'],
    'releases list': [track],
    'rounds list': [track],
    'rounds show': [track, 'r-1'],
    'tokens create': ['d'],
    'tracks models': [track],
    'tracks progress': [track],
  };
  const words = Object.keys(verbShapes).filter((verb) => !unseen.has(verb) && !(verb in changes));
  const ended = await Promise.all(
    words.map((verb) => line.run(...verb.split(' '), ...(commands[verb] ?? []), '--json')),
  );
  for (const [at, verb] of words.entries()) isAsItsSchemaSays(verb, ended[at] as Ended);
  const said = (verb: string) => JSON.parse(ended[words.indexOf(verb)]?.out.split('\n')[0] ?? '');
  expect(said('rounds list')).toMatchObject({ round: 'r-1', phase: 'candidate' });
  expect(said('rounds show').participations[0]).toMatchObject({ fate: 'selected' });
  expect(said('clusters reputation')).toMatchObject({ cluster: 'a', suggestion: 'none', rounds: 1 });
  expect(said('tracks progress')).toMatchObject({ verdict: 'too_few' });
  expect(said('clusters list')).toMatchObject({ status: 'enrolled' });
  expect(said('operators list')).toMatchObject({ role: 'admin' });

  const changed = Object.keys(changes);
  const done = await Promise.all(
    changed.map((verb) => line.run(...verb.split(' '), ...(changes[verb] ?? []), '-r', 'test', '--json')),
  );
  for (const [at, verb] of changed.entries()) isAsItsSchemaSays(verb, done[at] as Ended);
}, 600_000);

/** What changes something, and says what; each may come before or after the others. */
const changes: Readonly<Record<string, readonly string[]>> = {
  'channels assign': [track, 'canary', 'a', '--dry-run'],
  'channels set': [track, 'mine', '0', '--dry-run'],
  'clusters approve': ['a', 'nginx'],
  'clusters label': ['b', 'tier=edge'],
  'clusters quarantine': ['c'],
  freeze: [track, '--until', '2h'],
  'tracks head': [track, '0', '--dry-run'],
};

function isAsItsSchemaSays(verb: string, { code, out, error }: Ended): void {
  expect({ verb, code, error }).toEqual({ verb, code: 0, error: '' });
  const lines = out
    .trimEnd()
    .split('\n')
    .map((text) => JSON.parse(text));
  expect({ verb, some: lines.length > 0 }).toEqual({ verb, some: true });
  const schema = z.fromJSONSchema(jsonSchemas().get(verb) as never);
  for (const value of lines) {
    expect({ verb, problems: schema.safeParse(value).error?.issues ?? [] }).toEqual({ verb, problems: [] });
    expect(schema.safeParse({ ...value, strange: 1 }).success).toBe(false);
  }
}

/** These need an antibody, a sample, a round that stays open, or what another one made: real-output.test.ts runs them, or says who does. */
const unseen = new Set([
  ...['antibodies list', 'antibodies put', 'antibodies revoke', 'audit follow', 'channels remove', 'channels unassign'],
  ...[
    'clusters release',
    'clusters revoke',
    'doors list',
    'doors revoke',
    'gate show',
    'operators remove',
    'promote',
    'rounds cancel',
    'rounds open',
    'rounds replay',
  ],
  ...['simulate', 'tokens revoke', 'tracks sample put', 'unfreeze'],
  ...['gate override', 'releases import', 'releases revoke', 'releases show', 'rollback', 'root publish', 'tracks put'],
  'tracks sample show',
]);

it('a schema names every member of its message, with what the contract says of it', () => {
  const contract = readContract();
  expect(contract.messages.size).toBeGreaterThan(100);
  for (const [verb, schema] of jsonSchemas(contract)) {
    if (verb in ownShapes) continue;
    const { properties, $id } = schema as { properties: Record<string, { description?: string }>; $id: string };
    const { fields = [], choices = new Map() } = contract.messages.get(verbShapes[verb]?.message ?? '') ?? {};
    const added = Object.keys(verbShapes[verb]?.adds ?? {});
    const all = [...added, ...fields.map(({ name }) => name), ...choices.keys()];
    expect([verb, Object.keys(properties).sort()]).toEqual([verb, [...new Set(all)].sort()]);
    expect($id).toBe(`urn:testudo:json:${verb.replaceAll(' ', '-')}:${verbShapes[verb]?.version}`);
    for (const { name, about } of fields) expect([verb, properties[name]?.description]).toEqual([verb, about]);
  }
});

it('schemas of what is no message of the contract hold what these verbs print', () => {
  const schemas = jsonSchemas();
  const alert = knownAttack('1');
  const held = (verb: string, value: unknown) =>
    z.fromJSONSchema(schemas.get(verb) as never).safeParse(JSON.parse(JSON.stringify(value))).error?.issues ?? [];
  expect(held('alerts show', alert)).toEqual([]);
  expect(held('alerts list', { ...alert, threshold: null })).toEqual([]);
  expect(held('alerts list', { ...alert, score: 'high' })).not.toEqual([]);
  const letter = { seq: 1, sink: 'hook', repeats: 1, attempts: 0, why: 'HTTP 400', queuedAtMs: 1, diedAtMs: 2, alert };
  expect(held('alerts undelivered', letter)).toEqual([]);
  expect(held('alerts undelivered', { ...letter, strange: 1 })).not.toEqual([]);
  const witnessed = [{ name: 'witness.example/w1', size: 8, atSeconds: 1_800_000_000 }];
  const checked = { first: 1, last: 9, entries: 9, chain: 'ab', checkpoints: 2, keysGiven: true, witnessed };
  expect(held('audit verify', checked)).toEqual([]);
  expect(held('audit verify', { sequence: 2, body: '{}', ofEntries: 9 })).toEqual([]);
  expect(held('audit verify', { ...checked, strange: 1 })).not.toEqual([]);
  expect((schemas.get('status') as { $id: string }).$id).toBe('urn:testudo:json:status:1');
  expect(Object.keys(ownShapes).filter((verb) => verb in verbShapes)).toEqual([]);
});
