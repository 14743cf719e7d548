import type { ApiExample } from '../../client/tracks/api/example.ts';
import { evidenceSpec, trainEvidence } from '../../client/tracks/api/memory/evidence-table.ts';
import { areaUnderRoc } from '../../client/tracks/metrics.ts';
import { qualityOf } from '../../client/tracks/quality.ts';
import type { Report } from '../harness/report.ts';
import { type Cluster, chosenOn, ours, reported, type Scored, scoreCluster } from './world.ts';

/** Each kind of attack by each detector, with the shared model that the clusters made together. */
export function recordedStudy(clusters: readonly Cluster[], report: Report): void {
  const spec = evidenceSpec();
  const locals = clusters.map(({ normal }) => trainEvidence(spec, normal));
  const shared = meanOf(locals);
  const scored = clusters.flatMap((cluster, at) => {
    const others = locals.filter((_, one) => one !== at || locals.length === 1);
    return scoreCluster(cluster, spec, shared, meanOf(others));
  });
  const detectors = Object.keys(scored[0]?.scores ?? {});
  report.text(
    `## Recorded

${count(scored, 'normal')} normal and ${scored.length - count(scored, 'normal')} hostile requests of the test phase (\`data/api\`), each with its whole chain of calls, by AUC. A cluster learns its training and validation phases; what attackers did before they attacked is judged as it comes and left out of the figures. What had to be chosen was chosen on ${chosenOn.join(' and ')}; the figures that count are those of ${reported.join(', ')}. *By kind* is the mean over the kinds of attack. *No history* is the first day of a cluster whose requests nobody has seen, judged by what the four others know. *Without body fields* is what a plain proxy's log can give.`,
  );
  const bare = clusters.map(withoutFields);
  const bareScored = bare.flatMap((cluster) => scoreCluster(cluster, spec, shared));
  const rows = [];
  for (const detector of detectors) rows.push(row(detector, detector, scored, report));
  rows.push(row('deployed, without body fields', ours, bareScored, report));
  const header = [
    'detector',
    'reported',
    'by kind',
    'found at 1 %',
    'found at 5 %',
    'all five',
    'by kind',
    'found at 1 %',
  ];
  report.table(header, rows);
  report.text('By kind of attack, AUC on the reported clusters, and on all five:');
  const kinds = [...new Set(scored.map(({ kind }) => kind))].filter((kind) => kind !== 'normal').sort();
  report.table(
    ['attack', 'requests', ...detectors, 'deployed, all five', 'found at 1 %'],
    kinds.map((kind) => {
      const own = detectors.map((detector) => quality(onReported(scored), detector, [kind]).auc);
      const five = quality(scored, ours, [kind]);
      report.record({
        case: `recorded ${kind}`,
        ...Object.fromEntries(detectors.map((detector, at) => [plain(detector), own[at]])),
        allFive: five.auc,
        foundAt1: five.foundAt1,
      });
      return [kind, String(count(scored, kind)), ...own.map(area), area(five.auc), percent(five.foundAt1)];
    }),
  );
}

function row(name: string, detector: string, scored: readonly Scored[], report: Report): string[] {
  const [three, five] = [onReported(scored), scored].map((some) => quality(some, detector)) as [Quality, Quality];
  report.record({ case: `recorded ${plain(name)}`, ...three, allFive: five.auc, allFiveByKind: five.byKind });
  const cells = [three.auc, three.byKind].map(area);
  return [
    name,
    ...cells,
    percent(three.foundAt1),
    percent(three.foundAt5),
    area(five.auc),
    area(five.byKind),
    percent(five.foundAt1),
  ];
}

export type Quality = Readonly<{ auc: number; byKind: number; foundAt1: number; foundAt5: number }>;

export function quality(scored: readonly Scored[], detector: string, only?: readonly string[]): Quality {
  const of = (some: readonly Scored[]) => some.map(({ scores }) => scores[detector] as number);
  const benign = of(scored.filter(({ kind }) => kind === 'normal'));
  const hostile = scored.filter(({ kind }) => kind !== 'normal' && (only?.includes(kind) ?? true));
  const areas = [...Map.groupBy(hostile, ({ kind }) => kind).values()].map((own) => areaUnderRoc(benign, of(own)));
  const { auc, foundAt1, foundAt5 } = qualityOf(benign, of(hostile));
  return { auc, byKind: areas.reduce((sum, one) => sum + one, 0) / areas.length, foundAt1, foundAt5 };
}

function withoutFields({ name, normal, judged }: Cluster): Cluster {
  const bare = (example: ApiExample): ApiExample => ({
    ...example,
    calls: example.calls.map((call) => ({ ...call, fields: undefined })),
  });
  return {
    name,
    normal: normal.map(bare),
    judged: judged.map((chain) => ({ ...chain, example: bare(chain.example) })),
  };
}

function onReported(scored: readonly Scored[]): readonly Scored[] {
  const own = scored.filter(({ cluster }) => reported.includes(cluster));
  return own.length === 0 ? scored : own;
}

function meanOf(rows: readonly Float32Array[]): Float32Array {
  return Float32Array.from(
    rows[0] ?? [],
    (_, at) => rows.reduce((sum, own) => sum + (own[at] as number), 0) / rows.length,
  );
}

function count(scored: readonly Scored[], kind: string): number {
  return scored.filter((one) => one.kind === kind).length;
}

export function area(auc: number): string {
  return Number.isNaN(auc) ? '–' : auc.toFixed(3);
}

export function percent(part: number): string {
  return `${(part * 100).toFixed(0)} %`;
}

function plain(name: string): string {
  return name.replaceAll('**', '');
}
