import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unwrap } from '../../base/fault.ts';
import { lastLines, type Member, startMember } from '../../lab/rig/member.ts';
import { layoutOf, valuesOfBytes } from '../../proto/layout.ts';
import type { ModelSpec } from '../../proto/model-spec.ts';
import type { DemoOptions } from '../options.ts';
import { doneFile } from './baseline-files.ts';

/** Starts the process that trains what the federation is compared with; its models come to lie in `folder`. */
export async function startBaselines(options: DemoOptions, folder: string): Promise<Member> {
  const optionsFile = join(folder, 'options.json');
  await writeFile(optionsFile, JSON.stringify(options));
  const program = fileURLToPath(new URL('./baselines-process.ts', import.meta.url));
  return startMember({
    name: 'baselines',
    args: [program, optionsFile, folder],
    logFile: join(folder, 'baselines.log'),
  });
}

/** Waits for the comparisons. Throws what their process said last when not all of them are there. */
export async function baselinesEnded(baselines: Member, folder: string): Promise<void> {
  await baselines.exited;
  const done = await stat(join(folder, doneFile)).catch(() => undefined);
  if (done === undefined) throw new Error(`the comparisons ended by themselves:\n${await lastLines(baselines)}`);
}

/** What each way of training made of one track. `pathOf`: where a model lies, by the name of its training. */
export async function baselineModels(spec: ModelSpec, honest: readonly string[], pathOf: (name: string) => string) {
  const layout = layoutOf(spec);
  const model = async (name: string) => unwrap(valuesOfBytes(layout, await readFile(pathOf(name))));
  const local = await Promise.all(honest.map(async (name) => [name, await model(`local-${name}`)] as const));
  return {
    fedAvgUnderAttack: await model('fedAvgUnderAttack'),
    robustNoAttack: await model('robustNoAttack'),
    pooled: await model('pooled'),
    local: new Map(local),
  };
}
