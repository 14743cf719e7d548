import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { tempDir } from '../../coordinator/testing/temp-dir.ts';
import { startCoordinatorProcess } from '../rig/coordinator-process.ts';
import { endAll } from './down.ts';
import { found } from './founding.ts';
import { isStill, markOf } from './process-mark.ts';
import { coordinatorName, placesIn, readState, type StandingState, writeState } from './standing-state.ts';
import { bringUp } from './up.ts';

const { signal } = new AbortController();
const testudo = fileURLToPath(new URL('../../cli/testudo.ts', import.meta.url));

it('an up that was cut short before its coordinator was ready leaves none that the next one, and down, do not know', async () => {
  const folder = join(tempDir(afterAll), 'herd');
  const clusters = { own: [], classes: ['nginx'] };
  const state = unwrap(await found({ folder, testudo, federation: 'herd', liars: 0, clusters }));
  const { config, logOf } = placesIn(folder);
  const logFile = logOf(coordinatorName);
  const { member } = await startCoordinatorProcess({ testudo, config, logFile, stays: true });
  onTestFinished(async () => {
    member.kill();
    await endAll(folder, unwrap(await readState(folder)) ?? state);
  });
  // As it stands in the file until the coordinator has said that it is ready.
  const left = { name: coordinatorName, pid: member.pid, mark: markOf(member.pid) ?? '' };
  await writeState(folder, { ...state, processes: [left] });

  const given = { folder, testudo, onProgress: () => {}, signal };
  const up = await bringUp(unwrap(await readState(folder)) ?? state, given);
  expect(isStill(left)).toBe(false);
  expect(up.processes.map(({ name }) => name)).toEqual([coordinatorName]);
  expect(up.processes.every(isStill)).toBe(true);
  expect(unwrap(await readState(folder))).toEqual(up);
  expect((await endAll(folder, up)).map(({ how }) => how)).toEqual(['ended']);
}, 600_000);

it('an up that fails ends what it started, and leaves what was up before', async () => {
  const folder = join(tempDir(afterAll), 'herd');
  const clusters = { own: [], classes: ['nginx'] };
  const founded = unwrap(await found({ folder, testudo, federation: 'herd', liars: 0, clusters }));
  const spoilt = { ...founded, clusters: [{ name: 'web', sources: [], ends: false }] };
  const given = { folder, testudo, onProgress: () => {}, signal };
  onTestFinished(async () => void (await endAll(folder, unwrap(await readState(folder)) ?? founded)));
  mkdirSync(placesIn(folder).cluster('web'), { recursive: true });
  writeFileSync(join(placesIn(folder).cluster('web'), 'client.yaml'), 'sources: [');
  const started: StandingState['processes'] = [];
  const onProgress = () => void readState(folder).then((state) => started.push(...(unwrap(state)?.processes ?? [])));
  await expect(bringUp(spoilt, { ...given, onProgress })).rejects.toMatchObject({
    fault: { code: 'PROCESS_ENDED', message: expect.stringMatching(/^web ended by itself.*is not YAML/s) },
  });
  expect(started.map(({ name }) => name)).toContain(coordinatorName);
  expect(started.filter(isStill)).toEqual([]);
  expect(unwrap(await readState(folder))?.processes).toEqual([]);

  const { processes, addresses } = await bringUp(founded, given);
  await expect(bringUp({ ...spoilt, processes, addresses }, given)).rejects.toMatchObject({
    fault: { code: 'PROCESS_ENDED' },
  });
  expect(unwrap(await readState(folder))?.processes).toEqual(processes);
  expect(processes.every(isStill)).toBe(true);
}, 600_000);

it('an up that cannot write down whom it started ends them all the same', async () => {
  const folder = join(tempDir(afterAll), 'herd');
  const clusters = { own: [], classes: ['nginx'] };
  const founded = unwrap(await found({ folder, testudo, federation: 'herd', liars: 0, clusters }));
  const state = { ...founded, clusters: [{ name: 'web', sources: [], ends: false }] };
  const { state: file, cluster } = placesIn(folder);
  let coordinator: StandingState['processes'] = [];
  // The coordinator is written down, and the first client will not be: a folder has the file's name.
  const onProgress = () => {
    coordinator = (JSON.parse(readFileSync(file, 'utf8')) as StandingState).processes;
    rmSync(file);
    mkdirSync(join(file, 'in the way'), { recursive: true });
  };
  await expect(bringUp(state, { folder, testudo, onProgress, signal })).rejects.toMatchObject({
    code: expect.stringMatching(/^(EISDIR|ENOTEMPTY)$/),
  });
  expect(coordinator.map(({ name }) => name)).toEqual([coordinatorName]);
  expect(coordinator.filter(isStill)).toEqual([]);
  const words = readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .map(commandOf);
  expect(words.filter((text) => text.includes(cluster('web')))).toEqual([]);
}, 600_000);

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return ''; // It has ended meanwhile.
  }
}
