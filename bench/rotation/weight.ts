/** What the client of the API server takes where nothing else is loaded, compiled as it is installed. */
import { dirname, join } from 'node:path';
import { withBuilt } from '../harness/built.ts';
import { runChild } from '../harness/child.ts';
import { median } from '../harness/measure.ts';
import type { Report } from '../harness/report.ts';

const runs = 7;

export async function weight(report: Report): Promise<void> {
  const found: Found[] = [];
  await withBuilt(async (testudo) => {
    const kube = join(dirname(testudo), '..', 'client', 'kube');
    for (let at = 0; at < runs; at += 1) found.push((await runChild(process.execPath, childArgs(kube))) as Found);
  });
  const of = (name: keyof Found) => median(found.map((one) => one[name]));
  const figures = { cpuMs: of('cpuMs'), wallMs: of('wallMs'), mebibytes: of('mebibytes') };
  report.record({ case: 'weight of the client', runs, ...figures });
  report.text(
    `## The client alone\n\nEndpoint, requests and watches, compiled, imported into a fresh process: ${figures.cpuMs.toFixed(1)} ms of the processor (${figures.wallMs.toFixed(1)} ms of the wall's clock) and ` +
      `${figures.mebibytes.toFixed(1)} MiB of resident memory, at the median of ${runs}. It depends on nothing but Node.`,
  );
}

type Found = Readonly<{ cpuMs: number; wallMs: number; mebibytes: number }>;

/** What HTTPS takes of Node itself comes first: every client would need it. */
function childArgs(kube: string): string[] {
  const script = `
    await import('node:https');
    const before = process.memoryUsage.rss();
    const startedAt = performance.now();
    const cpuBefore = process.cpuUsage();
    await import(${JSON.stringify(join(kube, 'endpoint.js'))});
    await import(${JSON.stringify(join(kube, 'reflector.js'))});
    const { user, system } = process.cpuUsage(cpuBefore);
    const wallMs = performance.now() - startedAt;
    console.log(JSON.stringify({ cpuMs: (user + system) / 1e3, wallMs, mebibytes: (process.memoryUsage.rss() - before) / 2 ** 20 }));`;
  return ['--input-type=module', '--eval', script];
}
