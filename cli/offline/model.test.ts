import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { unwrap } from '../../base/fault.ts';
import { featureScale } from '../../client/tracks/neural/features/autoencoder.ts';
import { parseTrackPolicy } from '../../coordinator/config/policy.ts';
import { layoutOf } from '../../proto/layout.ts';
import { specOfBytes } from '../../proto/model-spec.ts';
import { runTestudo } from '../testing/command-line.ts';
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

  it('replaces nothing that is there, and says in a sentence where it cannot write', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'testudo-model-'));
    try {
      await writeFile(join(folder, 'policy.yaml'), 'edited for hours');
      expect(await runTestudo('model', 'init', folder, '--classes', 'nginx')).toEqual({
        code: 1,
        out: '',
        error: `OUTPUT_EXISTS: ${folder} holds policy.yaml already; name another folder, or remove them first\n`,
      });
      expect(await readFile(join(folder, 'policy.yaml'), 'utf8')).toBe('edited for hours');
      const nowhere = join(folder, 'policy.yaml', 'below');
      const refused = await runTestudo('model', 'init', nowhere, '--classes', 'nginx');
      expect(refused).toMatchObject({ code: 1, out: '' });
      expect(refused.error).toBe(`SYSTEM_REFUSED: ENOTDIR: not a directory, mkdir '${nowhere}'; is the path right?\n`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe('testudo model train', () => {
  it('removes nothing of a folder that is no model, and learns nothing for it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'testudo-model-'));
    try {
      const [rows, start, home] = ['rows.csv', 'start', 'home'].map((name) => join(folder, name)) as [
        string,
        string,
        string,
      ];
      await writeFile(rows, `a,b\n${Array.from({ length: 30 }, (_, i) => `${i % 7},${i % 5}\n`).join('')}`);
      await mkdir(home);
      await writeFile(join(home, 'thesis.txt'), 'years of work');
      await runTestudo('model', 'init', start, '--track', 'feature-rows', '--scale-from', rows);
      const ended = await runTestudo('model', 'train', '--model', start, '--input', rows, '--output', home);
      expect(ended).toMatchObject({ code: 1, out: '' });
      expect(ended.error).toMatch(/^OUTPUT_UNWRITABLE: .*thesis\.txt.*; name a new or empty folder\n$/);
      expect(await readFile(join(home, 'thesis.txt'), 'utf8')).toBe('years of work');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
