import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cachedDist } from '../deploy/images/dist.ts';
import { mentionsIn } from './checks/imports.ts';
import { checkout } from './setup/places.mjs';

const run = promisify(execFile);
let folder: string;
let dist: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'testudo-build-'));
  dist = join(folder, 'dist');
  // The tests of images build the same package, and build it anew to compare: once more would show nothing more.
  cpSync(await cachedDist(), dist, { recursive: true });
  symlinkSync(join(checkout, 'node_modules'), join(dist, 'node_modules'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const scripts = () =>
  readdirSync(dist, { recursive: true, encoding: 'utf8' })
    .filter((name) => !name.startsWith('node_modules') && /\.m?js$/.test(name))
    .map((name) => join(dist, name));

describe('the built package', () => {
  it('holds every file that its modules import or name by URL', () => {
    const missing: string[] = [];
    let followed = 0;
    for (const path of scripts()) {
      for (const { specifier } of mentionsIn(readFileSync(path, 'utf8'), 'js')) {
        if (!specifier?.startsWith('.') || specifier.includes('${')) continue;
        followed += 1;
        const target = fileURLToPath(new URL(specifier, pathToFileURL(path)));
        if (!existsSync(target)) missing.push(`${path.slice(dist.length + 1)} → ${specifier}`);
      }
    }
    expect(missing).toEqual([]);
    expect(followed).toBeGreaterThan(100);
  });

  it('imports only packages that it depends on', () => {
    const { dependencies, optionalDependencies } = JSON.parse(readFileSync(join(dist, 'package.json'), 'utf8'));
    const strangers = new Set<string>();
    for (const path of scripts()) {
      for (const { specifier = '' } of mentionsIn(readFileSync(path, 'utf8'), 'js')) {
        // A specifier that is only known when it runs, as that of a track's module, names no package here.
        if (specifier === '' || /^[./#]|\$\{/.test(specifier) || isBuiltin(specifier)) continue;
        const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
        if (!(name in { ...dependencies, ...optionalDependencies }))
          strangers.add(`${path.slice(dist.length + 1)} → ${name}`);
      }
    }
    expect([...strangers]).toEqual([]);
  });

  it('holds no TypeScript sources and no tests', () => {
    const names = readdirSync(dist, { recursive: true, encoding: 'utf8' });
    const strange = names.filter(
      (name) => !name.startsWith('node_modules') && /(?<!\.d)\.[cm]?ts$|\.test\./.test(name),
    );
    expect(strange).toEqual([]);
  });

  it('runs: the command line answers, and #tensorflow is the native library', async () => {
    const { version } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8'));
    const cli = await run(process.execPath, [join(dist, 'cli', 'testudo.js'), '--version']);
    // And the digest of what was built.
    const [number, digest] = cli.stdout.trim().split('+');
    expect(number).toBe(version);
    expect(digest).toMatch(/^[0-9a-f]{12}$/);
    const code = "const { tf } = await import('#tensorflow'); process.stdout.write(tf.getBackend());";
    const loaded = await run(process.execPath, ['--input-type=module', '--eval', code], { cwd: dist });
    expect(loaded.stdout).toBe('tensorflow');
  });
});
