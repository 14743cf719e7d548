/**
 * What the federation is compared with, computed in a process of its own while the federation runs:
 * `node baselines-process.ts OPTIONS-FILE FOLDER`. Writes one file of float32 values for each model, then `done`.
 */
import '../../base/require-node.mjs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unwrap } from '../../base/fault.ts';
import { bytesOfValues } from '../../proto/layout.ts';
import type { DemoOptions } from '../options.ts';
import { prepare } from '../prepare.ts';
import { baselineFile, doneFile } from './baseline-files.ts';
import { plainAveraging, simulateFederation, trainAlone } from './simulation.ts';

const [optionsFile = '', folder = ''] = process.argv.slice(2);
const prepared = unwrap(await prepare(JSON.parse(await readFile(optionsFile, 'utf8')) as DemoOptions));
const { detector, clusters, hostile, policy, flowPolicy, sample, training, options } = prepared;
const { rounds, seed } = options;
const keep = (name: string, model: Float32Array) => writeFile(join(folder, baselineFile(name)), bytesOfValues(model));

const federation = { detector, clusters, rounds, training, seed, sample };
await keep('fedAvgUnderAttack', await simulateFederation({ ...federation, policy: plainAveraging, hostile }));
await keep('robustNoAttack', await simulateFederation({ ...federation, policy, hostile: [] }));
const everything = [...clusters.values()].flat();
await keep('pooled', trainAlone(detector, everything, training, rounds, seed));
for (const [name, traces] of clusters) {
  if (!hostile.includes(name)) await keep(`local-${name}`, trainAlone(detector, traces, training, rounds, seed));
}
if (options.tracks.includes('flow')) {
  const { prepareFlow } = await import('../flow/prepare.ts');
  const { simulateFlow, trainFlowAlone, trainFlowPooled } = await import('./flow-simulation.ts');
  const flow = await prepareFlow(prepared, join(folder, 'flows-compared'));
  const keepFlow = (name: string, model: Float32Array) => keep(`flow-${name}`, model);
  await keepFlow('fedAvgUnderAttack', await simulateFlow({ flow, policy: plainAveraging, hostile, seed }));
  await keepFlow('robustNoAttack', await simulateFlow({ flow, policy: flowPolicy, hostile: [], seed }));
  await keepFlow('pooled', trainFlowPooled(flow, seed));
  for (const [name, { learnt }] of flow.clusters) {
    if (!hostile.includes(name)) await keepFlow(`local-${name}`, await trainFlowAlone(flow, learnt, seed));
  }
}
await writeFile(join(folder, doneFile), '');
