import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkout } from '../../tools/setup/places.mjs';
import { dockerfileOf } from './dockerfile.ts';
import { imageNames, images } from './images.ts';

type Instruction = Readonly<{ name: string; words: string }>;

/** The instructions of a Dockerfile, continued lines joined, comments left out. */
function instructionsOf(text: string): Instruction[] {
  return text
    .replaceAll(/\\\n/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => /^([A-Z]+)\s+(.*)$/.exec(line))
    .map((match) => ({ name: match?.[1] ?? 'nothing', words: match?.[2] ?? '' }));
}

/** What is wrong with a Dockerfile of ours, in words. */
function complaints(text: string): string[] {
  const instructions = instructionsOf(text);
  const of = (name: string) => instructions.filter((one) => one.name === name).map(({ words }) => words);
  const found: string[] = [];
  if (of('nothing').length > 0) found.push('a line is no instruction');
  if (of('ADD').length > 0) found.push('ADD fetches and unpacks: use COPY');
  if (instructions.some(({ words }) => /\b(?:curl|wget)\b.*\|/.test(words)))
    found.push('pipes a download into a program');
  if (of('FROM').some((words) => /:latest\b/.test(words))) found.push('builds on a tag that moves by design');
  if (!/^[1-9]\d*:[1-9]\d*$/.test(of('USER').at(-1) ?? ''))
    found.push('does not end as a numbered user other than root');
  for (const name of ['ENTRYPOINT', 'CMD']) {
    if (!of(name).every((words) => words.startsWith('['))) found.push(`${name} needs a shell`);
  }
  for (const words of of('RUN').filter((run) => run.includes('apt-get install'))) {
    if (!words.includes('--no-install-recommends')) found.push('installs what is merely recommended');
    if (!words.includes('rm -rf /var/lib/apt/lists')) found.push('keeps the lists of packages');
  }
  const named = [...of('ENV'), ...of('ARG')].filter((words) => /(?:token|secret|password|key)\w*=/i.test(words));
  if (named.length > 0) found.push('carries a secret');
  const lastFrom = instructions.map(({ name }) => name).lastIndexOf('FROM');
  if (instructions.slice(lastFrom).some(({ name }) => name === 'RUN')) found.push('runs something in the last stage');
  return found;
}

describe.each(imageNames)('the Dockerfile of %s', (name) => {
  const text = readFileSync(join(checkout, 'deploy', 'images', `Dockerfile.${name}`), 'utf8');

  it('says what our own build says; `npm run images -- --dockerfiles` writes it', () => {
    expect(text).toBe(dockerfileOf(images[name]));
  });

  it('keeps the rules', () => {
    expect(complaints(text)).toEqual([]);
    expect(instructionsOf(text).length).toBeGreaterThan(15);
  });
});

describe('the rules for Dockerfiles', () => {
  it.each([
    ['USER 0:0', 'does not end as a numbered user other than root'],
    ['USER testudo', 'does not end as a numbered user other than root'],
    ['ADD https://example.org/a.tar /', 'ADD fetches and unpacks: use COPY'],
    ['CMD node a.js', 'CMD needs a shell'],
    ['RUN true', 'runs something in the last stage'],
    ['RUN curl https://example.org/a.sh | sh', 'pipes a download into a program'],
    ['ENV NPM_TOKEN=abc', 'carries a secret'],
    ['RUN apt-get install -y git', 'installs what is merely recommended'],
    ['FROM debian:latest', 'builds on a tag that moves by design'],
  ])('would find %s', (line, complaint) => {
    expect(complaints(`${dockerfileOf(images.sensor)}${line}\n`)).toContain(complaint);
  });

  it('are not the only guard: what a build may see is listed too', () => {
    const ignored = readFileSync(join(checkout, '.dockerignore'), 'utf8').split('\n');
    expect(ignored).toEqual(
      expect.arrayContaining(['.git', 'node_modules', 'out', '**/.npmrc', '**/*.key', '**/*.pem']),
    );
  });
});
