import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { dashboard } from './dashboard.ts';
import { generated } from './generated-files.ts';
import { metricsOfRoles } from './metric-names.ts';
import { foreignMetrics, rules } from './rules.ts';

const { coordinator, client, sensor, agent } = metricsOfRoles();
const metrics = new Map([...coordinator, ...client, ...sensor, ...agent].map((metric) => [metric.name, metric]));
/** Series that Prometheus has of them. */
const series = new Set(
  [...metrics.values()].flatMap(({ name, kind }) =>
    kind === 'histogram' ? ['_bucket', '_sum', '_count'].map((end) => `${name}${end}`) : [name],
  ),
);

/** What a query reads: words that are neither functions, nor labels, nor within quotes, braces, brackets or `by (...)`. */
function namesIn(expr: string): string[] {
  const bare = expr.replaceAll(/"[^"]*"/g, '""').replaceAll(/\{[^}]*\}|\[[^\]]*\]|\bby \([^)]*\)/g, ' ');
  return [...bare.matchAll(/\b[a-z_][a-z0-9_]*\b(?!\s*\()/gi)]
    .map(([name]) => name)
    .filter((name) => name !== 'and' && name !== 'by');
}

/** Labels that a query names of a series. */
function labelsIn(expr: string): string[] {
  return [...expr.matchAll(/\{([^}]*)\}/g)].flatMap(([, inside = '']) =>
    [...inside.replaceAll(/"[^"]*"/g, '""').matchAll(/([a-z_]+)\s*[=!]/g)].map(([, label]) => label ?? ''),
  );
}

const panels = (dashboard() as { panels: { targets?: { expr: string }[] }[] }).panels;
const queries = [
  ...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  ...rules().groups.flatMap(({ rules: of }) => of.map(({ expr }) => expr)),
];

describe('dashboard and alarms', () => {
  it('are in the repository as they are generated (npm run dashboards)', () => {
    for (const [path, text] of generated()) expect(readFileSync(path, 'utf8') === text, path).toBe(true);
  });

  it('read only series that exist', () => {
    expect(queries.length).toBeGreaterThan(60);
    for (const expr of queries) {
      const names = namesIn(expr);
      expect(names, expr).not.toEqual([]);
      for (const name of names) expect(series.has(name) || foreignMetrics.has(name), `${name} in ${expr}`).toBe(true);
    }
  });

  it('name only labels that their series have', () => {
    for (const expr of queries) {
      const names = namesIn(expr).filter((name) => series.has(name));
      const own = names.flatMap(
        (name) => metrics.get(name.replace(/_(?:bucket|sum|count)$/, ''))?.labels ?? metrics.get(name)?.labels ?? [],
      );
      if (names.length === 0) continue;
      for (const label of labelsIn(expr)) expect([...own, 'namespace'], expr).toContain(label);
    }
  });

  it('show every metric', () => {
    const shown = new Set(queries.flatMap(namesIn));
    for (const { name, kind } of metrics.values())
      expect(shown).toContain(kind === 'histogram' ? `${name}_bucket` : name);
  });

  it('would notice a metric that does not exist', () => {
    expect(namesIn('sum by (code) (rate(testudo_gone_total{namespace=~"$namespace"}[5m])) > 0 and up')).toEqual([
      'testudo_gone_total',
      'up',
    ]);
  });
});
