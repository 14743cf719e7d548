import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { pause } from '../../base/pause.ts';
import { systemTimers } from '../../base/system-timers.ts';
import { knownAttack } from '../../client/alerts/testing/alerts.ts';
import { EvidenceChain } from '../../client/response/evidence/chain.ts';
import { logKey, madeLog } from '../../client/response/testing/made-log.ts';
import { alertFolder } from '../../client/scoring/alert-store.ts';
import { csvOf, normalTraffic } from '../../client/tracks/api/testing/small-shop.ts';
import { masterKey, track } from '../../coordinator/testing/federation.ts';
import { digestOf } from '../../proto/digest.ts';
import { type ModelSpec, specBytes } from '../../proto/model-spec.ts';
import { firstResponsePolicy, responsePolicyJson } from '../../proto/response-policy.ts';
import { checkout } from '../../tools/setup/places.mjs';
import { exitCodes } from '../exit.ts';
import { jsonSchemas } from '../overview/wire-schemas.ts';
import { CommandLine, type Ended, runEach } from '../testing/command-line.ts';
import { holdToSchema, verbOf } from '../testing/held-to-schema.ts';

const testudo = fileURLToPath(new URL('../testudo.ts', import.meta.url));

/**
 * Verbs whose real output other tests hold against its schema, since they need what is not here: a process that stays, a cluster,
 * a client. `runTestudo` holds whatever is printed with --json.
 */
const elsewhere: Readonly<Record<string, string>> = {
  up: 'cli/processes/up.test.ts',
  down: 'cli/processes/up.test.ts',
  'agent status': 'cli/overview/alert-chain.test.ts',
  'agent pods': 'client/response/rotation/rotation.kube.test.ts',
  'alerts undelivered': 'cli/alerts/alerts.test.ts',
  'alerts retry': 'cli/alerts/alerts.test.ts',
  'alerts watch': 'cli/alerts/alerts.test.ts',
  'drill schedule': 'cli/response/drill/schedule/run-schedule.test.ts',
  evaluate: 'cli/offline/api-verbs.test.ts',
  'gate override': 'cli/releases/releases.test.ts',
  'gate show': 'cli/releases/releases.test.ts',
  'pins sign': 'cli/releases/pins.test.ts',
  'quarantine list': 'client/response/quarantine/quarantine.kube.test.ts',
  'relay join': 'relay/relay-processes.test.ts',
  'releases import': 'cli/releases/releases.test.ts',
  'response policy sign': 'cli/releases/pins.test.ts',
  'root publish': 'cli/releases/root-publish.test.ts',
  'tracks sample put': 'cli/rounds/samples.test.ts',
  'tracks sample show': 'cli/rounds/samples.test.ts',
};

const policy = (collectForMs: number) => `
aggregation: { f: 0, before: [], rule: { kind: krum } }
rounds: { goal: { kind: share, ofEnrolled: 1 }, overSelection: 1, quorum: { kind: count, updates: 3 }, collectForMs: ${collectForMs} }
schedule: { cron: "0 3 * * *" }
keepInputs: { rounds: 2, hours: 1 }
`;

const calls = (between: string, at: number) => `2 0 0 3 ${between} 2 ${at % 3 === 0 ? '0 0' : '0'} 3 231`;
function traces(family: string, split: string, between: string, many: number): string {
  const rows = Array.from({ length: many }, (_, at) =>
    [split, 'c1', 'nginx', family, `${family}-${at}`, calls(between, at)].join('\t'),
  );
  return `${rows.join('\n')}\n`;
}

const uid = '0b6c6a38-6f0f-4b6e-9c3e-3a2f6a1d9b11';
const reason = ['-r', 'test'];

it('what every verb prints for programs is what its schema says', async () => {
  const line = await CommandLine.start({ policy: policy(60_000), settings: ['listen.dashboard=127.0.0.1:0'] });
  const { federation, folder } = line;
  process.env.TESTUDO_CONFIG_HOME = folder;
  onTestFinished(() => void delete process.env.TESTUDO_CONFIG_HOME);
  const at = (name: string) => join(folder, 'papers', name);
  await writePapers(at(''), line);
  const members = await federation.round(['a', 'b', 'c']);
  for (const [index, member] of members.entries()) {
    await member.invitationTo('r-1');
    unwrap(await member.submit(new Float32Array(1000).fill(0.01 * (index + 1))));
  }
  const { engine } = federation.coordinator;
  await federation.until(() => engine.state().tracks.get(track)?.releasing.releases.length === 2);

  const seen = new Set<string>();
  const all = async (lines: readonly (readonly string[])[]): Promise<readonly unknown[]> => {
    const ended = await runEach(lines.map((words) => [...words, '--json']));
    expect(lines.flatMap((words, index) => wrongOf(words, ended[index] as Ended))).toEqual([]);
    for (const words of lines) seen.add(verbOf(words) ?? '');
    return ended.map(({ out }) => JSON.parse(out.split('\n')[0] ?? ''));
  };
  const operator = (...lines: readonly (readonly string[])[]) => all(lines.map((words) => line.addressed(words)));

  const [key, asked] = await runEach([
    ['coordinator', 'checkpoint-key', '--config', at('coordinator.yaml')],
    ['coordinator', 'prove', '--config', at('coordinator.yaml'), '--since', '0', '--to', at('request')],
  ]);
  expect([key?.code, asked?.code, `${key?.error}${asked?.error}`]).toEqual([0, 0, '']);
  const witness = ['audit', 'witness', 'init', '--name', 'witness.example/w1', '--home', at('witness')];
  expect(await runEach([[...witness, '--log', key?.out.trim() ?? '']])).toMatchObject([{ code: 0 }]);

  const [made, , shown] = await all([
    ['antibodies', 'make', '--federation', federation.config.federation, '--cluster', 'eu'].concat([
      '--family',
      'shell',
      '--attacks',
      at('attacks.tsv'),
      '--normal',
      at('normal.tsv'),
      '--out',
      at('antibody'),
    ]),
    ['root', 'new-key', at('key.pem')],
    ['root', 'show', at('root.json')],
    ['root', 'rotate', at('root.json'), '--out', at('root-2.json'), '--add', `root=${at('key.pem')}`],
    ['root', 'sign', at('root-2.json'), '--key', at('key.pem'), '--out', at('root-2-signed.json')],
    ['root', 'merge', at('root-2-signed.json'), '--after', at('root.json'), '--out', at('root-2-merged.json')],
    ['drill', 'list'],
    ['drill', 'run', 'alert-flood'],
    ['drill', 'report', '--state', at('drills')],
    ['evidence', 'list', '-d', at('agent')],
    ['evidence', 'show', '1', '-d', at('agent'), '--data-key', at('data.key')],
    ['evidence', 'verify', '-d', at('agent')],
    ['evidence', 'export', '1', '-d', at('agent'), '--data-key', at('data.key'), '-o', at('record.json')],
    ['quarantine', 'approve', uid, '-d', at('agent'), ...reason],
    ['quarantine', 'decline', uid, '-d', at('agent'), ...reason],
    ['quarantine', 'lift', uid, '-d', at('agent'), ...reason],
    ['quarantine', 'resume', '-d', at('agent'), ...reason],
    ['posture', at('pods.json')],
    ['alerts', 'list', '--data', at('client')],
    ['alerts', 'show', knownAttack('1').id, '--data', at('client')],
    ['feedback', knownAttack('1').id, 'confirmed', '--data', at('client'), '--family', 'shell', '--by', 'ada'],
    ['explain', knownAttack('1').id, '--data', at('client')],
    ['map', '--input', at('requests.csv')],
    ['profile', at('normal.tsv'), '--output', at('baseline.json.gz')],
    ['context', 'add', 'herd', '--credentials', line.credentials('admin')],
    ['context', 'use', 'herd'],
    ['context', 'list'],
    ['context', 'remove', 'herd'],
    ['coordinator', 'verify', '--config', at('coordinator.yaml')],
    ['coordinator', 'backup', '--config', at('coordinator.yaml'), '--to', at('backup')],
    ['coordinator', 'export-audit', '--config', at('coordinator.yaml'), '--to', at('journal.jsonl')],
    ['audit', 'verify', at('journal.jsonl')],
    ['audit', 'witness', 'cosign', at('request'), '--to', at('cosigned'), '--home', at('witness')],
    ['rotation', 'verify', at('rotation.log'), '--key', Buffer.from(logKey.publicKey).toString('hex')],
  ]);
  expect(made).toMatchObject({ family: 'shell', examples: 2 });
  expect(shown).toMatchObject({ federation: 'herd', version: 1, missingOwn: 0 });

  const told = await operator(
    ['status'],
    ['dashboard'],
    ['freeze', track, '--until', '2h', ...reason],
    ['freezes'],
    ['antibodies', 'put', track, at('antibody'), ...reason],
    ['antibodies', 'list', track],
    ['antibodies', 'pin', track, antibodyDigest(at('antibody')), 'a', '--out-of-use', ...reason],
    ['unpin', 'a', ...reason],
    ['audit', 'list', '--rows', '3'],
    ['channels', 'set', track, 'mine', '0', ...reason],
    ['channels', 'assign', track, 'mine', 'a', ...reason],
    ['channels', 'list', track],
    ['channels', 'unassign', track, 'a', ...reason],
    ['channels', 'remove', track, 'mine', ...reason],
    ['clusters', 'list'],
    ['clusters', 'show', 'a'],
    ['clusters', 'reputation', track],
    ['clusters', 'approve', 'a', 'nginx', ...reason],
    ['clusters', 'label', 'b', 'tier=edge', ...reason],
    ['clusters', 'quarantine', 'c', ...reason],
    ['clusters', 'release', 'c', ...reason],
    ['cluster', 'add', 'd', '--out', at('d')],
    ['cluster', 'remove', 'd', ...reason],
    ['tokens', 'create', 'e'],
    ['tokens', 'list'],
    ['operators', 'list'],
    ['policy', 'check', track],
    ['policy', 'put', track, at('policy.yaml'), ...reason],
    ['tracks', 'list'],
    ['tracks', 'policy', track],
    ['tracks', 'models', track],
    ['tracks', 'progress', track],
    ['tracks', 'head', track, '0', '--dry-run', ...reason],
    ['pins', 'key'],
    ['pin', 'a', `${track}@0`, ...reason],
    ['pins', 'list'],
    ['unpin', 'a', ...reason],
    ['pins', 'renew', '--dry-run', ...reason],
    ['pins', 'renew', '--out', at('pins.json'), ...reason],
    ['response', 'policy', 'put', at('response.json'), ...reason],
    ['response', 'policy', 'show'],
    ['releases', 'list', track],
    ['releases', 'show', `${track}@1`],
    ['releases', 'export', `${track}@1`, '--to', at('release.tar')],
    ['releases', 'revoke', `${track}@1`, '--dry-run', ...reason],
    ['rollback', track, '--training', ...reason],
    ['promote', `${track}@1`, ...reason],
    ['root', 'keys'],
    ['rounds', 'list', track],
    ['rounds', 'show', track, 'r-1'],
    ['rounds', 'plan'],
    ['rounds', 'replay', track, 'r-1', ...reason],
    ['simulate', track, 'r-1', '--seconds', '1', ...reason],
  );
  expect(told).toContainEqual(expect.objectContaining({ round: 'r-1', phase: 'candidate' }));
  expect(told).toContainEqual(expect.objectContaining({ suggestion: 'none', rounds: 1 }));
  const member = (name: string) => told.map((one) => (one as Record<string, unknown>)[name]).find(Boolean) as string;
  const ended = await operator(
    ['unfreeze', member('freezeId'), ...reason],
    ['tokens', 'revoke', member('tokenId'), ...reason],
    ['antibodies', 'revoke', track, antibodyDigest(at('antibody')), ...reason],
    ['operators', 'add', 'bob', '--role', 'viewer', '--out', line.credentials('bob'), ...reason],
    ['operators', 'remove', 'bob', ...reason],
    ['doors', 'add', 'edge', '--host', '127.0.0.1', '--out', line.credentials('edge-door'), ...reason],
    ['doors', 'list'],
    ['doors', 'revoke', 'edge', ...reason],
    ['operators', 'renew'],
    ['rounds', 'open', track, ...reason],
    ['rounds', 'cancel', track, 'r-2', ...reason],
    ['tracks', 'put', track, '--spec', at('spec.json'), '--policy', at('policy.yaml'), ...reason],
    ['clusters', 'revoke', 'c', ...reason],
  );
  expect(ended).toContainEqual(expect.objectContaining({ round: 'r-2', track }));
  const followed = await firstLine(line.addressed(['audit', 'follow', '--from', '1', '--json']));
  holdToSchema(['audit', 'follow'], followed);
  seen.add('audit follow');

  for (const [verb, file] of Object.entries(elsewhere)) {
    const words = verb.split(' ');
    const text = readFileSync(join(checkout, file), 'utf8');
    expect([verb, file, words.every((word) => text.includes(`'${word}'`)), /--json|\.json[<(]/.test(text)]).toEqual([
      verb,
      file,
      true,
      true,
    ]);
  }
  expect([...jsonSchemas().keys()].filter((verb) => !seen.has(verb) && !(verb in elsewhere))).toEqual([]);
}, 600_000);

/** What went otherwise than well: a verb must end well and print something. */
function wrongOf(words: readonly string[], { code, out, error }: Ended): readonly string[] {
  const isWell = (code === exitCodes.done || code === exitCodes.attention) && out !== '';
  return isWell ? [] : [`testudo ${words.join(' ')}: exit ${code}: ${error}`];
}

function antibodyDigest(file: string): string {
  return digestOf(readFileSync(file));
}

/** What a verb that goes on prints first. */
async function firstLine(words: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', testudo, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill());
  for await (const line of createInterface({ input: child.stdout })) return line;
  throw new Error(`testudo ${words.join(' ')} ended without a line`);
}

/** What these verbs read. */
async function writePapers(folder: string, line: CommandLine): Promise<void> {
  const write = (name: string, text: string | Uint8Array) => writeFileSync(join(folder, name), text);
  for (const name of ['', 'agent', 'client', 'drills']) mkdirSync(join(folder, name), { recursive: true });
  const { config, coordinator } = line.federation;
  write('master', masterKey);
  chmodSync(join(folder, 'master'), 0o600);
  const { federation, dataDirectory } = config;
  write('coordinator.yaml', JSON.stringify({ federation, dataDirectory, masterKey: { file: 'master' } }));
  write('policy.yaml', policy(90_000));
  const spec = coordinator.engine.state().tracks.get(track)?.spec;
  write('spec.json', specBytes(spec as ModelSpec));
  // The first set is signed some time after the start.
  const signed = () => coordinator.registry.signedSet()?.roots[0]?.body;
  while (signed() === undefined) await pause(systemTimers, 10, new AbortController().signal);
  write('root.json', signed() ?? '');
  const { expiresAtMs: _, ...response } = responsePolicyJson(firstResponsePolicy(Date.now()));
  write('response.json', JSON.stringify(response));
  write('attacks.tsv', traces('shell', 'attack', '41 42 33 33 59', 6));
  write('normal.tsv', traces('normal', 'train', '8 9', 30));
  write('requests.csv', csvOf(normalTraffic()));
  const { id, track: ofAlert } = knownAttack('1');
  mkdirSync(alertFolder(join(folder, 'client'), ofAlert), { recursive: true });
  writeFileSync(join(alertFolder(join(folder, 'client'), ofAlert), `${id}.sealed`), '');
  write('client/alerts.jsonl', `${JSON.stringify(knownAttack('1'))}\n`);
  write(
    'drills/drills.jsonl',
    `${JSON.stringify({ at: '2026-11-28T10:00:00Z', drill: 'x', outcome: 'found', because: '' })}\n`,
  );
  write('rotation.log', `${madeLog(3).lines.join('\n')}\n`);
  const pod = { containers: [{ name: 'web', image: 'web', securityContext: { privileged: true } }] };
  write('pods.json', JSON.stringify({ kind: 'Pod', metadata: { name: 'web-1', namespace: 'shop' }, spec: pod }));
  const dataKey = Buffer.alloc(32, 7);
  write('data.key', dataKey.toString('hex'));
  chmodSync(join(folder, 'data.key'), 0o600);
  const chain = await EvidenceChain.open(join(folder, 'agent', 'evidence'), dataKey);
  await chain.append({
    ...{ atMs: 1, kind: 'quarantine', cluster: 'north', alerts: [] },
    subject: { namespace: 'shop', pod: 'web-1', uid },
    content: { number: 1 },
  });
}
