import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import axe from 'axe-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import type { OperatorRole } from '../../coordinator/ledger/journal/events.ts';
import type { TestFederation } from '../../coordinator/testing/federation.ts';
import { Visitor } from '../../coordinator/testing/visitor.ts';
import { bringPages } from '../setup/dashboard.mjs';
import { checkout } from '../setup/places.mjs';
import { launchChromium, waitMsMax } from './chromium.ts';

/** Where `npm run setup` puts the pages. */
export const pages = new URL('../../dashboard/dist/', import.meta.url);
export const settings = ['listen.dashboard=127.0.0.1:0'];

const images = join(checkout, 'docs', 'img');

/** In the page: what its policy refuses becomes an error that we hear. */
const sayViolations = `addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI, sample }) =>
  console.error('policy: ' + violatedDirective + ' ' + blockedURI + ' ' + sample));`;

let browser: Browser | undefined;

/** Chromium for all tests of a file, and the pages as their sources are. */
export function useBrowser(): void {
  beforeAll(async () => {
    await bringPages();
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());
}

/** A page of the browser, and everything in it that should not be. */
export type Visit = Readonly<{
  page: Page;
  /** Errors, refused scripts and styles, and requests to elsewhere, as sentences. */
  wrongs: readonly string[];
}>;

/** Opens a page as the operator of that name, by a one-time link. */
export async function visit(
  federation: TestFederation,
  {
    name = 'ada',
    role = 'admin' as OperatorRole,
    ...options
  }: { name?: string; role?: OperatorRole } & BrowserContextOptions = {},
): Promise<Visit> {
  const visitor = await Visitor.hire(federation, name, role);
  const seen = await openPage(visitor.address, await visitor.link(), options);
  await seen.page.getByRole('navigation').waitFor(); // Whoever goes on before may cut the login off.
  return seen;
}

/** Opens an address in a context of its own: no cookie is there before. */
export async function openPage(address: string, url: string, options: BrowserContextOptions = {}): Promise<Visit> {
  if (browser === undefined) throw new Error('call useBrowser() first');
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  onTestFinished(() => context.close());
  context.setDefaultTimeout(waitMsMax);
  const page = await context.newPage();
  const wrongs: string[] = [];
  page.on('pageerror', (error) => wrongs.push(`threw: ${error.message}`));
  page.on('console', (message) => {
    // What a refused request says is the server's word, and looked at where it is asked for.
    if (message.type() === 'error' && !/Failed to load resource/.test(message.text())) wrongs.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(`${address}/`)) wrongs.push(`asked elsewhere: ${request.url()}`);
  });
  await page.addInitScript({ content: sayViolations });
  await page.goto(url);
  return { page, wrongs };
}

/** What axe finds that is serious or worse, as sentences. It is put into a page beside its policy. */
export async function axeFindings({ page }: Visit): Promise<readonly string[]> {
  const session = await page.context().newCDPSession(page);
  await session.send('Page.setBypassCSP', { enabled: true });
  await page.evaluate(axe.source);
  const found = (await page.evaluate('axe.run(document, { resultTypes: ["violations"] })')) as AxeResult;
  await session.detach();
  return found.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, help, nodes }) => `${id}: ${help} (${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')})`);
}

type AxeResult = Readonly<{
  violations: readonly Readonly<{ id: string; impact: string; help: string; nodes: readonly { html: string }[] }>[];
}>;

/** A picture for the README; written only where TESTUDO_PICTURES says so, so that a test run changes no file. */
export async function picture({ page }: Visit, name: string): Promise<void> {
  if (process.env.TESTUDO_PICTURES !== 'on') return;
  await mkdir(images, { recursive: true });
  await page.screenshot({ path: join(images, `dashboard-${name}.png`) });
}
