import { get, type IncomingMessage } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { withConnection } from '../../cli/operator/connection.ts';
import { startCoordinatorProcess } from '../../lab/rig/coordinator-process.ts';
import { launchChromium, waitMsMax } from '../../tools/testing/chromium.ts';
import { median } from '../harness/measure.ts';
import { cpuSecondsOf, residentMiB } from '../harness/process-figures.ts';
import type { Herd } from '../operator/herd.ts';

export type PagesPlan = Readonly<{
  testudo: string;
  herd: Herd;
  logFile: string;
  clusters: number;
  /** How many are open at once. */
  pages: number;
  /** How long nothing happens while the processor is counted. */
  restSeconds: number;
  /** What a process has for itself before its memory is read. */
  settleMs: number;
  repeat: number;
}>;

/** What the dashboard costs a coordinator, and what who opens it waits for. */
export type PagesCost = Readonly<{
  /** Resident, of a coordinator after one look: without the dashboard, with it, and with all pages open. */
  bytes: Readonly<{ without: number; closed: number; open: number }>;
  /** Of one core, at rest with all pages open. */
  restingCores: number;
  /** From the navigation to the last row in the page. */
  drawnSeconds: number;
  firstPaintSeconds: number;
  /** While the page scrolls from end to end: frames a second, and tasks of 50 ms or more. */
  framesPerSecond: number;
  longTasks: number;
  /** The same rows and texts as a bare table in an empty page, scrolled in the same browser: what the machine allows. */
  bareFramesPerSecond: number;
  bareLongTasks: number;
}>;

export async function measurePages(plan: PagesPlan): Promise<PagesCost> {
  const without = await run(plan, {}, async (pid) => residentBytes(pid));
  return await run(plan, { TESTUDO_LISTEN_DASHBOARD: '127.0.0.1:0' }, async (pid, link) => {
    const closed = residentBytes(pid);
    const { address, cookie } = await loggedIn(await link());
    const streams: IncomingMessage[] = [];
    for (let count = 0; count < plan.pages; count++) streams.push(await openStream(address, cookie));
    await setTimeout(plan.settleMs);
    const before = cpuSecondsOf(pid);
    const startedAt = performance.now();
    await setTimeout(plan.restSeconds * 1_000);
    const restingCores = (cpuSecondsOf(pid) - before) / ((performance.now() - startedAt) / 1_000);
    const open = residentBytes(pid);
    for (const stream of streams) stream.destroy();
    return { bytes: { without, closed, open }, restingCores, ...(await drawn(plan, await link())) };
  });
}

/** A coordinator of its own, after one look at all of it. */
async function run<Value>(
  { testudo, herd, logFile, settleMs }: PagesPlan,
  env: Readonly<Record<string, string>>,
  measure: (pid: number, link: () => Promise<string>) => Promise<Value>,
): Promise<Value> {
  const { member, addresses } = await startCoordinatorProcess({ testudo, config: herd.config, logFile, env });
  const operator = { credentials: herd.credentials, address: addresses.federation };
  try {
    await withConnection(operator, async (connection) => {
      await connection.call(connection.client.getStatus, { page: { size: 500, token: '' } });
    });
    await setTimeout(settleMs);
    return await measure(member.pid, async () => {
      let url = '';
      await withConnection(operator, async (connection) => {
        ({ url } = await connection.call(connection.client.getDashboardLink, {}));
      });
      return url;
    });
  } finally {
    await member.stop();
  }
}

async function loggedIn(link: string): Promise<Readonly<{ address: string; cookie: string }>> {
  const { origin: address, hash } = new URL(link);
  const headers = { origin: address, 'content-type': 'application/json' };
  const body = JSON.stringify({ secret: hash.slice(1) });
  const answer = await fetch(`${address}/api/login`, { method: 'POST', headers, body });
  if (!answer.ok) throw new Error(`the link was refused: ${await answer.text()}`);
  return { address, cookie: (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? '' };
}

/** The live stream of one open page, which reads whatever comes. Resolves once everything was told. */
function openStream(address: string, cookie: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get(`${address}/api/live`, { headers: { cookie } }, (response) => {
      if (response.statusCode !== 200) return reject(new Error(`a page was answered with ${response.statusCode}`));
      response.on('error', () => {}); // We end it ourselves.
      response.on('data', () => resolve(response));
    }).on('error', reject);
  });
}

async function drawn({ clusters, repeat }: PagesPlan, link: string) {
  const browser = await launchChromium();
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    page.setDefaultTimeout(waitMsMax);
    await page.goto(link);
    const last = page.locator('.matrix tbody tr').nth(clusters - 1);
    await last.waitFor();
    const looks: Readonly<{ drawn: number; painted: number }>[] = [];
    for (let count = 0; count < repeat; count++) {
      await page.goto(new URL('/', link).href, { waitUntil: 'commit' });
      looks.push((await page.evaluate(untilRows(clusters))) as (typeof looks)[number]);
    }
    const scrolled = (await page.evaluate(scrollThrough)) as Scrolled;
    const texts = (await page.evaluate(textsOfMatrix)) as readonly (readonly string[])[];
    const bare = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    await bare.setContent(bareTable(texts));
    const bareScrolled = (await bare.evaluate(scrollThrough)) as Scrolled;
    return {
      drawnSeconds: median(looks.map((look) => look.drawn)) / 1_000,
      firstPaintSeconds: median(looks.map((look) => look.painted)) / 1_000,
      framesPerSecond: scrolled.frames / scrolled.seconds,
      longTasks: scrolled.long,
      bareFramesPerSecond: bareScrolled.frames / bareScrolled.seconds,
      bareLongTasks: bareScrolled.long,
    };
  } finally {
    await browser.close();
  }
}

/** In the page: when so many rows were there, and when anything was painted; milliseconds from the navigation. */
function untilRows(count: number): string {
  return `new Promise((resolve) => {
    const look = () => {
      if (document.querySelectorAll('.matrix tbody tr').length < ${count}) return requestAnimationFrame(look);
      const [paint] = performance.getEntriesByName('first-contentful-paint');
      resolve({ drawn: performance.now(), painted: paint?.startTime ?? performance.now() });
    };
    look();
  })`;
}

type Scrolled = Readonly<{ frames: number; seconds: number; long: number }>;

const textsOfMatrix =
  "[...document.querySelectorAll('.matrix tr')].map((row) => [...row.cells].map((cell) => cell.textContent))";

/** No style but the height of a row. Texts are names and versions of a herd of ours: nothing in them is markup. */
function bareTable(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => `<tr>${row.map((text) => `<td style="height:27px">${text}</td>`).join('')}</tr>`);
  return `<!doctype html><title>bare</title><table style="width:100%">${cells.join('')}</table>`;
}

const scrollThrough = `new Promise((resolve) => {
  let long = 0;
  new PerformanceObserver((list) => (long += list.getEntries().length)).observe({ entryTypes: ['longtask'] });
  const height = document.documentElement.scrollHeight;
  const startedAt = performance.now();
  let frames = 0;
  const step = () => {
    scrollTo(0, frames * 60);
    frames += 1;
    if (frames * 60 < height) return requestAnimationFrame(step);
    resolve({ frames, seconds: (performance.now() - startedAt) / 1000, long });
  };
  requestAnimationFrame(step);
})`;

function residentBytes(pid: number): number {
  return residentMiB(pid) * 2 ** 20;
}
