import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { expect, it } from 'vitest';
import { jsonSchemas } from '../overview/wire-schemas.ts';
import { verbs } from '../verbs.ts';

/** Why these print nothing for programs. Whatever is not here has `--json`, and a schema for it. */
const withoutJson: Readonly<Record<string, string>> = {
  demo: 'paints a screen while it runs; --out writes its figures as JSON',
  setup: 'tells of downloads as they go; its exit code says whether all is there',
  coordinator: 'runs until it is stopped; its log is JSON',
  worker: 'runs until it is stopped; its log is JSON',
  relay: 'runs until it is stopped; its log is JSON',
  door: 'runs until it is stopped; its log is JSON',
  client: 'runs until it is stopped; its log is JSON',
  sensor: 'runs until it is stopped; its log is JSON',
  'node-helper': 'runs until it is stopped; its log is JSON',
  'agent run': 'runs until it is stopped; its log is JSON',
  'coordinator schema': 'prints a JSON Schema, and nothing else',
  'relay schema': 'prints a JSON Schema, and nothing else',
  'door schema': 'prints a JSON Schema, and nothing else',
  'client schema': 'prints a JSON Schema, and nothing else',
  'tracks schema': 'prints a JSON Schema, and nothing else',
  'response policy example': 'prints a policy as JSON, and nothing else',
  'rotation key': 'prints one key in hexadecimal, and nothing else',
  'coordinator checkpoint-key': 'prints one key, and nothing else',
  'audit witness init': 'prints one key, and nothing else',
  completion: 'prints a script for a shell',
  man: 'prints pages for man',
  score: 'writes its scores as JSON lines, to a file or standard output',
  record: 'gives the terminal, and the exit code, of the command that it records',
  'coordinator init': 'writes files for people to carry, and says to whom',
  'coordinator export-root': 'moves a key; the exit code is the answer',
  'coordinator renew-issuer': 'puts a certificate in place; the exit code is the answer',
  'coordinator prove': 'writes a file in a format of C2SP; the exit code is the answer',
  'coordinator add-cosignature': 'keeps a file; the exit code is the answer',
  'coordinator move': 'moves a journal; the exit code is the answer',
  'coordinator pack': 'writes manifests, or prints them as YAML',
  'coordinator unpack': 'fills a folder in a pod; the exit code is the answer',
  'relay init': 'writes a configuration for a person to edit',
  'client init': 'writes a configuration for a person to edit',
  'model train': 'says what it learnt; the model is the folder that it writes',
  'model init': 'writes files; spec.json among them says what it made',
};

type Leaf = Readonly<{ words: string; hasJson: boolean }>;

/** Everything that does something. A verb with verbs of its own may do something by itself. */
function leavesOf(command: CommandUnknownOpts, before: readonly string[] = []): readonly Leaf[] {
  const words = [...before, command.name()];
  const children = command.commands.filter((child) => child.name() !== 'help');
  const acts = (command as unknown as { _actionHandler: unknown })._actionHandler !== null;
  const own = { words: words.join(' '), hasJson: command.options.some(({ long }) => long === '--json') };
  return [...(acts ? [own] : []), ...children.flatMap((child) => leavesOf(child, words))];
}

it('every verb prints for programs what a schema of the package says, or stands here with a reason', async () => {
  const leaves: Leaf[] = [];
  for (const { load } of Object.values(verbs)) leaves.push(...leavesOf(await load(async () => [])));
  expect(leaves.length).toBeGreaterThan(100);
  const schemas = jsonSchemas();
  const wrong = leaves.filter(({ words, hasJson }) =>
    words in withoutJson ? hasJson : !(hasJson && schemas.has(words)),
  );
  expect(wrong).toEqual([]);
  const known = new Set(leaves.map(({ words }) => words));
  expect([...schemas.keys(), ...Object.keys(withoutJson)].filter((words) => !known.has(words))).toEqual([]);
}, 600_000);
