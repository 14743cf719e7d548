import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { featureScale } from '../../client/tracks/neural/features/autoencoder.ts';
import { parseTrackPolicy } from '../../coordinator/config/policy.ts';
import { layoutOf } from '../../proto/layout.ts';
import { specOfBytes } from '../../proto/model-spec.ts';
import { modelCommand } from './model.ts';

describe('testudo model init', () => {
  it.each([
    ['syscall', 'gram-table'],
    ['syscall', 'lstm-lm'],
    ['syscall', 'lstm-lm', '--arguments'],
    ['flow', 'gcn'],
    ['flow', 'feature-autoencoder'],
  ])('writes what a %s track of %s is made from', async (track, detector, ...more: string[]) => {
    const folder = await mkdtemp(join(tmpdir(), 'testudo-model-'));
    const said = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    try {
      const classes = track === 'syscall' ? ['--classes', 'nginx', 'redis'] : [];
      const flags = ['init', folder, '--track', track, ...classes, '--detector', detector, '--liars', '2', ...more];
      await modelCommand().parseAsync(flags, { from: 'user' });
      const spec = unwrap(specOfBytes(await readFile(join(folder, 'spec.json'))));
      expect((await readFile(join(folder, 'model.bin'))).byteLength).toBe(4 * layoutOf(spec).length);
      expect('argumentEmbedding' in spec.hyperparameters).toBe(more.includes('--arguments'));
      const policy = unwrap(parseTrackPolicy(await readFile(join(folder, 'policy.yaml'), 'utf8')));
      expect(policy.aggregation).toMatchObject({ f: 2, admission: { zeroUpdate: 'admit' } });
      expect(said.mock.calls.join()).toContain(`testudo tracks put ${track}`);
    } finally {
      said.mockRestore();
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('takes the scale of a feature autoencoder from flows that all may know', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'testudo-model-'));
    const said = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    try {
      const sample = join(folder, 'sample.csv');
      const header =
        'start_s,duration_s,cluster,src_service,dst_service,dst_port,protocol,bytes_out,bytes_in,packets_out,packets_in,label,family';
      const rows = Array.from({ length: 50 }, (_, i) => `${i},0.1,c,s${i % 7},db,5432,tcp,${i},9,1,1,normal,normal`);
      await writeFile(sample, `${header}\n${rows.join('\n')}\n`);
      const flags = ['init', folder, '--track', 'flow', '--detector', 'feature-autoencoder', '--scale-from', sample];
      await modelCommand().parseAsync(flags, { from: 'user' });
      const spec = unwrap(specOfBytes(await readFile(join(folder, 'spec.json'))));
      const { centers, spreads } = featureScale(spec, new Float32Array(0));
      expect(centers.some((value) => value > 0)).toBe(true);
      expect(spreads.every((value) => value >= 0.09)).toBe(true);
    } finally {
      said.mockRestore();
      await rm(folder, { recursive: true, force: true });
    }
  });
});
