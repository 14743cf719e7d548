import { access, constants, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../base/atomic-file.ts';
import { ok, type Result, refuse } from '../base/fault.ts';
import { checkModelPlace } from '../client/tracks/model-files.ts';
import { saveModelFolder } from '../client/tracks/syscall/offline/model-folder.ts';
import { renderSvg } from '../lab/plot.ts';
import type { Judges } from './judging.ts';
import type { Prepared } from './prepare.ts';
import type { DemoReport } from './report/report.ts';
import { renderReport } from './report/report-html.ts';

/** Whether the job's results may be written there: said before it runs, not minutes later. Makes the folder. */
export async function checkOut(out: string): Promise<Result<void, 'OUTPUT_UNWRITABLE'>> {
  try {
    makeFolder(out);
    await access(out, constants.W_OK);
    for (const name of ['model', 'model-flow']) {
      const place = await checkModelPlace(join(out, name));
      if (!place.ok) return place;
    }
  } catch (error) {
    return refuse('OUTPUT_UNWRITABLE', `--out: ${(error as Error).message}; name a folder that can be written`);
  }
  return ok(undefined);
}

/** What scoring needs: the weights that the federation shared, and each cluster's own part, since all live here. */
export async function saveModel(
  { clusters, detector, options }: Prepared,
  judges: Judges,
  weights: Float32Array,
): Promise<void> {
  const states = new Map([...clusters.keys()].map((name) => [name, judges.stateOf(name, weights)]));
  makeFolder(options.out);
  await saveModelFolder(join(options.out, 'model'), { detector, weights, clusters: states });
}

/** Writes the report, as data and as a page. */
export async function publish(out: string, report: DemoReport): Promise<void> {
  makeFolder(out);
  await writeFile(join(out, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  await writeFile(join(out, 'report.html'), await renderReport(report, renderSvg));
}
