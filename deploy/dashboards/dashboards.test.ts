import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkout } from '../../tools/setup/places.mjs';
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

/** What a query reads: words that are neither functions nor operators, nor labels, nor within quotes, braces or brackets. */
function namesIn(expr: string): string[] {
  const bare = expr.replaceAll(/"[^"]*"/g, '""').replaceAll(/\{[^}]*\}|\[[^\]]*\]|\b(?:by|ignoring) \([^)]*\)/g, ' ');
  return [...bare.matchAll(/\b[a-z_][a-z0-9_]*\b(?!\s*\()/gi)]
    .map(([name]) => name)
    .filter((name) => !['and', 'or', 'unless', 'by', 'ignoring'].includes(name));
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

  it('sound for everything that the docs call worth an alarm', () => {
    const alarms = rules().groups.flatMap(({ rules: of }) => of.map(({ expr }) => expr));
    const docs = ['operations', 'client', 'sensor', 'alerts', 'response', 'kubernetes'];
    const named = docs.flatMap((name) => {
      const text = readFileSync(join(checkout, 'docs', `${name}.md`), 'utf8');
      // To the end of the paragraph, or of the one below where this is a heading.
      const said = [...text.matchAll(/(?:worth\s+an\s+alarm(?:\n\n)?|\bAlarm\s+on\b)[\s\S]*?(?=\n\n|$)/gi)];
      return said.flatMap(([paragraph]) => paragraph.match(/\btestudo_[a-z_]+|\b[A-Z]+(?:_[A-Z]+)+\b/g) ?? []);
    });
    expect(named.length).toBeGreaterThan(5);
    for (const name of named) expect(alarms.join('\n')).toContain(name);
  });

  it('sound for sinks of clients and of the coordinator alike', () => {
    const ofSinks = rules().groups.flatMap(({ rules: of }) =>
      of.map(({ expr }) => expr).filter((expr) => /deliver/.test(expr)),
    );
    expect(ofSinks).toHaveLength(2);
    for (const expr of ofSinks) {
      expect(new Set(namesIn(expr))).toEqual(
        new Set(['testudo_client_alert_deliveries_total', 'testudo_alert_deliveries_total']),
      );
    }
  });

  it('show a clock that is behind as well as one that is ahead', () => {
    const [panel] = (
      dashboard() as {
        panels: { title: string; fieldConfig?: { defaults: { min?: number } }; targets?: { expr: string }[] }[];
      }
    ).panels.filter(({ title }) => title === 'client_clock_ahead_seconds');
    expect(panel?.fieldConfig?.defaults).not.toHaveProperty('min');
    expect(panel?.targets?.map(({ expr }) => expr.slice(0, 3))).toEqual(['max', 'min']);
  });

  it('would notice a metric that does not exist', () => {
    expect(namesIn('sum by (code) (rate(testudo_gone_total{namespace=~"$namespace"}[5m])) > 0 and up')).toEqual([
      'testudo_gone_total',
      'up',
    ]);
  });
});
