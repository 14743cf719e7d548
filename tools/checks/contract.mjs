/**
 * `npm run proto:check`: the .proto files pass buf's linter, break no peer that speaks the committed baseline, and the
 * committed generated code is what they generate. The sensors' messages (client/sources/wire) are other people's contract:
 * there only the generated code is checked.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { checkout } from '../setup/places.mjs';

const proto = join(checkout, 'proto');
const wire = join(checkout, 'client', 'sources', 'wire');
const folder = mkdtempSync(join(tmpdir(), 'testudo-contract-'));
try {
  const complaints = [
    ...buf(proto, 'lint'),
    ...buf(proto, 'breaking', '--against', 'baseline.binpb'),
    ...stale(proto, join(folder, 'proto'), 'run npm run proto:generate'),
    ...stale(wire, join(folder, 'wire'), 'run buf generate there'),
  ];
  for (const complaint of complaints) process.stderr.write(`${complaint}\n`);
  process.exitCode = complaints.length === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true });
}

/**
 * @param {string} cwd
 * @param {string[]} args
 * @returns {string[]} what it complained about
 */
function buf(cwd, ...args) {
  const program = join(checkout, 'node_modules', '.bin', 'buf');
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, encoding: 'utf8' });
  if (status === 0) return [];
  return [`buf ${args.join(' ')}: ${error?.message ?? `${stdout}${stderr}`.trim()}`];
}

/**
 * Which of a folder's generated files are not what its .proto files generate.
 * @param {string} source
 * @param {string} fresh an empty place
 * @param {string} remedy
 */
function stale(source, fresh, remedy) {
  const complaints = buf(source, 'generate', '--output', fresh);
  if (complaints.length > 0) return complaints;
  const [old, now] = [filesOf(join(source, 'generated')), filesOf(join(fresh, 'generated'))];
  const place = relative(checkout, source);
  if (now.size === 0) return [`${place}: nothing was generated`];
  const names = [...new Set([...old.keys(), ...now.keys()])].sort();
  const differing = names.filter((name) => old.get(name) !== now.get(name));
  return differing.map((name) => `${place}/generated/${name} is not what its .proto files generate: ${remedy}`);
}

/** @param {string} folder */
function filesOf(folder) {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  return new Map(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}
