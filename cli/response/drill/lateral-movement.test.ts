import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { unwrap } from '../../../base/fault.ts';
import { runLateralMovement } from './lateral-movement.ts';

const header =
  'start_s,duration_s,cluster,src_service,dst_service,dst_port,protocol,bytes_out,bytes_in,packets_out,packets_in,label,family';
const row = (start: number, from: string, to: string) =>
  `${start},0.1,mine,${from},${to},8080,tcp,100,200,3,4,normal,normal`;

it('finds walks that never happened among flows that were recorded, and few normal edges', async () => {
  const checks = unwrap(await runLateralMovement({ flows: undefined, model: undefined, seed: 7 }));
  expect(checks.map(({ verdict, happened }) => [verdict, happened.split(':')[0]])).toEqual([
    ['as expected', '5 of 5'],
    ['as expected', expect.stringMatching(/^\d+ of \d+ \([0-4]\.\d %\)$/)],
  ]);
});

it('says that nothing was measured where everybody calls everybody, and refuses what are no flows', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'testudo-movement-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const own = join(folder, 'own.csv');
  const ends = ['a', 'b', 'c'];
  const calls = ends.flatMap((from) => ends.filter((to) => to !== from).map((to) => [from, to] as const));
  const rows = Array.from({ length: 40 }, (_, at) => calls.map(([from, to]) => row(at * 5 + 1, from, to))).flat();
  await writeFile(own, [header, ...rows].join('\n'));
  const checks = unwrap(await runLateralMovement({ flows: own, model: undefined, seed: 1 }));
  expect(checks.map(({ verdict }) => verdict)).toEqual(['not measured', 'not measured']);
  expect(checks[0]?.happened).toContain('no walk can be made');
  await writeFile(own, 'nothing\n');
  expect(await runLateralMovement({ flows: own, model: undefined, seed: 1 })).toMatchObject({
    fault: { code: 'FILE_REFUSED' },
  });
});
