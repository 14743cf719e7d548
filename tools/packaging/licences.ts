import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** SPDX names of licences that ask for no more than to be named and kept: a package of another one is not shipped. */
const allowed: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'Unlicense',
]);

/** Packages of the lockfile that only development needs, and whose code the dashboard's pages hold all the same. */
export const builtIntoPages = ['preact', 'uplot'] as const;

/** Their packages name a licence and hold no text of it: THIRD_PARTY.md says so, and whose they are. */
export const withoutText: ReadonlySet<string> = new Set([
  ...['@bufbuild/protobuf', '@msgpackr-extract/msgpackr-extract-linux-x64', 'agent-base', 'es6-promisify'],
  ...['credential-provider-http', 'credential-provider-login', 'nested-clients'].map((part) => `@aws-sdk/${part}`),
  ...['https-proxy-agent', 'onnxruntime-common', 'onnxruntime-node', 'pg-types', 'pgpass', 'seedrandom', 'tr46'],
  ...['', '-backend-cpu', '-backend-webgl', '-converter', '-core', '-data', '-layers', '-node'].map(
    (part) => `@tensorflow/tfjs${part}`,
  ),
]);

export type Shipped = Readonly<{ path: string; name: string; version: string; licence: string | undefined }>;

type Locked = Readonly<{ version?: string; license?: string; dev?: boolean }>;

/** Everything of others that npm puts beside our code or that pages hold, on any platform, by the lockfile. */
export function shippedOf(lockfile: string): Shipped[] {
  const { packages } = JSON.parse(lockfile) as { packages: Readonly<Record<string, Locked>> };
  return Object.entries(packages)
    .map(([path, { version = '', license, dev = false }]) => {
      const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
      return { path, name, version, licence: license, dev };
    })
    .filter(
      ({ path, name, dev }) =>
        path !== '' && (!dev || builtIntoPages.some((one) => path === `node_modules/${one}` && one === name)),
    )
    .map(({ dev: _, ...shipped }) => shipped)
    .sort((one, other) => (`${one.name} ${one.version}` < `${other.name} ${other.version}` ? -1 : 1));
}

/** What may not be shipped as it is, a sentence for each. */
export function licenceProblems(shipped: readonly Shipped[]): string[] {
  return shipped.flatMap(({ name, version, licence }) => {
    if (licence === undefined) return [`${name} ${version} names no licence: ask its authors, or do without it`];
    return isAllowed(licence) ? [] : [`${name} ${version} is under ${licence}, which is none of those that we ship`];
  });
}

/** Whether an SPDX expression of AND, OR and parentheses can be met by licences of the list. */
export function isAllowed(expression: string): boolean {
  const tokens = expression.match(/[()]|[^\s()]+/g) ?? [];
  let at = 0;
  const either = (): boolean => {
    let met = both();
    while (tokens[at] === 'OR') {
      at += 1;
      const other = both();
      met ||= other;
    }
    return met;
  };
  const both = (): boolean => {
    let met = one();
    while (tokens[at] === 'AND') {
      at += 1;
      const other = one();
      met &&= other;
    }
    return met;
  };
  const one = (): boolean => {
    const token = tokens[at++];
    if (token !== '(') return token !== undefined && allowed.has(token);
    const met = either();
    return tokens[at++] === ')' && met;
  };
  return either() && at === tokens.length;
}

/** The texts of its licence and notices that an installed package holds; undefined where it is not installed here. */
export function licenceTexts(checkout: string, { path }: Shipped): string[] | undefined {
  const folder = join(checkout, path);
  if (!existsSync(folder)) return undefined;
  const names = readdirSync(folder).filter((name) => /^(?:licen[cs]e|copying|unlicense|notice)/i.test(name));
  return names.map((name) => readFileSync(join(folder, name), 'utf8'));
}

/** The text of THIRD_PARTY.md. */
export function thirdPartyPage(checkout: string): string {
  const shipped = shippedOf(readFileSync(join(checkout, 'package-lock.json'), 'utf8'));
  const rows = [...new Set(shipped.map(({ name, version, licence }) => `| ${name} | ${version} | ${licence} |`))];
  const pages = shipped.filter(({ path }) => builtIntoPages.some((name) => path === `node_modules/${name}`));
  const texts = pages.map((one) => `### ${one.name}\n\n${fenced((licenceTexts(checkout, one) ?? []).join('\n'))}`);
  return `# Others' work in Testudo

Written by \`npm run licences\` from package-lock.json. Testudo itself is under Apache-2.0 ([LICENSE](LICENSE)). Everything below is used as it is published;
the text of its licence lies in its folder below \`node_modules/\`, in the package and in the images too, except for those that hold none
(marked *). Node.js comes with its licence in \`usr/share/doc/node\`, TensorFlow's library, whose references to itself set-up binds, with its licence
and notices beside it, Debian's packages in
\`usr/share/doc\`. The recordings in \`data/\` were made for this project; the tables of system calls are facts of the Linux kernel.

| package | version | licence |
| --- | --- | --- |
${rows.map((row) => marked(row)).join('\n')}

## Built into the dashboard's pages

${texts.join('\n\n')}
`;
}

function marked(row: string): string {
  const name = row.split(' | ', 1)[0]?.slice(2) ?? '';
  return withoutText.has(name) ? row.replace(name, `${name} *`) : row;
}

function fenced(text: string): string {
  return `\`\`\`text\n${text.trim()}\n\`\`\``;
}
