import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { type ServedFaultCode, type Service, servedFaults } from '../../proto/served-faults.ts';
import { statusOf } from './status.ts';

const checkout = join(import.meta.dirname, '../..');
const codes = Object.keys(servedFaults) as ServedFaultCode[];

/** The sources that refuse: not the two tables, which name every code. */
function refusingSources(): string {
  const files = ['coordinator', 'proto'].flatMap((folder) =>
    readdirSync(join(checkout, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
  );
  const read = files.filter(
    (file) =>
      /\.ts$/.test(file) &&
      !/\.test\.ts$|arbitraries|-contract\.ts$|[/\\](?:testing|generated)[/\\]/.test(file) &&
      !/served-faults\.ts$|grpc[/\\]status\.ts$/.test(file),
  );
  expect(read.length).toBeGreaterThan(150);
  return read.map((file) => readFileSync(join(checkout, file), 'utf8')).join('\n');
}

describe('the faults that are served', () => {
  it('are each refused with somewhere: no code is dead', () => {
    const sources = refusingSources();
    expect(codes.length).toBeGreaterThan(100);
    expect(codes.filter((code) => !sources.includes(`'${code}'`))).toEqual([]);
  });

  it('stand in docs/protocol.md as they are', () => {
    const row = (code: ServedFaultCode) => {
      const services: readonly Service[] = servedFaults[code].services;
      const by = services.length === 4 ? 'every' : services.join(', ');
      return `| \`${code}\` | ${by} | \`${status[statusOf[code]]}\` | ${servedFaults[code].meaning} |`;
    };
    const page = readFileSync(join(checkout, 'docs/protocol.md'), 'utf8');
    const table = page.slice(page.indexOf('| code | services |')).split('\n\n')[0] ?? '';
    expect(table.split('\n').slice(2)).toEqual(codes.map(row));
  });
});
