import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Log } from '../base/log.ts';
import { hostOf } from '../base/serving/listen.ts';
import { TlsFiles } from '../base/serving/tls-files.ts';
import type { Timers } from '../base/time.ts';
import type { Sessions } from './access/sessions.ts';
import type { CoordinatorConfig } from './config/config.ts';
import type { Doors } from './doors.ts';
import type { Registry } from './registry/registry.ts';
import type { Engine } from './rounds/engine.ts';
import { readAssets } from './web/assets.ts';
import { openDashboard } from './web/dashboard.ts';
import { OidcLogin } from './web/oidc.ts';

type Parts = Readonly<{
  config: CoordinatorConfig;
  engine: Engine;
  registry: Registry;
  log: Log;
  timers: Timers;
  sessions: Sessions;
  doors: Pick<Doors, 'access' | 'membership'>;
  pages: URL | undefined;
}>;

/** The operators' pages where the configuration says so. Rejects when the port or a file of its TLS cannot be had. */
export async function serveDashboard(
  parts: Parts,
): Promise<Readonly<{ address: string; close(): Promise<void> }> | undefined> {
  const { config, sessions, doors, pages } = parts;
  const { listen, dashboard, serverNames } = config;
  if (listen.dashboard === undefined) return undefined;
  const { url, tls: files } = dashboard;
  const onFault = (cause: string) =>
    parts.log.error({ cause }, 'dashboard: renewed TLS files cannot be used; those before stay');
  const tls = files && (await TlsFiles.read(files, { timers: parts.timers, onFault }));
  const origin = url === undefined ? undefined : new URL(url).origin;
  const secure = origin?.startsWith('https:') ?? tls !== undefined;
  const { oidc, proxy, sessionMinutes } = dashboard;
  const secret = oidc?.clientSecretFile && (await readFile(oidc.clientSecretFile, 'utf8')).trim();
  const server = await openDashboard({
    ...parts,
    sessionMs: sessionMinutes * 60_000,
    oidc: oidc && origin !== undefined ? new OidcLogin(oidc, secret, origin, parts.timers) : undefined,
    proxy,
    ...doors,
    listen: listen.dashboard,
    tls,
    site: {
      origin,
      secure,
      hosts: new Set(['localhost', '127.0.0.1', '[::1]', ...serverNames]),
      cookie: `${secure ? '__Host-' : ''}testudo-${config.federation}`,
    },
    assets: pages && readAssets(fileURLToPath(pages)),
  });
  const bound = hostOf(listen.dashboard);
  const host = /^(?:0\.0\.0\.0|\[::\])$/.test(bound) ? (serverNames[0] ?? 'localhost') : bound;
  const address = origin ?? `${secure ? 'https' : 'http'}://${host}:${server.port}`;
  sessions.serveAt(address);
  return {
    address,
    async close() {
      sessions.close();
      await server.close();
    },
  };
}
