import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { unknownHeader } from './unknown-header.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'testudo-header-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function saidOf(text: string | Buffer): Promise<string> {
  await writeFile(join(folder, 'flows.csv'), text);
  return unknownHeader(join(folder, 'flows.csv'));
}

it('names the columns that the nearest layout lacks, in a packed file too', async () => {
  const header = 'src_ip,src_port,dst_ip,timestamp,tot_fwd_pkts\n';
  const said = 'its header lacks "Dst Port", beside "Src IP", "Dst IP", "Timestamp"';
  expect(await saidOf(header)).toBe(said);
  expect(await saidOf(gzipSync(header))).toBe(said);
});

it('says that columns are separated by something else', async () => {
  expect(await saidOf('src_ip;dst_ip;dst_port;timestamp\n')).toContain('separated by ";"');
  expect(await saidOf('src_ip\tdst_ip\tdst_port\ttimestamp\n')).toContain('separated by "\\t"');
});

it('says that a first line is no header at all, and which track takes features without ends', async () => {
  for (const text of ['', '\n', 'what,is,this\n', 'Destination Port,Flow Duration,Label\n', '"open\n']) {
    expect(await saidOf(text)).toMatch(/^its first line is no header .*feature-rows/);
  }
});
