import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../base/fault.ts';
import { openRoundOf, type Track } from '../coordinator/ledger/state/state.ts';
import { track } from '../coordinator/testing/federation.ts';
import { HeldLine } from '../coordinator/testing/held-line.ts';
import { tempDir } from '../coordinator/testing/temp-dir.ts';
import { CommandLine, type Ended } from './testing/command-line.ts';

/**
 * How a command ends of which nothing more is heard once `isDone` holds: the answer to what did that goes out, the question after
 * it does not come in, and then the line is cut.
 */
async function cutOnce(line: CommandLine, isDone: () => boolean, ...words: readonly string[]): Promise<Ended> {
  const { coordinator } = line.federation;
  const way = await HeldLine.open(() => Number(coordinator.addresses.federation.split(':').at(-1)));
  onTestFinished(() => way.close());
  Object.defineProperty(way, 'mode', { get: () => ({ toServer: isDone() ? 'hold' : 'pass', toClient: 'pass' }) });
  const through = ['--credentials', line.credentials('admin'), '--address', `127.0.0.1:${way.port}`];
  const ended = line.offline(...words, ...through);
  // More than the frames that acknowledge an answer: the next question.
  await expect.poll(() => way.heldBytes, { timeout: 600_000 }).toBeGreaterThan(60);
  way.cut();
  return await ended;
}

const why = ['--reason', 'test'] as const;

it('a rollback whose second half fails says that stable has moved, and which command does the rest', async () => {
  const line = await CommandLine.start();
  const { federation } = line;
  const { coordinator } = federation;
  const known = () => coordinator.engine.state().tracks.get(track);
  const members = await Promise.all(['a', 'b', 'c'].map((name) => federation.enrol(name)));
  for (const member of members) await member.watch([track]);
  await federation.openRound();
  for (const member of members) {
    await member.invitationTo('r-1');
    unwrap(await member.submit(new Float32Array(1000).fill(0.01)));
  }
  const stable = () => known()?.releasing.channels.stable?.version;
  await federation.until(() => stable() === 1);
  await coordinator.registry.settled();

  const words = ['rollback', track, '--training', '--reason', 'false alarms'];
  expect(await cutOnce(line, () => stable() === 0, ...words)).toMatchObject({
    code: 5,
    out: '',
    error: expect.stringMatching(
      /^HALF_DONE: stable of syscall is 0 \(journal \d+\); .*OUTCOME_UNKNOWN.*Do not repeat the rollback: `testudo tracks head syscall 0 --reason 'false alarms'` does the rest/,
    ),
  });
  expect(stable()).toBe(0);
  expect(await line.run('tracks', 'head', track, '0', '--reason', 'false alarms')).toMatchObject({ code: 0 });
}, 600_000);

it('a cluster is added, or half removed: what was made is shown with the lines that use it, and the same command ends the removal', async () => {
  const line = await CommandLine.start();
  const { coordinator } = line.federation;
  const tokens = () => [...coordinator.engine.state().tokens.values()].filter(({ cluster }) => cluster === 'eu');
  await line.run('tokens', 'create', 'eu');
  const [earlier] = [...coordinator.engine.state().tokens.keys()];
  const out = join(tempDir(), 'its place');
  const added = await cutOnce(line, () => tokens().length === 2, 'cluster', 'add', 'eu', '--out', out, '--json');
  expect(added).toMatchObject({
    code: 5,
    error: expect.stringMatching(
      new RegExp(
        `HALF_DONE: eu may enrol once, until \\S+ \\(token \\w+\\); .*OUTCOME_UNKNOWN.*\`testudo tokens revoke ID --reason …\` for ${earlier}`,
      ),
    ),
  });
  expect(JSON.parse(added.out)).toMatchObject({
    voidedTokens: [],
    install: [`kubectl apply -f '${out}/secrets.yaml'`, expect.stringContaining(`--values '${out}/values.yaml'`)],
  });
  expect(existsSync(join(out, 'secrets.yaml'))).toBe(true);

  const open = () => tokens().filter(({ revoked }) => !revoked).length;
  const removed = await cutOnce(line, () => open() < 2, 'cluster', 'remove', 'eu', ...why);
  expect(removed).toMatchObject({
    code: 5,
    out: '',
    error: expect.stringMatching(/^HALF_DONE: 1 open token\(s\) of eu voided; .*The same command again does the rest/),
  });
  expect(await line.run('cluster', 'remove', 'eu', ...why)).toMatchObject({ code: 0 });
  expect(open()).toBe(0);
}, 600_000);

it('pins are in force though the coordinator is not heard any more: one set says so, and several after a restore go on where they ended', async () => {
  const line = await CommandLine.start();
  const { coordinator } = line.federation;
  await line.federation.enrol('a');
  const version = () => coordinator.engine.state().metadata.pins?.version ?? 0;
  const held = await cutOnce(line, () => version() === 2, 'pin', 'a', `${track}@0`, ...why);
  expect(held).toMatchObject({
    code: 5,
    out: '',
    error: expect.stringMatching(
      /HALF_DONE: pin \w+ holds a on syscall@0: pins version 2 is in force \(journal \d+\); .*Do not repeat it: `testudo pins list`/,
    ),
  });
  const renew = ['pins', 'renew', '--after-restore', '5', ...why];
  expect(await cutOnce(line, () => version() === 4, ...renew)).toMatchObject({
    code: 5,
    out: '',
    error: expect.stringMatching(
      /^HALF_DONE: pins version 4 of 6 is in force; .*`testudo pins renew --after-restore 5 --reason …` goes on from there/,
    ),
  });
  expect(await line.run(...renew)).toMatchObject({
    code: 0,
    out: expect.stringContaining('pins version 6 is in force'),
  });
}, 600_000);

it('a certificate whose file could not be written was made all the same, and the one before it counts no more', async () => {
  const line = await CommandLine.start();
  const folder = tempDir();
  // A name as long as one may be: what is written beside it until it is whole has a longer one.
  const out = join(folder, 'o'.repeat(250));
  for (const [words, made] of [
    [['operators', 'add', 'bob'], 'bob has a new certificate'],
    [['doors', 'add', 'edge', '--host', '127.0.0.1'], 'door edge has new certificates'],
  ] as const) {
    expect(await line.run(...words, '--out', out, ...why)).toMatchObject({
      code: 5,
      out: '',
      error: expect.stringMatching(new RegExp(`^HALF_DONE: ${made}, .*SYSTEM_REFUSED: ENAMETOOLONG.*the same command`)),
    });
    expect(existsSync(out)).toBe(false);
  }
  const state = line.federation.coordinator.engine.state();
  expect([state.operators.has('bob'), state.doors.has('edge')]).toEqual([true, true]);
  const added = await line.run('operators', 'add', 'bob', '--out', join(folder, 'bob.json'), ...why);
  expect(added.code, added.error).toBe(0);
  expect(JSON.parse(readFileSync(join(folder, 'bob.json'), 'utf8'))).toMatchObject({ name: 'bob' });
}, 600_000);

it('a round that was opened goes on though its operator was removed while he waited for its end', async () => {
  const line = await CommandLine.start();
  await line.hire('bob', 'operator');
  const waiting = line.runAs('bob', 'rounds', 'open', track, '--wait', ...why);
  await line.federation.until(({ tracks }) => openRoundOf(tracks.get(track) as Track) !== undefined);
  expect((await line.run('operators', 'remove', 'bob', ...why)).code).toBe(0);
  expect(await waiting).toMatchObject({
    code: 5,
    error: expect.stringMatching(/HALF_DONE: r-1 of syscall is open; .*`testudo rounds show syscall r-1` says what/),
  });
}, 600_000);
