import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { checkout } from '../../tools/setup/places.mjs';

const read = (path: string) => readFileSync(`${checkout}/deploy/chart/testudo/${path}`, 'utf8');

describe('the chart', () => {
  it("has the package's version", () => {
    const { version } = JSON.parse(readFileSync(`${checkout}/package.json`, 'utf8'));
    expect(parse(read('Chart.yaml'))).toMatchObject({ version, appVersion: version });
  });

  it('leaves none of its values open, but for what charts above it, processes and the cluster check themselves', () => {
    const open: string[] = [];
    const walk = (schema: unknown, path: string): void => {
      if (typeof schema !== 'object' || schema === null) return;
      const { type, additionalProperties } = schema as { type?: string; additionalProperties?: unknown };
      // Values of one type under names of anybody's choice are closed too.
      if (type === 'object' && (additionalProperties ?? true) === true) open.push(path);
      for (const [name, below] of Object.entries(schema)) walk(below, `${path}/${name}`);
    };
    walk(JSON.parse(read('values.schema.json')), '');
    expect(open.map((path) => path.replaceAll('/properties/', '/')).sort()).toEqual([
      '/$defs/resources/limits',
      '/$defs/resources/requests',
      '/$defs/tolerations/items',
      '/agent/config',
      '/client/config',
      '/coordinator/config',
      '/coordinator/doors/config',
      '/coordinator/relay/config',
      '/global',
      '/networkPolicy/clientEgress/items',
      '/networkPolicy/coordinatorFrom/items',
      '/networkPolicy/dashboardFrom/items',
      '/sensors/config',
    ]);
  });

  it('is given its Secrets by name and key as docs/kubernetes.md has them made of a store', () => {
    type Made = Readonly<{ spec: { target: { name: string }; data: readonly { secretKey: string }[] } }>;
    const page = readFileSync(`${checkout}/docs/kubernetes.md`, 'utf8');
    const [, manifests = ''] = /## Secrets from a store\n.*?```yaml\n(.*?)```/s.exec(page) ?? [];
    const made = parseAllDocuments(manifests).map((document) => document.toJS() as Made);
    const { coordinator, client } = parse(read('values.yaml'));
    const { secretName, certificateKey, keyKey } = client.hub.authority;
    const named = [coordinator.masterKey, coordinator.founding, client.joinToken].map(({ secretName: name, key }) => [
      name,
      [key],
    ]);
    expect(made.map(({ spec }) => [spec.target.name, spec.data.map(({ secretKey }) => secretKey)])).toEqual([
      ...named,
      [secretName, [certificateKey, keyKey]],
    ]);
  });
});
