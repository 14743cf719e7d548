/** `npm run package -- DIR [--sign FILE …]`: the package that npm installs, in DIR, with what belongs to it, signed if told. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { readKey } from '../../cli/operator/root-files.ts';
import { buildDist } from '../images/dist.ts';
import { publishPackage } from './publish.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { sign: { type: 'string', multiple: true, default: [] } },
});
const [out] = positionals;
if (out === undefined || positionals.length > 1) {
  process.stderr.write('usage: npm run package -- DIR [--sign FILE …]\n');
  process.exit(2);
}

const keys = values.sign.map(readKey);
const folder = mkdtempSync(join(tmpdir(), 'testudo-package-'));
try {
  const dist = join(folder, 'dist');
  await buildDist(dist);
  const { file, sha256 } = await publishPackage(dist, out, keys);
  process.stdout.write(`${file}  sha256:${sha256}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
