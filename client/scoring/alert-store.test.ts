import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { newestAlerts } from '../alerts/read-alerts.ts';
import { anAlert } from '../alerts/testing/alerts.ts';
import { recordKey } from '../storage/sealed-record.ts';
import type { ExampleCodec } from '../tracks/example-codec.ts';
import type { Alert } from './alert.ts';
import { AlertStore } from './alert-store.ts';

const codec = {
  encode: (example: unknown) => Buffer.from(String(example)),
  decode: (bytes: Uint8Array) => ({ ok: true, value: Buffer.from(bytes).toString() }),
} as unknown as ExampleCodec;

function newStore(keep?: number) {
  const folder = mkdtempSync(join(tmpdir(), 'testudo-alerts-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const examples = join(folder, 'alerts');
  mkdirSync(examples);
  const file = join(folder, 'alerts.jsonl');
  const told: string[] = [];
  const open = () => {
    const store = new AlertStore(examples, file, recordKey(Buffer.alloc(32, 1), 'alerts'), codec, keep);
    store.onRaised = ({ id }) => told.push(id);
    return store;
  };
  const lines = () => readFileSync(file, 'utf8').trimEnd().split('\n');
  return { examples, file, told, open, ids: () => lines().map((line) => (JSON.parse(line) as Alert).id) };
}

it('writes an alert down once, also where a kill came between its line and its example', async () => {
  const { examples, told, open, ids } = newStore();
  const [first, second] = [anAlert('1'), anAlert('2')];
  const killed = open();
  expect(await killed.raise(first, 'of the first')).toBe(true);
  expect(await killed.raise(second, 'of the second')).toBe(true);
  expect(await killed.raise(second, 'of the second')).toBe(false);
  rmSync(join(examples, `${second.id}.sealed`)); // The line was written, and nothing after it.

  const again = open();
  expect(await again.raise(first, 'of the first')).toBe(false);
  expect(await again.raise(second, 'of the second')).toBe(true);
  expect(ids()).toEqual([first.id, second.id]);
  expect(unwrap(await again.example(second.id))).toBe('of the second');
  expect(told).toEqual([first.id, second.id, second.id]); // Perhaps nobody was told before the kill.
});

it('writes an alert down where it is found again, behind a line of which a full disk took half', async () => {
  const { file, open } = newStore();
  const store = open();
  const [first, second, third] = [anAlert('1'), anAlert('2'), anAlert('3')];
  await store.raise(first, 'of the first');
  appendFileSync(file, JSON.stringify(second).slice(0, 40));
  for (const alert of [second, third]) expect(await store.raise(alert, 'example')).toBe(true);
  const found = await Array.fromAsync(newestAlerts(file));
  expect(found.map(({ id }) => id)).toEqual([third.id, second.id, first.id]);
});

it('writes an alert down once that is raised twice at the same time, and tells of it once', async () => {
  const { told, open, ids } = newStore();
  const store = open();
  const [alert, other] = [anAlert('1'), anAlert('2')];
  const raised = [alert, other, alert].map((one) => store.raise(one, 'example'));
  expect(await Promise.all(raised)).toEqual([true, true, false]);
  expect(ids().toSorted()).toEqual([alert.id, other.id].toSorted());
  expect(told.toSorted()).toEqual([alert.id, other.id].toSorted());
});

it('raises an alert while what makes room for it finds that an older one has gone meanwhile', async () => {
  const { examples, told, open } = newStore(1);
  // It is listed, and is not there when it is asked for.
  symlinkSync(join(examples, 'nowhere'), join(examples, 'gone.sealed'));
  const store = open();
  const alerts = [anAlert('1'), anAlert('2'), anAlert('3')];
  for (const alert of alerts) expect(await store.raise(alert, alert.id)).toBe(true);
  expect(told).toEqual(alerts.map(({ id }) => id));
  expect(await store.example(alerts[0]?.id as string)).toMatchObject({ fault: { code: 'ALERT_NOT_FOUND' } });
  expect(unwrap(await store.example(alerts[2]?.id as string))).toBe(alerts[2]?.id);
});
