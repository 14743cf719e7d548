import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const here = dirname(fileURLToPath(import.meta.url));
const binaries = join(here, '../node_modules/.bin');
const environment = { ...process.env, PATH: `${binaries}:${process.env.PATH}` };

/** A copy of the contract that a test may change, laid out so that buf.gen.yaml's paths still hold. */
let root: string;
let copy: string;

async function buf(...args: string[]): Promise<{ code: number; text: string }> {
  try {
    const { stdout, stderr } = await run(join(binaries, 'buf'), args, { cwd: copy, env: environment });
    return { code: 0, text: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, text: stdout + stderr };
  }
}

async function generatedFiles(folder: string): Promise<Map<string, string>> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.ts')).sort();
  return new Map(
    await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name), 'utf8')] as const)),
  );
}

async function edit(file: string, from: string, to: string): Promise<() => Promise<void>> {
  const path = join(copy, file);
  const before = await readFile(path, 'utf8');
  expect(before).toContain(from);
  await writeFile(path, before.replace(from, to));
  return () => writeFile(path, before);
}

describe('the wire contract', () => {
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'testudo-contract-'));
    copy = join(root, 'proto');
    await mkdir(join(root, 'node_modules'));
    await run('ln', ['-s', binaries, join(root, 'node_modules/.bin')]);
    await cp(join(here, 'testudo'), join(copy, 'testudo'), { recursive: true });
    for (const file of ['buf.yaml', 'buf.gen.yaml', 'baseline.binpb']) await cp(join(here, file), join(copy, file));
  });

  afterAll(() => rm(root, { recursive: true, force: true }));

  it('passes the linter', async () => {
    expect(await buf('lint')).toEqual({ code: 0, text: '' });
  });

  it('fails the linter when a field loses its comment', async () => {
    const restore = await edit('testudo/v1/common.proto', '  // Track id.\n  string track = 1;', '  string track = 1;');
    expect((await buf('lint')).code).not.toBe(0);
    await restore();
  });

  it('is what the committed TypeScript was generated from', async () => {
    expect(await buf('generate')).toMatchObject({ code: 0 });
    const fresh = await generatedFiles(join(copy, 'generated'));
    const committed = await generatedFiles(join(here, 'generated'));
    expect(committed.size).toBeGreaterThanOrEqual(5);
    expect([...committed.keys()]).toEqual([...fresh.keys()]);
    for (const [name, text] of fresh) {
      expect(committed.get(name) === text, `${name} is stale: run npm run proto:generate`).toBe(true);
    }
  });

  it('breaks no peer that speaks the baseline', async () => {
    expect(await buf('breaking', '--against', 'baseline.binpb')).toEqual({ code: 0, text: '' });
  });

  it('would be caught breaking a peer', async () => {
    const restore = await edit('testudo/v1/common.proto', 'uint64 size_bytes = 5;', 'string size_bytes = 5;');
    const { code, text } = await buf('breaking', '--against', 'baseline.binpb');
    expect(code).not.toBe(0);
    expect(text).toContain('size_bytes');
    await restore();
  });

  it('holds no Any and no map, which a peer could fill with anything', async () => {
    for (const name of (await readdir(join(here, 'testudo'), { recursive: true })).filter((n) =>
      n.endsWith('.proto'),
    )) {
      const text = await readFile(join(here, 'testudo', name), 'utf8');
      expect(text).not.toMatch(/google\.protobuf\.Any|\bmap\s*</);
    }
  });
});
