import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { unwrap } from '../base/fault.ts';
import { runTestudo } from '../cli/testing/command-line.ts';
import { tempDir } from '../coordinator/testing/temp-dir.ts';
import type { TrackId } from '../proto/ids.ts';
import { type ModelSpec, specOfBytes } from '../proto/model-spec.ts';
import { specMisfit } from './spec-fit.ts';

const track = 'syscall' as TrackId;

/** The words after `--classes` of the page's line that makes a coordinator. */
function classesOf(page: string, federation: string): string[] {
  const text = readFileSync(new URL(`../${page}`, import.meta.url), 'utf8');
  const line = new RegExp(`testudo coordinator init \\S+ --federation ${federation} .*--classes ((?:[a-z]+ ?)+)`).exec(
    text,
  );
  if (line?.[1] === undefined) throw new Error(`${page} makes no federation ${federation} by classes`);
  return line[1].trim().split(' ');
}

async function founded(classes: readonly string[]): Promise<ModelSpec> {
  const folder = join(tempDir(), 'node');
  const made = await runTestudo('coordinator', 'init', folder, '--federation', 'any', '--classes', ...classes);
  expect(made).toMatchObject({ code: 0 });
  return unwrap(specOfBytes(readFileSync(join(folder, track, 'spec.json'))));
}

describe('the region of docs/relays.md', () => {
  it("fits the README's parent", async () => {
    const parent = await founded(classesOf('README.md', 'herd'));
    const region = await founded(classesOf('docs/relays.md', 'east'));
    expect(specMisfit(track, { spec: region }, parent)).toBeUndefined();
  });
});

describe('specMisfit', () => {
  it('says which classes differ, in their order, and no verb that would be refused', async () => {
    const [here, there] = [await founded(['redis', 'nginx']), await founded(['nginx', 'redis'])];
    const said = specMisfit(track, { spec: here }, there);
    expect(said).toContain('classes is "redis,nginx" here and "nginx,redis" at the parent');
    expect(said).toContain('coordinator init --classes');
    expect(said).not.toContain('tracks put');
  });

  it('lets a track be put that is not there', () => {
    const spec = { architecture: 'a/1', hyperparameters: {}, tensors: [] };
    expect(specMisfit(track, undefined, spec)).toContain('testudo tracks put syscall');
  });

  it('names what one side alone has, and cuts what is long', () => {
    const spec = { architecture: 'a/1', hyperparameters: {}, tensors: [{ name: 'w', shape: [1] }] };
    const wide = { ...spec, tensors: [{ name: 'w', shape: [2] }] };
    const long = { ...spec, hyperparameters: { words: 'x\n'.repeat(500) } };
    expect(specMisfit(track, { spec }, { ...spec, architecture: 'b/1' })).toContain(
      'architecture is "a/1" here and "b/1"',
    );
    expect(specMisfit(track, { spec }, wide)).toContain('the tensors differ');
    const said = specMisfit(track, { spec }, long) ?? '';
    expect(said).toContain('words is not set here and "x\\nx');
    expect(said).not.toContain('\n');
    expect(said.length).toBeLessThan(600);
  });
});
