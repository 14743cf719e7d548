import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { flowWindowMs, mapFlows, readRecordedFlows } from './recorded-flows.ts';

const recorded = await readRecordedFlows(fileURLToPath(new URL('../../data/recorded', import.meta.url)));
const names = [...recorded.keys()];

describe('readRecordedFlows', () => {
  it('parts what is learnt from what comes after, and learns nothing hostile', () => {
    expect(names).toHaveLength(11);
    for (const { header, learnt, later, trainEndMs } of recorded.values()) {
      const column = (row: string, name: string) => row.split(',')[header.split(',').indexOf(name)] ?? '';
      expect(learnt.length).toBeGreaterThan(20);
      expect(new Set(learnt.map((row) => column(row, 'family')))).toEqual(new Set(['normal']));
      expect(learnt.filter((row) => Number(column(row, 'start_s')) * 1e3 >= trainEndMs)).toEqual([]);
      expect(later.filter((row) => Number(column(row, 'start_s')) * 1e3 < trainEndMs)).toEqual([]);
      expect(later.filter((row) => column(row, 'family') === 'lateral_movement').length).toBeGreaterThan(0);
      expect(trainEndMs % flowWindowMs).toBe(0);
    }
  });
});

describe('mapFlows', () => {
  it('takes the flows of the very clusters whose system calls are learnt', () => {
    const { flowsOf, leftOut, isNative } = mapFlows(names.slice(0, 8), names, true);
    expect([...flowsOf].every(([cluster, flows]) => cluster === flows)).toBe(true);
    expect(leftOut).toEqual(names.slice(8));
    expect(isNative).toBe(true);
  });

  it.each([
    ['clusters that only have the same names', names.slice(0, 8), false],
    ['others', Array.from({ length: 8 }, (_, at) => `node-${at}`), true],
    ['many', Array.from({ length: 20 }, (_, at) => `node-${at}`), true],
    ['all of the recording', names, true],
  ])('deals them out to %s, and leaves topologies that nobody learns from', (_, clusters, areRecorded) => {
    const { flowsOf, leftOut, isNative } = mapFlows(clusters, names, areRecorded);
    expect([...flowsOf.keys()]).toEqual(clusters);
    expect(new Set(flowsOf.values())).toEqual(new Set(names.slice(0, 8)));
    expect(leftOut).toEqual(names.slice(8));
    expect(isNative).toBe(false);
  });
});
