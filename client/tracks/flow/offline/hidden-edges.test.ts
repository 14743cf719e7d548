import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../base/random.ts';
import { initialLinkModel, linkSpec } from '../link/link-model.ts';
import { LinkReader } from '../link/link-reader.ts';
import { sampleWindows } from '../testing/sample-windows.ts';
import { measureHiddenEdges } from './hidden-edges.ts';

const calls = Array.from({ length: 20 }, (_, at) => ({ client: `web${at}`, server: `db${at % 3}`, port: 5432 }));
const windows = sampleWindows(calls, 2, seededRandom(1));

type Detail = Readonly<{
  pairs: number;
  hidden: number;
  model: { any: { auc: number } };
  preferentialAttachment: { any: { auc: number } };
}>;

describe('measureHiddenEdges', () => {
  it('hides a share of the pairs and ranks them against pairs that are none, beside what needs no model', () => {
    const spec = linkSpec('gat');
    const reader = new LinkReader(spec, initialLinkModel(spec, 1));
    const report = measureHiddenEdges(reader, windows, { share: 0.25 });
    const again = measureHiddenEdges(reader, windows, { share: 0.25 });
    reader.close();
    if (!report.ok) throw new Error(report.fault.message);
    expect(again).toEqual(report);
    const detail = report.value.detail as Detail;
    expect(detail).toMatchObject({ workloads: 23, pairs: 20, hidden: 5 });
    // Databases are called and web servers are not: degrees alone tell nearly all of it.
    expect(detail.preferentialAttachment.any.auc).toBeGreaterThan(0.9);
    expect(detail.model.any.auc).toBeGreaterThanOrEqual(0);
    expect(report.value.text).toContain(
      '5 of 20 pairs between 23 workloads hidden, ranked against 20 of any two and 20 hard ones',
    );
    // sqrt((5 + 20 + 1) / (12 x 5 x 20)) = 0.1472, twice to either side of a half.
    expect(detail).toMatchObject({ isFew: true, byLot: [expect.closeTo(0.2115, 4), expect.closeTo(0.7885, 4)] });
    expect(report.value.text).toContain(
      'caution: the AUC of 5 hidden edges says little: scores drawn by lot would give 0.21 to 0.79 in 19 of 20 cases; hide 20 or more',
    );
  });

  it('says nothing more of twenty hidden edges', () => {
    const many = Array.from({ length: 40 }, (_, at) => ({ client: `web${at}`, server: `db${at % 3}`, port: 5432 }));
    const spec = linkSpec('gcn');
    const reader = new LinkReader(spec, initialLinkModel(spec, 1));
    const of = (share: number) => measureHiddenEdges(reader, sampleWindows(many, 2, seededRandom(1)), { share });
    const [nineteen, twenty] = [of(19 / 40), of(0.5)];
    reader.close();
    expect(nineteen).toMatchObject({ value: { detail: { hidden: 19, isFew: true } } });
    expect(twenty).toMatchObject({
      value: { detail: { hidden: 20, isFew: false }, text: expect.not.stringContaining('caution') },
    });
  });

  it('asks the model about the hidden pairs, which it does not see', () => {
    const seen: string[] = [];
    const oracle = {
      read: ({ sources, targets }: { sources: Uint32Array; targets: Uint32Array }) => {
        for (const [at, source] of sources.entries()) seen.push(`${source}>${targets[at]}`);
        return {
          logits: (asked: { sources: Uint32Array; targets: Uint32Array }) =>
            Float32Array.from(asked.sources, (source, at) =>
              seen.includes(`${source}>${asked.targets[at]}`) ? -9 : 9 - at,
            ),
          close() {},
        };
      },
    } as unknown as LinkReader;
    const report = measureHiddenEdges(oracle, windows, { share: 0.5 });
    expect(report).toMatchObject({ ok: true });
    expect(seen).toHaveLength(10);
  });

  it('refuses a graph too small to hide anything, and says what it saw', () => {
    const few = sampleWindows(calls.slice(0, 3), 1, seededRandom(1));
    expect(measureHiddenEdges({} as LinkReader, few, { share: 0.5 })).toMatchObject({
      fault: { code: 'INPUT_UNREADABLE', message: expect.stringContaining('3 pairs of 6 workloads') },
    });
  });
});
