/**
 * `npm run proto:check`: the .proto files pass buf's linter, break no peer that speaks the committed baseline, and the
 * committed generated code is what they generate.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkout } from '../setup/places.mjs';

const proto = join(checkout, 'proto');
const folder = mkdtempSync(join(tmpdir(), 'testudo-contract-'));
try {
  const complaints = [
    ...buf('lint'),
    ...buf('breaking', '--against', 'baseline.binpb'),
    ...buf('generate', '--output', folder),
    ...differences(join(proto, 'generated'), join(folder, 'generated')),
  ];
  for (const complaint of complaints) process.stderr.write(`${complaint}\n`);
  process.exitCode = complaints.length === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true });
}

/**
 * @param {string[]} args
 * @returns {string[]} what it complained about
 */
function buf(...args) {
  const program = join(checkout, 'node_modules', '.bin', 'buf');
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd: proto, encoding: 'utf8' });
  if (status === 0) return [];
  return [`buf ${args.join(' ')}: ${error?.message ?? `${stdout}${stderr}`.trim()}`];
}

/**
 * @param {string} committed
 * @param {string} fresh
 */
function differences(committed, fresh) {
  const [old, now] = [filesOf(committed), filesOf(fresh)];
  if (now.size === 0) return ['nothing was generated'];
  const names = [...new Set([...old.keys(), ...now.keys()])].sort();
  const stale = names.filter((name) => old.get(name) !== now.get(name));
  return stale.map((name) => `proto/generated/${name} is not what the contract generates: run npm run proto:generate`);
}

/** @param {string} folder */
function filesOf(folder) {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  return new Map(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}
