import { describe, expect, it } from 'vitest';
import { syscallDetector } from '../../../client/tracks/syscall/detectors.ts';
import { WorkloadClasses } from '../../../client/tracks/syscall/traces/workload-classes.ts';
import { bytesOfValues } from '../../../proto/layout.ts';
import { writeLightForm } from './light-form.ts';

describe('writeLightForm', () => {
  it('writes the same bytes again, nothing for what has no light form, and fails on weights of another length', async () => {
    const { spec, init } = syscallDetector('gram-table', new WorkloadClasses(['web']));
    const weights = bytesOfValues(init(1).map((_, slot) => (slot % 3 === 0 ? slot / 1e6 : 0)));
    const light = await writeLightForm(spec, weights);
    expect(light?.byteLength).toBeGreaterThan(init(1).length);
    expect(light?.byteLength).toBeLessThan(weights.byteLength / 3);
    expect(await writeLightForm(spec, weights)).toEqual(light);
    expect(await writeLightForm({ ...spec, architecture: 'someone-elses/1' }, weights)).toBeUndefined();
    await expect(writeLightForm(spec, weights.subarray(4))).rejects.toThrow('LENGTH');
  });
});
