import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { SimulatedTimers } from '../../../base/simulation/simulated-timers.ts';
import { giveOrder, type Order, Orders } from './orders.ts';

const fail = (cause: string) => {
  throw new Error(cause);
};
const startMs = 86_400_000;
const resume: Order = { kind: 'resume', uid: '', by: 'ada', reason: 'looked at', atMs: startMs };

it('an order that is done while the folder is looked through does not come back', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'testudo-orders-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'orders'));
  await giveOrder(folder, resume);
  // Read after the order, and not to its end before somebody writes: the look stands still there.
  const last = join(folder, 'orders', 'z.json');
  execFileSync('mkfifo', [last]);
  const timers = new SimulatedTimers(startMs);
  const changes: (readonly Order[])[] = [];
  const orders = new Orders(folder, timers, () => changes.push(orders.all), fail);
  const gate = await open(last, 'w');
  await orders.done(resume);
  rmSync(last);
  await gate.close();
  await orders.close();
  expect([orders.all, changes, readdirSync(join(folder, 'orders'))]).toEqual([[], [], []]);
});

it('an order is there until it is done, and the same again is another', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'testudo-orders-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  await giveOrder(folder, resume);
  const timers = new SimulatedTimers(startMs);
  let changed = Promise.withResolvers<void>();
  const orders = new Orders(folder, timers, () => changed.resolve(), fail);
  onTestFinished(() => orders.close());
  await changed.promise;
  expect(orders.all).toEqual([resume]);
  await orders.done(resume);
  expect(orders.all).toEqual([]);
  changed = Promise.withResolvers();
  const again = { ...resume, reason: 'once more', atMs: startMs + 500 };
  await giveOrder(folder, again);
  while (timers.nextInMs === null) await new Promise((resolve) => setImmediate(resolve));
  await timers.advance(1_000);
  await changed.promise;
  expect(orders.all).toEqual([again]);
});

it('a word that came while the one before it was carried out is not done with it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'testudo-orders-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const old: Order = { kind: 'approve', uid: 'uid-1', by: 'ada', reason: 'looked at', atMs: 1 };
  await giveOrder(folder, old);
  const timers = new SimulatedTimers(startMs);
  let changed = Promise.withResolvers<void>();
  const orders = new Orders(folder, timers, () => changed.resolve(), fail);
  onTestFinished(() => orders.close());
  await changed.promise;
  const later = { ...old, atMs: startMs + 500 };
  await giveOrder(folder, later);
  await orders.done(old);
  expect(orders.all).toEqual([]);
  changed = Promise.withResolvers();
  while (timers.nextInMs === null) await new Promise((resolve) => setImmediate(resolve));
  await timers.advance(1_000);
  await changed.promise;
  expect(orders.all).toEqual([later]);
  await orders.done(later);
  expect(readdirSync(join(folder, 'orders'))).toEqual([]);
});

it('a folder that cannot be read for a while is said to be so, and read again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'testudo-orders-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'orders'), ''); // No folder.
  const timers = new SimulatedTimers(startMs);
  const changed = Promise.withResolvers<void>();
  const trouble = Promise.withResolvers<string>();
  const orders = new Orders(folder, timers, changed.resolve, trouble.resolve);
  onTestFinished(() => orders.close());
  expect(await trouble.promise).toContain('ENOTDIR');
  rmSync(join(folder, 'orders'));
  await giveOrder(folder, resume);
  while (timers.nextInMs === null) await new Promise((resolve) => setImmediate(resolve));
  await timers.advance(1_000);
  await changed.promise;
  expect(orders.all).toEqual([resume]);
});

it('an order counts by the clock of the agent, whatever that of whoever gave it says', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'testudo-orders-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const hourMs = 3_600_000;
  const by = (uid: string, atMs: number): Order => ({ ...resume, kind: 'decline', uid, atMs });
  await giveOrder(folder, by('of-before', startMs - hourMs));
  await giveOrder(folder, by('of-before-ahead', startMs + hourMs));
  const timers = new SimulatedTimers(startMs);
  let changed = Promise.withResolvers<void>();
  const orders = new Orders(folder, timers, () => changed.resolve(), fail);
  onTestFinished(() => orders.close());
  await changed.promise;
  const given = () => Object.fromEntries(orders.all.map(({ uid, atMs }) => [uid, atMs - startMs]));
  // How long one lay there before this agent was started, only its own time says.
  expect(given()).toEqual({ 'of-before': -hourMs, 'of-before-ahead': 0 });
  changed = Promise.withResolvers();
  await giveOrder(folder, by('behind', startMs - hourMs));
  await giveOrder(folder, by('right', startMs + 500));
  await giveOrder(folder, by('ahead', startMs + hourMs));
  while (timers.nextInMs === null) await new Promise((resolve) => setImmediate(resolve));
  await timers.advance(1_000);
  await changed.promise;
  const heard = { behind: 0, right: 500, ahead: 1_000 };
  expect(given()).toEqual({ 'of-before': -hourMs, 'of-before-ahead': 0, ...heard });
  for (const order of orders.all) await orders.done(order);
  expect([orders.all, readdirSync(join(folder, 'orders'))]).toEqual([[], []]);
});
