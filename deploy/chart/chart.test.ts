import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { checkout } from '../../tools/setup/places.mjs';

const read = (path: string) => readFileSync(`${checkout}/deploy/chart/testudo/${path}`, 'utf8');

describe('the chart', () => {
  it("has the package's version", () => {
    const { version } = JSON.parse(readFileSync(`${checkout}/package.json`, 'utf8'));
    expect(parse(read('Chart.yaml'))).toMatchObject({ version, appVersion: version });
  });
});
