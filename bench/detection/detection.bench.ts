import type { Bench, BenchOptions } from '../harness/bench.ts';
import { piecesOf } from '../harness/pieces.ts';
import type { Report } from '../harness/report.ts';
import { attacked, publicAttacked, publicStudy } from './attack-study.ts';
import { fhidsBySplits } from './fhids-splits.ts';
import { languageModel } from './language-model-study.ts';
import { leftOut, recorded } from './recorded-study.ts';
import { recordedWorld } from './world.ts';

export const bench: Bench = {
  name: 'detection',
  summary:
    'How well the syscall track tells intrusions from normal work: alone and federated, in clusters it knows and does not know, honest and attacked, beside its baselines.',
  run,
};

const { measurePiece, writePieces } = piecesOf('detection');

type Measure = (report: Report) => Promise<void> | void;

/** In the order of the page. Each is measured by itself, since the whole takes long and machines are shared. */
const parts: Readonly<Record<string, Measure>> = {
  recorded: async (report) => recorded(await recordedWorld(), report),
  'left-out': async (report) => leftOut(await recordedWorld(), report),
  'attacked-2': async (report) => attacked(await recordedWorld(), 2, report),
  'attacked-3': async (report) => attacked(await recordedWorld(), 3, report),
  FHIDS: async (report) => unlessMissing('FHIDS', await publicStudy('FHIDS', report)),
  'FHIDS-splits': async (report) => unlessMissing('FHIDS', await fhidsBySplits(report)),
  'FHIDS-attacked-2': async (report) => unlessMissing('FHIDS', await publicAttacked('FHIDS', 2, report)),
  'FHIDS-attacked-3': async (report) => unlessMissing('FHIDS', await publicAttacked('FHIDS', 3, report)),
  'ADFA-LD': async (report) => unlessMissing('ADFA-LD', await publicStudy('ADFA-LD', report)),
  'ADFA-LD-attacked-2': async (report) => unlessMissing('ADFA-LD', await publicAttacked('ADFA-LD', 2, report)),
  'ADFA-LD-attacked-3': async (report) => unlessMissing('ADFA-LD', await publicAttacked('ADFA-LD', 3, report)),
  'language-model': async (report) => languageModel(await recordedWorld(), report),
};

async function run({ only, small }: BenchOptions, report: Report): Promise<void> {
  if (small) return recorded(await recordedWorld(['c01', 'c03']), report);
  for (const [name, measure] of Object.entries(parts)) {
    if (only === undefined || only.split(',').includes(name)) await measurePiece(name, measure, report);
  }
  if (only !== undefined && only !== 'page') return;
  report.text('What each figure is held to stands on the page [detection-bars](detection-bars.md).');
  writePieces(Object.keys(parts), report);
}

function unlessMissing(set: string, wasThere: boolean): void {
  if (!wasThere) throw new Error(`${set} is not at hand: name the folder of public sets in TESTUDO_PUBLIC_DATA`);
}
