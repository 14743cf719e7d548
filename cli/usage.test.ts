import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { recordedPath } from '../lab/data/recorded-traces.ts';
import { runTestudo } from './testing/command-line.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'testudo-usage-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

it('a command line that is wrong by itself ends with 2 whatever the verb, and says which word is wrong', async () => {
  const flows = join(folder, 'requests.csv');
  writeFileSync(flows, 'a,b\n1,2\n');
  const wrong: readonly (readonly [string, ...string[]])[] = [
    ['--liars', 'model', 'init', folder, '--classes', 'a', '--liars', '1e9'],
    ['--liars', 'coordinator', 'init', folder, '--classes', 'a', '--liars', '-1'],
    ['--seed', 'model', 'init', folder, '--classes', 'a', '--seed', 'x'],
    ['--classes', 'model', 'init', folder, '--classes', ''],
    ['--federation', 'coordinator', 'init', folder, '--federation', 'No Such'],
    [
      '--kind',
      'antibodies',
      'make',
      '--federation',
      'herd',
      '--cluster',
      'c',
      '--family',
      'f',
      '--attacks',
      recordedPath,
    ].concat(['--normal', recordedPath, '--out', join(folder, 'a'), '--track', 't', '--kind', 'nothing']) as never,
    ['--svg', 'map', '--track', 'api', '--input', flows, '--svg', flows],
    ['--hostile', 'demo', '--clusters', '3', '--hostile', '3'],
    ['--model', 'score', '--model', `sha256:${'0'.repeat(64)}`, '--input', flows, '--output', '-'],
    ['--days', 'rounds', 'plan', '--days', 'soon'],
    ['unknown command', 'rounds', 'opne'],
    ['which client?', 'alerts', 'list'],
    ['which client?', 'explain', 'a-0123456789abcdef'],
    ['which client?', 'feedback', 'a-0123456789abcdef', 'confirmed'],
    ['which client?', 'agent', 'status'],
    ['--since', 'audit', 'list', '--since', 'yesterday', '--credentials', 'nowhere.json'],
    ['--since', 'audit', 'list', '--since', '2026-02-30T10:00Z', '--credentials', 'nowhere.json'],
    ['with its zone', 'audit', 'list', '--since', '2026-11-24T18:00', '--credentials', 'nowhere.json'],
    [
      '--kind, --who',
      'audit',
      'list',
      '--from',
      '1',
      '--kind',
      'refused',
      '--who',
      'ada',
      '--credentials',
      'nowhere.json',
    ],
    [
      '--about, --since',
      'audit',
      'list',
      '--from',
      '1',
      '--about',
      'a',
      '--since',
      '36h',
      '--credentials',
      'nowhere.json',
    ],
    ['--rows', 'audit', 'list', '--rows', '0x10', '--credentials', 'nowhere.json'],
    ['--days', 'rounds', 'plan', '--days', '0x10', '--credentials', 'nowhere.json'],
    ...(
      [
        ['--to 3', 'rollback', 'syscall@3', '-r', 'x'],
        ['a version', 'rollback', 'syscall', '--to', 'first', '-r', 'x'],
        ['TRACK@VERSION', 'promote', 'Sys Call', '-r', 'x'],
        ['a version', 'tracks', 'head', 'syscall', 'first', '-r', 'x'],
        ['say which version', 'releases', 'show', 'syscall'],
        ['say which version', 'releases', 'revoke', 'syscall', '-r', 'x'],
        ['say which version', 'releases', 'export', 'syscall', '--to', 'there'],
        ['promote or reject', 'gate', 'override', 'syscall@1', 'halt', '-r', 'x'],
        ['TRACK@VERSION', 'gate', 'show', 'a@b@c'],
        ['a cluster or a label', 'channels', 'assign', 'syscall', 'canary', 'A b', '-r', 'x'],
        ['a cluster or a label', 'channels', 'unassign', 'syscall', 'A b', '-r', 'x'],
        ['a version', 'channels', 'set', 'syscall', 'mine', 'first', '-r', 'x'],
        ['--live', 'channels', 'set', 'syscall', 'mine', '1', '--live', '--shadows', 'stable', '-r', 'x'],
        ['--until', 'freeze', '--until', 'tomorrow', '-r', 'x'],
        ['--from', 'freeze', '--until', '2d', '--from', 'tomorrow', '-r', 'x'],
        ['--until', 'pin', 'a', 'syscall@1', '--until', 'tomorrow', '-r', 'x'],
        ['--until', 'antibodies', 'pin', 'syscall', '0123456789ab', '--until', 'tomorrow', '-r', 'x'],
        ['--until', 'response', 'policy', 'put', 'none', '--until', 'tomorrow', '-r', 'x'],
        ['--valid-days', 'unpin', 'a', '--valid-days', '0', '-r', 'x'],
        ['--hours', 'tokens', 'create', 'a', '--hours', '0'],
        ['--label', 'tokens', 'create', 'a', '--label', 'zone'],
        ['--kit', 'tokens', 'create', 'a', '--coordinator', 'herd.example:7442'],
        ['--hours', 'cluster', 'add', 'a', '--out', 'there', '--hours', '0'],
        ['--gitops', 'cluster', 'add', 'a', '--out', 'there', '--gitops', '--json'],
        ['key=value', 'clusters', 'label', 'a', 'zone', '-r', 'x'],
      ] as const
    ).map((words) => [...words, '--credentials', 'nowhere.json'] as unknown as readonly [string, ...string[]]),
    ['--watch', 'status', '--watch', '0', '--credentials', 'nowhere.json'],
    ['--watch', 'status', '--watch', ' 0x10', '--credentials', 'nowhere.json'],
    ['--clusters', 'demo', '--clusters', '0x3'],
    ['too many arguments', 'up', 'a', 'b'],
    ['--head', 'audit', 'verify', join(folder, 'nowhere'), '--head', 'first'],
    ['ROLE=VALUE', 'root', 'rotate', join(folder, 'nowhere'), '--out', join(folder, 'a'), '--add', 'boss=1'],
    [
      ...['--days', 'antibodies', 'make', '--federation', 'herd', '--cluster', 'c', '--family', 'f', '--days', '0'],
      ...['--attacks', join(folder, 'nowhere'), '--normal', join(folder, 'nowhere'), '--out', join(folder, 'a')],
    ] as unknown as readonly [string, ...string[]],
    ['--reason', 'quarantine', 'resume', '-d', folder, '-r', 'x'.repeat(501)],
    ["a pod's uid", 'quarantine', 'lift', 'web-1', '-d', folder, '-r', 'x'],
  ];
  const ended = await Promise.all(wrong.map(([, ...words]) => runTestudo(...words)));
  const told = ended.map(({ code, error }, at) => [code, error.includes(wrong[at]?.[0] ?? '') || error]);
  expect(told).toEqual(wrong.map(() => [2, true]));
}, 600_000);

it.each([
  ['--until', 'freeze', 'syscall', '--for', '2h', '--until', '3h', '--reason', 'x'],
  ['--until', 'pin', 'a', 'syscall@1', '--for', '2h', '--reason', 'x'],
  ['--hours', 'tokens', 'create', 'a', '--for', '2h'],
  [undefined, 'channels', 'assign', 'syscall', 'canary', 'a', '--for', '2h', '--reason', 'x'],
])('--for is answered with %s, and never with --force, which overrides a refusal', async (meant, ...words) => {
  const { code, error } = await runTestudo(...(words as string[]));
  expect(code).toBe(2);
  expect(error).toContain(`error: unknown option '--for'\n${meant === undefined ? '' : `(Did you mean ${meant}?)\n`}`);
  expect(error).not.toContain('--force');
});

it('help of the coordinator says how its traces leave by OpenTelemetry', async () => {
  const { code, out } = await runTestudo('coordinator', '--help');
  expect(code).toBe(0);
  expect(out).toMatch(/OpenTelemetry[\s\S]*NODE_OPTIONS='--import FILE'/);
}, 600_000);

it('every verb that takes a configuration takes it as -c, and settings over it as -s', async () => {
  const pages = join(folder, 'man');
  expect((await runTestudo('man', '--to', pages)).code).toBe(0);
  const texts = readdirSync(pages).map((name) => readFileSync(join(pages, name), 'utf8').replaceAll('\\-', '-'));
  const takers = texts.flatMap((text) => text.split('\n').filter((line) => /--(?:config|set) </.test(line)));
  expect(takers.length).toBeGreaterThan(15);
  expect(takers.filter((line) => !/-[cs], --(?:config|set) </.test(line))).toEqual([]);
}, 600_000);
