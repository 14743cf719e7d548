import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Federation } from '../../lab/rig/federation.ts';
import { trackName } from '../../lab/rig/plan.ts';
import type { Screen } from '../screen.ts';

/** The operator gives the track its trusted sample before the first round. */
export async function putSample(
  federation: Pick<Federation, 'command'>,
  folder: string,
  sample: Uint8Array,
  screen: Screen,
): Promise<void> {
  const file = join(folder, 'sample.tsv.gz');
  await writeFile(file, sample);
  const reason = 'the recorded set gives it';
  await federation.command(['tracks', 'sample', 'put', trackName, '--file', file, '--reason', reason]);
  screen.line(
    `the operator puts a trusted sample of ${sample.byteLength} bytes: a few normal traces and attacks of each class`,
  );
}
