import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** What secrets look like wherever they lie, each with its name: extended regular expressions for grep. */
const shapes: Readonly<Record<string, string>> = {
  'a private key': '-----BEGIN ([A-Z]+ )*PRIVATE KEY-----[[:space:]]+[A-Za-z0-9+/]{40}',
  "npm's token": 'npm_[A-Za-z0-9]{36}|_authToken *= *[A-Za-z0-9-]{16}',
  "GitHub's token": 'gh[oprsu]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{50}',
  "Amazon's key": 'AKIA[0-9A-Z]{16}[^0-9A-Z]',
  'a password in a URL': 'https?://[A-Za-z0-9._-]+:[A-Za-z0-9._-]{8,}@[a-z0-9-]+[.][a-z]',
};

/**
 * Secrets of known shapes in files below `folders`, as `PATH: NAME`, sorted. Files called like one of `leftOut` are not read. Contents
 * are taken as bytes and as wholes, since a key spans lines. Throws with grep's exit code when something cannot be read.
 */
export async function secretsBelow(folders: readonly string[], leftOut: readonly string[] = []): Promise<string[]> {
  const asked = ['--extended-regexp', '--null-data', ...leftOut.map((name) => `--exclude=${name}`)];
  // One look for all of them; what it finds is asked by name.
  const suspects = await grep([...asked, ...Object.values(shapes).flatMap((shape) => ['-e', shape])], folders);
  const found: string[] = [];
  for (const [name, shape] of suspects.length === 0 ? [] : Object.entries(shapes)) {
    found.push(...(await grep([...asked, '-e', shape], suspects)).map((path) => `${path}: ${name}`));
  }
  return found.sort();
}

/** Files below `folders` that hold one of these texts anywhere, sorted. */
export async function filesNaming(texts: readonly string[], folders: readonly string[]): Promise<string[]> {
  return (await grep(['--fixed-strings', ...texts.flatMap((text) => ['-e', text])], folders)).sort();
}

async function grep(args: readonly string[], places: readonly string[]): Promise<string[]> {
  const all = ['--recursive', '--files-with-matches', '--text', '--null', ...args, '--', ...places];
  // One byte a character: what is no text in UTF-8 is read as well.
  const child = spawn('grep', all, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, LC_ALL: 'C' } });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  const [code] = await once(child, 'close');
  if (code !== 0 && code !== 1) throw new Error(`image: grep ended with ${code}`);
  return out.split('\0').filter((path) => path !== '');
}
