import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { anAlert } from '../alerts/testing/alerts.ts';
import { recordKey } from '../storage/sealed-record.ts';
import type { ExampleCodec } from '../tracks/example-codec.ts';
import type { Alert } from './alert.ts';
import { AlertStore } from './alert-store.ts';

const codec = {
  encode: (example: unknown) => Buffer.from(String(example)),
  decode: (bytes: Uint8Array) => ({ ok: true, value: Buffer.from(bytes).toString() }),
} as unknown as ExampleCodec;

it('writes an alert down once, also where a kill came between its line and its example', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'testudo-alerts-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const examples = join(folder, 'alerts');
  mkdirSync(examples);
  const file = join(folder, 'alerts.jsonl');
  const told: string[] = [];
  const open = () => {
    const store = new AlertStore(examples, file, recordKey(Buffer.alloc(32, 1), 'alerts'), codec);
    store.onRaised = ({ id }) => told.push(id);
    return store;
  };
  const [first, second] = [anAlert('1'), anAlert('2')];
  const killed = open();
  expect(await killed.raise(first, 'of the first')).toBe(true);
  expect(await killed.raise(second, 'of the second')).toBe(true);
  expect(await killed.raise(second, 'of the second')).toBe(false);
  rmSync(join(examples, `${second.id}.sealed`)); // The line was written, and nothing after it.

  const again = open();
  expect(await again.raise(first, 'of the first')).toBe(false);
  expect(await again.raise(second, 'of the second')).toBe(true);
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as Alert).id)).toEqual([first.id, second.id]);
  expect(unwrap(await again.example(second.id))).toBe('of the second');
  expect(told).toEqual([first.id, second.id, second.id]); // Perhaps nobody was told before the kill.
});
